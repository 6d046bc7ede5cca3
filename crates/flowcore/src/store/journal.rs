//! What the journal of task runs means, the same for every store: which states of a record are new, and how a run is
//! ended that nobody ends itself.

use uuid::Builder;

use crate::model::{State, StateId, StateName, StateType, TaskRun, TaskRunRecord, Timestamp};

/// Returns the states of a record that a history of `known` states does not have yet.
///
/// Nothing when the record was kept before; a part of the states when it overlaps with what was.
pub(super) fn new_states(record: &TaskRunRecord, known: i32) -> &[State] {
    let missing = usize::try_from(record.history_len.saturating_sub(known)).unwrap_or(0);
    &record.states[record.states.len() - missing.min(record.states.len())..]
}

/// Tells whether a task run may still be ended from outside: it has not ended, and it still can run.
pub(super) fn is_open(state: &State) -> bool {
    let never_runs = state.kind == StateType::Pending && state.name == StateName::NOT_READY;
    !state.is_terminal() && !never_runs
}

/// Ends a task run at `now` with a copy of `state`.
///
/// The copy's id is drawn from both ids, so that each run's state has its own and the same call gives the same ids.
pub(super) fn end(run: &mut TaskRun, state: &State, now: Timestamp) {
    if run.state.kind == StateType::Running {
        let microseconds = (now - run.state.timestamp).num_microseconds().unwrap_or(0);
        run.times.total_run_time += microseconds.max(0);
    }
    run.times.end_time = Some(now);
    run.times.next_scheduled_start_time = None;
    run.state = State { id: derived_id(state.id, run), ..state.clone() };
}

/// Keeps the first six bytes, which are the time in an id of version 7, and hashes the rest.
fn derived_id(id: StateId, run: &TaskRun) -> StateId {
    let hash = blake3::Hasher::new().update(id.0.as_bytes()).update(run.id.0.as_bytes()).finalize();
    let mut bytes = *id.0.as_bytes();
    bytes[6..].copy_from_slice(&hash.as_bytes()[..10]);
    StateId(Builder::from_custom_bytes(bytes).into_uuid())
}
