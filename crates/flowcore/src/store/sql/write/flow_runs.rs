//! Inserting flow runs and changing their states.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::oneshot;

use crate::model::{FlowRun, FlowRunId, State, StateId};
use crate::store::sql::batch::Entry;
use crate::store::sql::driver::Outcome;
use crate::store::sql::failure::Failure;
use crate::store::sql::rows::{
    INSERT_FLOW_RUNS, INSERT_STATES, NewFlowRun, NewState, SWAP_FLOW_RUNS, SwappedFlowRun, encode_new_flow_run,
    encode_state, encode_swap,
};
use crate::store::sql::select;
use crate::store::sql::transaction::Transaction;
use crate::store::{StoreError, Swap};

/// A new flow run with its states, and whether it was kept.
type Insert = Entry<(FlowRun, Vec<State>), Result<(), StoreError>>;

/// Keeps new flow runs with their states. A run whose id is taken fails alone.
pub(super) async fn insert(
    transaction: &mut Transaction<'_>,
    entries: &mut [Insert],
    last: bool,
) -> Result<(), Failure> {
    let mut runs = Vec::with_capacity(entries.len());
    let mut states = Vec::with_capacity(entries.len() * 2);
    for (run, history) in entries.iter().map(|entry| &entry.change) {
        runs.push(NewFlowRun { run, history_len: history.len() });
        states.extend(history.iter().enumerate().map(|(position, state)| NewState {
            flow_run_id: run.id,
            present: run.state.id,
            back: history.len() - position,
            state,
        }));
    }
    let mut parts = INSERT_FLOW_RUNS.parts(&runs, encode_new_flow_run);
    parts.extend(INSERT_STATES.parts(&states, encode_state));
    let mut kept = returned_ids(&transaction.run(parts, last).await?)?;
    for entry in entries {
        let id = entry.change.0.id;
        let fresh = kept.remove(&id);
        entry.answer = Some(if fresh { Ok(()) } else { Err(StoreError::Exists(format!("flow run {id}"))) });
    }
    Ok(())
}

/// Changes states that are still the expected ones.
pub(super) async fn swap(
    transaction: &mut Transaction<'_>,
    entries: &mut [Entry<(FlowRun, StateId), Swap>],
    last: bool,
) -> Result<(), Failure> {
    let mut waiting: Vec<_> = entries.iter_mut().collect();
    // A run can be changed once in a statement. Of several changes the first is written; the others are judged by what
    // it came to, and written behind it only if they expect just that.
    while !waiting.is_empty() {
        let mut seen = BTreeSet::new();
        let (round, behind): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|entry| seen.insert(entry.change.0.id));
        let present = swap_round(transaction, round, last && behind.is_empty()).await?;
        waiting = Vec::new();
        for entry in behind {
            match present.get(&entry.change.0.id) {
                Some(run) if run.state.id == entry.change.1 => waiting.push(entry),
                Some(run) => entry.answer = Some(Swap::Conflict(Box::new(run.clone()))),
                None => entry.answer = Some(Swap::Missing),
            }
        }
    }
    Ok(())
}

/// Changes the state of one run, if it is still the expected one.
pub(in crate::store::sql) async fn swap_one(
    transaction: &mut Transaction<'_>,
    run: FlowRun,
    expected: StateId,
) -> Result<Swap, Failure> {
    let (reply, _) = oneshot::channel();
    let mut entries = [Entry::new((run, expected), reply)];
    swap(transaction, &mut entries, false).await?;
    let [entry] = entries;
    entry.answer.ok_or_else(|| Failure::Final(StoreError::Other("the writer left a change out".to_owned())))
}

/// Writes at most one change a run, and returns how these runs stand then.
async fn swap_round(
    transaction: &mut Transaction<'_>,
    round: Vec<&mut Entry<(FlowRun, StateId), Swap>>,
    last: bool,
) -> Result<BTreeMap<FlowRunId, FlowRun>, Failure> {
    let swaps: Vec<_> = round.iter().map(|entry| &entry.change).collect();
    let runs: Vec<_> = swaps.iter().map(|(run, expected)| SwappedFlowRun { run, expected: *expected }).collect();
    let states: Vec<_> = swaps
        .iter()
        .map(|(run, _)| NewState { flow_run_id: run.id, present: run.state.id, back: 1, state: &run.state })
        .collect();
    let dialect = transaction.dialect();
    let mut parts = SWAP_FLOW_RUNS.parts(&runs, encode_swap);
    parts.extend(INSERT_STATES.parts(&states, encode_state));
    let applied = returned_ids(&transaction.run(parts, last).await?)?;

    let others: Vec<_> = swaps.iter().map(|(run, _)| run.id).filter(|id| !applied.contains(id)).collect();
    let mut present = BTreeMap::new();
    if !others.is_empty() {
        let outcome = transaction.query(select::flow_runs_by_ids(dialect, &others)).await?;
        for run in select::read_flow_runs(&outcome.rows)? {
            present.insert(run.id, run);
        }
    }
    for entry in round {
        let run = &entry.change.0;
        entry.answer = Some(if applied.contains(&run.id) {
            present.insert(run.id, run.clone());
            Swap::Applied
        } else if let Some(run) = present.get(&run.id) {
            Swap::Conflict(Box::new(run.clone()))
        } else {
            Swap::Missing
        });
    }
    Ok(present)
}

fn returned_ids(outcomes: &[Outcome]) -> Result<BTreeSet<FlowRunId>, StoreError> {
    outcomes.iter().flat_map(|outcome| &outcome.rows).map(|row| row.uuid(0).map(FlowRunId)).collect()
}
