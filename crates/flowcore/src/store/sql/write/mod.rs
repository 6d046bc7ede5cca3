//! A batch as statements, kind by kind.
//!
//! Changes that are in one batch were submitted at the same time, as far as their callers can tell, so that any order
//! among them is right. This one puts what others need first: flows, flow runs, task runs, changes of state, slots.

mod artifacts;
mod clear;
mod deletes;
mod edits;
mod flow_runs;
mod limits;
mod task_runs;
mod variables;
mod works;

use std::collections::BTreeMap;

pub(super) use flow_runs::swap_one;

use crate::model::{Artifact, Event, Flow, FlowRunInput, LogLine, ProcessLease};

use super::batch::Batch;
use super::driver::{Arguments, Statement};
use super::failure::Failure;
use super::rows::{
    APPEND_EVENTS, APPEND_INPUTS, APPEND_LOGS, PUT_ARTIFACTS, PUT_PROCESSES, UPSERT_FLOWS, encode_artifact,
    encode_event, encode_flow, encode_input, encode_log, encode_process, flow,
};
use super::transaction::Transaction;

/// Writes a batch and commits it. The answers are in the batch's entries.
pub(super) async fn write(transaction: &mut Transaction<'_>, batch: &mut Batch) -> Result<(), Failure> {
    let mut kinds = batch.kinds() - usize::from(!batch.flushes.is_empty());
    // Tells whether the kind that comes now is the last: COMMIT travels with its last statement.
    let mut last = || {
        kinds -= 1;
        kinds == 0
    };
    if !batch.flows.is_empty() {
        flows(transaction, batch, last()).await?;
    }
    if !batch.inserts.is_empty() {
        flow_runs::insert(transaction, &mut batch.inserts, last()).await?;
    }
    if !batch.records.is_empty() {
        task_runs::record(transaction, &mut batch.records, last()).await?;
    }
    if !batch.ends.is_empty() {
        task_runs::end(transaction, &mut batch.ends).await?;
        last();
    }
    if !batch.swaps.is_empty() {
        flow_runs::swap(transaction, &mut batch.swaps, last()).await?;
    }
    if !batch.edits.is_empty() {
        edits::edit(transaction, &mut batch.edits, last()).await?;
    }
    if !batch.observations.is_empty() {
        edits::observe(transaction, &mut batch.observations, last()).await?;
    }
    if !batch.task_run_swaps.is_empty() {
        edits::swap(transaction, &mut batch.task_run_swaps, last()).await?;
    }
    if !batch.decisions.is_empty() {
        limits::decide(transaction, &mut batch.decisions, last()).await?;
    }
    for entry in &mut batch.departures {
        limits::remove_of(transaction, entry).await?;
    }
    if !batch.departures.is_empty() {
        last();
    }
    if !batch.logs.is_empty() {
        let lines: Vec<&LogLine> = batch.logs.iter().flat_map(|entry| &entry.change).collect();
        transaction.run(APPEND_LOGS.parts(&lines, encode_log), last()).await?;
        batch.logs.iter_mut().for_each(|entry| entry.answer = Some(()));
    }
    if !batch.events.is_empty() {
        let events: Vec<&Event> = batch.events.iter().flat_map(|entry| &entry.change).collect();
        transaction.run(APPEND_EVENTS.parts(&events, encode_event), last()).await?;
        batch.events.iter_mut().for_each(|entry| entry.answer = Some(()));
    }
    if !batch.artifacts.is_empty() {
        let newest: BTreeMap<_, _> = batch.artifacts.iter().map(|entry| (entry.change.id, &entry.change)).collect();
        let artifacts: Vec<&Artifact> = newest.into_values().collect();
        transaction.run(PUT_ARTIFACTS.parts(&artifacts, encode_artifact), last()).await?;
        batch.artifacts.iter_mut().for_each(|entry| entry.answer = Some(()));
    }
    if !batch.inputs.is_empty() {
        let inputs: Vec<&FlowRunInput> = batch.inputs.iter().map(|entry| &entry.change).collect();
        transaction.run(APPEND_INPUTS.parts(&inputs, encode_input), last()).await?;
        batch.inputs.iter_mut().for_each(|entry| entry.answer = Some(()));
    }
    if !batch.leases.is_empty() {
        let newest: BTreeMap<_, _> = batch.leases.iter().map(|entry| (entry.change.id, &entry.change)).collect();
        let leases: Vec<&ProcessLease> = newest.into_values().collect();
        transaction.run(PUT_PROCESSES.parts(&leases, encode_process), last()).await?;
        batch.leases.iter_mut().for_each(|entry| entry.answer = Some(()));
    }
    for entry in &mut batch.goodbyes {
        let mut arguments = Arguments::new(transaction.dialect());
        arguments.uuid(entry.change.0);
        let text = "DELETE FROM processes WHERE id = $1".into();
        transaction.run_one(Statement { text, arguments }).await?;
        entry.answer = Some(());
    }
    for entry in &mut batch.deletes {
        entry.answer = Some(deletes::delete_flow_run(transaction, entry.change).await?);
    }
    for entry in &mut batch.flow_deletes {
        entry.answer = Some(deletes::delete_flow(transaction, entry.change).await?);
    }
    for entry in &mut batch.task_run_deletes {
        entry.answer = Some(deletes::delete_task_run(transaction, entry.change).await?);
    }
    for entry in &mut batch.purges {
        entry.answer = Some(deletes::purge(transaction).await?);
    }
    for entry in &mut batch.artifact_updates {
        artifacts::update(transaction, entry).await?;
    }
    for entry in &mut batch.artifact_deletes {
        artifacts::delete(transaction, entry).await?;
    }
    for entry in &mut batch.variables {
        variables::put(transaction, entry).await?;
    }
    for entry in &mut batch.unset_variables {
        variables::delete(transaction, entry).await?;
    }
    for entry in &mut batch.works {
        works::carry_out(transaction, entry).await?;
    }
    for entry in &mut batch.clears {
        clear::clear(transaction, entry).await?;
    }
    batch.flushes.iter_mut().for_each(|entry| entry.answer = Some(()));
    transaction.commit().await
}

/// Flows of one name are one row: the first one's id, the last one's tags.
async fn flows(transaction: &mut Transaction<'_>, batch: &mut Batch, last: bool) -> Result<(), Failure> {
    let mut by_name: BTreeMap<String, Flow> = BTreeMap::new();
    for entry in &batch.flows {
        let flow = &entry.change;
        by_name.entry(flow.name.clone()).or_insert_with(|| flow.clone()).tags.clone_from(&flow.tags);
    }
    let rows: Vec<&Flow> = by_name.values().collect();
    let parts = UPSERT_FLOWS.parts(&rows, encode_flow);
    let mut kept = BTreeMap::new();
    for row in transaction.run(parts, last).await?.iter().flat_map(|outcome| &outcome.rows) {
        let flow = flow(row)?;
        kept.insert(flow.name.clone(), flow);
    }
    for entry in &mut batch.flows {
        entry.answer = kept.get(&entry.change.name).cloned();
    }
    Ok(())
}
