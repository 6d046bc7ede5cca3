//! Flows and tasks as programs use them, on every store.

#[path = "../store/backend.rs"]
mod backend;
mod calls;
mod cancelling;
mod clock;
mod gate;
mod graph;
mod panics;
mod states;
mod world;

conformance! {
    cancelling: a_task_is_cancelled_by_its_future, a_flow_whose_future_is_dropped_is_cancelled;
    graph: edges_are_recorded, a_subflow_is_a_run_of_its_own;
    states: retries_are_states_of_one_run, a_failed_flow_is_tried_again_and_its_finished_tasks_are_not;
}
