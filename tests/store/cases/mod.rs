//! The cases that every store passes, and the table of them.

mod artifacts;
mod close;
mod concurrency;
mod events;
mod extremes;
pub(crate) mod flow_runs;
mod flows;
mod inputs;
pub(crate) mod limits;
mod messages;
mod processes;
mod task_runs;
mod variables;

crate::conformance! {
    flows: an_empty_store_is_empty, a_flow_is_kept_once_by_its_name, flows_are_listed_by_name_and_page;
    flow_runs: a_flow_run_is_read_as_it_was_written, an_id_is_taken_once, a_swap_replaces_and_appends,
        a_swap_of_another_state_conflicts, a_swap_of_a_missing_run_is_missing, flow_runs_are_listed_newest_first,
        flow_runs_are_filtered, flow_runs_are_found_by_ids_names_and_parents, active_runs_are_those_of_processes,
        a_process_is_told_what_it_is_to_end, a_deleted_flow_run_leaves_nothing;
    task_runs: a_task_run_is_read_as_it_was_written, records_append_to_the_history,
        a_repeated_record_changes_nothing, an_overlapping_record_adds_what_is_new,
        several_records_of_one_run_in_one_call, another_attempt_is_refused, records_of_missing_runs_are_refused,
        task_runs_are_filtered_and_paged, task_runs_are_found_by_ids_and_names,
        rare_task_runs_are_found_among_many, task_runs_are_counted_by_state, open_task_runs_are_ended, large_batches_are_whole;
    messages: log_lines_are_listed_oldest_first, log_lines_are_filtered, events_are_merged_in_order_of_time, events_of_a_flow_run, events_are_paged;
    artifacts: artifacts_are_listed_newest_first, an_artifact_is_replaced, artifacts_are_found_by_ids,
        artifacts_are_filtered, the_latest_is_the_newest_of_all, artifacts_are_ordered, an_artifact_is_changed,
        artifacts_are_deleted_by_id_and_by_key;
    events: pages_of_events_are_those_of_the_whole, ended_runs_are_among_the_newest_events,
        events_are_filtered;
    inputs: inputs_are_listed_in_the_order_of_their_ids, inputs_are_filtered_and_deleted_with_their_run;
    processes: leases_are_kept_renewed_and_forgotten;
    limits: limits_are_read_as_they_were_written, a_decision_sees_and_changes_what_stands,
        slots_of_dead_processes_are_removed, decisions_at_once_are_made_one_after_the_other,
        locks_are_not_listed_and_go_with_their_holders;
    variables: a_variable_is_read_as_it_was_written, a_taken_name_is_replaced_only_if_that_is_wanted,
        of_many_that_want_a_name_one_gets_it, variables_are_filtered, variables_are_ordered_and_paged, a_variable_is_deleted_once;
    extremes: all_of_unicode_is_kept, large_values_are_kept, microseconds_are_kept, long_lists_select;
    concurrency: one_of_many_swaps_wins, chains_of_swaps_reach_their_end, many_writers_lose_nothing,
        a_caller_that_gives_up_harms_nobody;
    close: a_closed_store_refuses_everything;
}
