//! What every implementation of the trait `Client` does: one list of cases, over the local client on both of its stores, and
//! over the client of a server on both of its databases.
//!
//! Where a server's client differs by design the case says so, with the reason: [`Subject::is_server`].

mod artifacts;
mod control;
mod events;
mod inputs;
mod limits;
mod lists;
mod logs;
mod rows;
mod runs;
mod subject;
mod task_runs;
mod variables;

use subject::Subject;

/// Makes a test of each case for each kind of client.
macro_rules! contract {
    ($($module:ident: $($case:ident),+;)+) => {
        mod in_memory {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::subject::in_memory(super::$module::$case).await;
            })+)+
        }

        mod in_a_file {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::subject::in_a_file(super::$module::$case).await;
            })+)+
        }

        mod over_http_on_sqlite {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::subject::over_http_on_sqlite(super::$module::$case).await;
            })+)+
        }

        mod over_http_on_postgres {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::subject::over_http_on_postgres(stringify!($case), super::$module::$case).await;
            })+)+
        }
    };
}

contract! {
    runs: a_run_is_as_it_was_made, a_failed_run_is_tried_again_and_anew, a_run_is_claimed_by_one_process,
        a_run_is_cancelled_where_it_is, a_deleted_run_is_refused;
    task_runs: records_make_one_history, task_runs_are_counted_by_state, open_task_runs_are_ended,
        task_runs_are_found;
    lists: flow_runs_are_found, flows_are_found, lists_go_beyond_a_page;
    logs: log_lines_are_found, what_a_line_says_is_kept;
    control: a_pause_is_told_what_it_asks_for, a_suspended_run_goes_on_where_it_is_resumed,
        a_suspended_run_is_cancelled_or_too_late, a_pause_is_resumed_once, a_resume_of_what_has_ended_is_refused;
    inputs: inputs_are_found, more_inputs_than_a_page, values_go_from_run_to_run;
    limits: limits_are_made_and_changed, what_cannot_be_a_limit_is_refused, of_one_slot_one_is_granted,
        asks_are_refused_for_their_reasons, a_rate_is_kept, what_limits_nothing_is_granted;
    artifacts: an_artifact_is_kept_changed_and_deleted, artifacts_are_found;
    variables: a_variable_is_set_once_and_overwritten, variables_are_found;
    events: events_are_found, changes_of_state_are_events;
}
