//! Flows and tasks as programs use them, on every store.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod around;
mod artifacts;
mod assets;
#[path = "../store/backend.rs"]
mod backend;
mod broken;
mod caching;
mod calls;
mod cancelling;
mod clock;
mod crash_testing;
mod examples;
mod gate;
mod graph;
mod heard;
mod keeping;
mod leaving;
mod limits;
mod locking;
mod messaging;
mod naming;
mod outside;
mod panics;
mod pausing;
mod plain;
mod resuming;
mod runners;
mod shutting_down;
mod sleeping;
mod states;
mod stopping;
mod streams;
mod summaries;
mod suspending;
mod telling;
mod transactions;
mod unready;
mod unwritten;
mod variables;
mod virtual_time;
mod world;

conformance! {
    keeping: small_results_are_inline_and_large_ones_stored;
    leaving: log_lines_are_kept_with_their_runs, every_change_of_state_is_an_event,
        runs_have_the_names_and_tags_they_are_given;
    telling: events_are_related_to_the_run_around;
    assets: materializations_are_told_with_what_they_depend_on;
    around: tags_are_given_to_all_runs_inside;
    resuming: finished_tasks_are_not_executed_again, equal_calls_are_told_apart_and_order_does_not_matter,
        a_subflow_keeps_its_run;
    stopping: a_request_from_elsewhere_ends_a_run, what_nobody_executes_is_cancelled_at_once;
    pausing: a_paused_flow_goes_on_when_it_is_resumed, a_resume_from_elsewhere_is_noticed, an_input_is_checked_and_told;
    suspending: a_suspended_flow_goes_on_behind_what_is_done, a_suspension_is_told_its_input;
    sleeping: only_the_rest_is_slept_behind_a_restart;
    messaging: what_is_sent_is_received_once_and_in_order;
    streams: a_stream_that_has_ended_is_given_again;
    summaries: a_map_goes_on_behind_the_calls_that_are_done;
    unready: what_never_had_its_arguments_keeps_its_run;
    cancelling: a_task_is_cancelled_by_its_future, a_flow_whose_future_is_dropped_is_cancelled;
    graph: edges_are_recorded, a_subflow_is_a_run_of_its_own;
    transactions: a_failing_block_is_undone_in_reverse_order, a_commit_calls_hooks_in_order,
        what_is_rolled_back_is_executed_again, what_is_committed_stays_so;
    artifacts: artifacts_of_each_kind_are_kept, an_artifact_changes_while_it_is_the_same_version,
        artifacts_of_one_key_are_versions;
    variables: variables_are_set_and_read_in_runs_and_outside, a_taken_name_is_kept_unless_it_is_overwritten;
    locking: a_key_is_held_by_one_engine_at_a_time, who_has_lost_its_lock_commits_nothing,
        an_isolated_key_is_computed_by_one_engine;
    states: retries_are_states_of_one_run, a_failed_flow_is_tried_again_and_its_finished_tasks_are_not;
}
