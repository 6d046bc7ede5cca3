//! The server, asked over HTTP as clients ask it, on SQLite and PostgreSQL; and by Prefect's own client.
//!
//! PostgreSQL's address is in `FLOWCORE_TEST_POSTGRES_URL`, an interpreter that has the package `prefect` is
//! `FLOWCORE_TEST_PREFECT_PYTHON`. Without them those tests say that they did not run, and in continuous integration
//! (`CI=true`) they fail.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod artifacts;
mod asked_runs;
mod automations;
mod background_tasks;
mod blocks;
mod client_contract;
mod client_troubles;
mod clock;
mod contract;
mod deployment_limits;
mod deployments;
mod encryption;
mod events;
mod filters;
mod flow_runs;
mod fuzz;
mod limits;
mod live;
mod neighbours;
mod orchestration;
mod outages;
mod plans;
mod prefect_client;
mod prefect_server;
mod readiness;
mod retention;
mod runs;
mod rust_client;
mod said_and_unsaid;
mod security;
mod services;
mod serving;
mod small_print;
mod socket;
mod task_runs;
mod untrusted;
mod validation;
mod variables;
mod why;
mod work_pools;
mod worker_channel;
mod world;
mod zombies;

#[tokio::test]
async fn all_mistakes_of_a_request_are_told_at_once() {
    world::on_sqlite(validation::all_mistakes_of_a_request_are_told_at_once).await;
}

#[tokio::test]
async fn what_is_meant_well_is_taken() {
    world::on_sqlite(validation::what_is_meant_well_is_taken).await;
}

#[tokio::test]
async fn requests_have_bounds() {
    world::on_sqlite(validation::requests_have_bounds).await;
}

#[tokio::test]
async fn nothing_is_answered_without_the_password() {
    world::on_sqlite_set(security::GUARDED, security::nothing_is_answered_without_the_password).await;
}

#[tokio::test]
async fn a_run_proves_itself_until_it_has_ended() {
    world::on_sqlite_set(security::GUARDED, security::a_run_proves_itself_until_it_has_ended).await;
}

#[tokio::test]
async fn changes_need_a_token_where_that_is_set() {
    world::on_sqlite_set(security::PROTECTED, security::changes_need_a_token_where_that_is_set).await;
}

#[tokio::test]
async fn the_server_tells_of_itself() {
    world::on_sqlite_set(security::ELSEWHERE, security::the_server_tells_of_itself).await;
}

#[tokio::test]
async fn the_database_is_cleared_where_that_is_allowed() {
    world::on_sqlite_set(security::ELSEWHERE, security::the_database_is_cleared_where_that_is_allowed).await;
}

#[tokio::test]
async fn the_database_is_not_cleared_otherwise() {
    world::on_sqlite(security::the_database_is_not_cleared_otherwise).await;
}

#[tokio::test]
async fn the_contract_is_prefects() {
    world::on_sqlite(contract::the_contract_is_prefects).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_others_stay_as_they_are() {
    let name = "tables_of_others_stay_as_they_are";
    world::on_postgres_behind(neighbours::PREFECTS_TABLES, name, neighbours::tables_of_others_stay_as_they_are).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_from_before_are_found_where_they_are() {
    let name = "tables_from_before_are_found_where_they_are";
    world::on_postgres(name, neighbours::tables_from_before_are_found_where_they_are).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_the_url_names_is_used() {
    world::on_postgres("a_schema_that_the_url_names_is_used", neighbours::a_schema_that_the_url_names_is_used).await;
}

on_both_databases! {
    retention: events_are_kept_for_a_week, ended_runs_go_with_all_that_belongs_to_them;
    why: a_run_for_a_worker_waits_for_what_stands_in_its_way, a_run_of_a_deployment_waits_for_a_slot_or_for_who_serves_it,
        a_run_waits_for_its_time_a_resume_or_somebody, a_running_run_waits_for_what_is_in_it;
    zombies: a_run_that_died_with_its_worker_before_it_began_crashes,
        a_run_that_was_taken_and_never_begun_is_taken_again,
        a_run_whose_taker_dies_at_once_is_taken_again, a_run_that_is_said_to_have_crashed_is_tried_again,
        a_run_whose_process_is_silent_crashes_once_and_is_tried_again,
        a_process_that_dies_before_its_retry_has_no_slot, nobody_is_waited_for_who_never_spoke_up,
        a_server_that_was_away_waits, a_run_of_flowcore_is_found_that_died_early, a_late_client_is_told_to_stop,
        a_program_whose_lease_has_ended_is_found, what_was_being_cancelled_is_cancelled,
        slots_come_back_whose_lease_has_ended, slots_come_back_of_runs_that_are_over;
    services: schedules_make_runs_once_in_several_servers, a_redeploy_touches_only_the_runs_that_it_changes, a_schedule_is_filled_up_as_time_passes,
        no_time_is_missed_or_comes_twice_through_redeploys, runs_that_nobody_begins_are_late,
        pauses_end, what_belongs_to_a_cancelled_run_is_cancelled, no_overdue_cancellation_is_hidden_by_others,
        times_that_passed_are_made_up_for_as_the_schedule_says;
    deployments: a_deployment_is_made_once_and_changed, schedules_make_runs_and_take_back_their_own,
        schedules_are_changed_by_their_slugs, a_run_has_what_its_deployment_has, deployments_are_found,
        deployments_have_places_in_pools, a_limit_keeps_runs_from_beginning, a_run_that_is_gone_has_no_slot;
    deployment_limits: of_two_who_take_a_run_one_has_it_with_its_slot, many_who_begin_at_once_keep_to_the_limit,
        the_states_of_a_run_name_the_lease_of_its_slot, a_retry_in_its_process_keeps_the_slot,
        a_slot_is_lost_that_is_not_used_or_renewed, what_cannot_begin_takes_no_slot, who_has_waited_longest_is_next,
        a_free_slot_is_taken_at_once, who_would_be_late_is_cancelled_where_that_is_wanted;
    flow_runs: flows_are_made_once, mistakes_are_told_as_prefect_tells_them, a_flow_run_goes_its_way,
        a_key_makes_one_run, a_run_is_edited_while_it_moves, a_failed_run_is_tried_again;
    automations: automations_are_kept_as_they_came, automations_go_with_what_they_belong_to,
        mistakes_in_automations_are_told, searches_are_saved;
    events: events_are_found_by_what_they_say, pages_of_events_lead_to_each_other, events_are_counted,
        states_of_runs_are_events, events_of_runs_say_what_the_run_belongs_to;
    live: the_past_and_the_present_join_without_a_gap, states_are_told_of_whoever_has_written_them,
        who_reads_too_slowly_has_to_come_again, only_what_is_asked_for_is_told, log_lines_are_told_as_they_come, background_tasks_go_to_one_worker_each,
        workers_have_to_say_what_they_serve;
    said_and_unsaid: where_nothing_is_said_of_retries_nothing_is_answered, each_member_of_a_union_tells_its_mistake,
        bounds_are_told_as_they_are, a_run_that_begins_at_its_end_has_begun,
        a_task_run_has_a_name_and_the_labels_of_its_flow_run, job_variables_change_only_for_workers_to_come,
        what_a_state_says_of_its_result_is_an_artifact,
        a_deployment_has_the_parameters_that_were_given_last, flows_are_selected_by_whether_they_are_deployed;
    small_print: a_run_has_the_labels_of_its_flow, what_is_not_there_is_told_in_prefects_words,
        what_a_change_of_an_automation_does_not_say_stays, runs_name_the_pools_of_their_queues,
        a_scheduled_task_run_is_due_at_once, labels_are_texts_numbers_and_truth_values, a_list_is_no_object,
        the_first_state_names_its_run, runs_belong_to_what_is_there, a_task_run_that_runs_again_counts_since_then;
    untrusted: filters_of_every_kind_are_answered, times_come_back_as_they_are, schedules_of_every_kind_are_bounded,
        templates_are_bounded, values_and_schemas_are_bounded, page_tokens_are_ours_or_refused;
    filters: flow_runs_are_found, task_runs_are_found, pages_fit_together, log_lines_are_found;
    task_runs: events_in_any_order_make_one_history, a_ping_is_answered_behind_the_commit,
        other_events_are_kept, a_task_run_is_made_and_moved_by_requests, a_subflow_moves_its_task_run,
        of_two_who_move_a_task_run_one_is_right;
    orchestration: states_are_judged_as_prefect_judges_them;
    runs: flows_are_changed_and_deleted, runs_are_counted_over_time, what_belongs_to_what_is_deleted_goes_and_subflows_stay, an_input_is_kept_once_and_checked_at_the_resume,
        a_graph_tells_of_tasks_and_subflows, many_runs_are_moved_and_deleted_at_once, task_runs_are_changed_and_deleted,
        values_are_compared_with_a_schema;
    variables: a_variable_is_kept_under_one_name, a_variable_changes_and_goes, variables_are_found;
    artifacts: an_artifact_is_kept_changed_and_deleted, the_newest_of_a_key_is_what_it_is_now, artifacts_are_found;
    work_pools: pools_are_made_and_changed, queues_have_an_order, queues_without_a_pool_are_the_agents,
        workers_are_heard_of, due_runs_come_in_strict_order, slots_go_to_runs_that_are_due_before_those_that_are_not,
        no_more_runs_are_taken_than_a_pool_may_have, runs_say_where_they_are, one_of_many_workers_gets_a_run;
    worker_channel: a_worker_is_told_of_its_pool, a_worker_that_cannot_be_served_is_told_why,
        what_a_cancellation_has_left_is_torn_down;
    fuzz: every_route_stands_what_comes;
    rust_client: a_flow_is_seen_on_the_server, flows_go_the_ways_that_they_go_on_a_database,
        a_flow_is_cancelled_from_elsewhere, lists_are_read_page_by_page;
    background_tasks: a_delayed_task_is_executed_by_a_worker, what_goes_wrong_in_the_background_is_told,
        a_worker_has_its_limit_and_ends_gracefully, the_run_of_a_killed_worker_goes_to_another;
    serving: served_runs_are_executed_as_they_are_due, whoever_asks_for_a_run_gets_it_at_once, two_who_serve_the_same_share_its_runs;
    asked_runs: a_run_that_a_flow_asks_for_is_its_subflow, a_retried_flow_takes_the_runs_that_it_has_asked_for,
        who_does_not_wait_gets_the_run_at_once;
    blocks: block_types_are_kept_and_protected, a_schema_is_known_by_its_checksum,
        blocks_stand_in_blocks_and_hide_secrets, blocks_have_names_and_are_found;
    limits: slots_are_counted, a_lease_is_renewed_and_given_back, a_limit_of_a_tag_is_a_global_limit, a_rate_is_kept,
        task_runs_take_the_slots_of_their_tags, who_waits_is_told_of_the_usual_time, who_asks_in_vain_for_what_decays_waits_for_those_before;
    readiness: who_is_not_heard_of_is_offline, what_nobody_polls_is_not_ready;
    prefect_client: commands_of_every_group_of_prefects, limits_of_prefect, pools_of_prefect, workers_of_prefect, a_flow_of_prefects_runs, deployments_of_prefects_run, variables_and_artifacts_of_prefect,
        blocks_of_prefect, events_automations_and_background_tasks_of_prefect, runs_of_prefect_pause_and_are_cancelled;
}
