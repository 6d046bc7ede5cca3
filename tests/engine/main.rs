//! Flows and tasks as programs use them, on every store.

#[path = "../store/backend.rs"]
mod backend;
mod calls;
mod clock;
mod gate;
mod graph;
mod world;

conformance! {
    graph: edges_are_recorded, a_subflow_is_a_run_of_its_own;
}
