//! Slots of concurrency limits whose lease has ended come back, and so do those of runs that are over.
//!
//! Nobody needs this to get a slot: whoever asks for one does not count what has expired. It is for those who look at a limit, and for
//! slots that have no end of their own.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use flowcore::model::{FlowRunId, Page, SlotId, TaskRunId, Timestamp};
use flowcore::orchestration::SlotsBack;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Condition, Selection, Test, Values, flow_run, task_run};
use uuid::Uuid;

use crate::deployments::call_all_waiting;
use crate::error::ApiError;
use crate::leases::{EXPIRES, LEASES, Lease, of_no_process};
use crate::state::App;

/// How long a client may take to give back itself what a run had that has ended.
const GRACE: TimeDelta = TimeDelta::seconds(5);

/// Takes back what nobody has any more, and calls who waits for it; tells how many leases that were.
pub(super) async fn turn(app: &App) -> Result<usize, ApiError> {
    let back = expired(app).await? + of_ended_runs(app).await?;
    call_all_waiting(app).await?;
    Ok(back)
}

async fn expired(app: &App) -> Result<usize, ApiError> {
    let ended = Condition::Column(EXPIRES, Test::AtMost(app.now().timestamp_micros()));
    if app.store.records().count(LEASES, &ended).await? == 0 {
        return Ok(0);
    }
    let work = app.store.records().transact(move |tx| {
        let ended = ended.clone();
        Box::pin(async move { tx.delete(LEASES, ended).await })
    });
    let gone: Result<u64, StoreError> = work.await;
    Ok(usize::try_from(gone?).unwrap_or(usize::MAX))
}

/// Gives back at once what a flow run that is over and its task runs have.
pub(super) async fn free_slots_of(app: &App, run: FlowRunId) -> Result<(), StoreError> {
    let leases = of_no_process(app).await?;
    let task_runs: Vec<Uuid> = leases.iter().filter_map(|lease| lease.holder.task_run_id.map(|id| id.0)).collect();
    let its = task_run::ID.one_of(Values::Ids(task_runs)).and(task_run::FLOW_RUN_ID.is(run.0));
    let its = Selection { condition: its, sort: Vec::new(), page: Page::ALL };
    let its: BTreeSet<TaskRunId> = app.store.select_task_runs(&its).await?.into_iter().map(|task| task.id).collect();
    let back = leases.into_iter().filter(|lease| {
        let of_task = lease.holder.task_run_id.is_some_and(|task| its.contains(&task));
        of_task || lease.holder.flow_run_id == Some(run)
    });
    give_back(app, back).await.map(drop)
}

async fn give_back(app: &App, leases: impl Iterator<Item = Lease>) -> Result<usize, StoreError> {
    let back: Vec<SlotsBack> =
        leases.map(|lease| SlotsBack { id: SlotId(lease.id), limits: vec![lease.limit] }).collect();
    let count = back.len();
    if count > 0 {
        app.orchestrator.give_slots_back(back).await?;
    }
    Ok(count)
}

/// Gives back what runs have that ended, since whoever executed them did not.
async fn of_ended_runs(app: &App) -> Result<usize, ApiError> {
    let leases = of_no_process(app).await?;
    let flow_runs = leases.iter().filter_map(|lease| lease.holder.flow_run_id.map(|id| id.0)).collect();
    let task_runs = leases.iter().filter_map(|lease| lease.holder.task_run_id.map(|id| id.0)).collect();
    let (flow_runs, task_runs) = (ended_flow_runs(app, flow_runs).await?, ended_task_runs(app, task_runs).await?);
    let now = app.now();
    let back = leases.into_iter().filter(|lease| {
        let flow_run = lease.holder.flow_run_id.and_then(|id| flow_runs.get(&id));
        let task_run = lease.holder.task_run_id.and_then(|id| task_runs.get(&id));
        // One that was taken behind the end is of an attempt that is not known yet.
        flow_run.into_iter().chain(task_run).any(|end| lease.acquired < *end && *end + GRACE < now)
    });
    Ok(give_back(app, back).await?)
}

fn which(id: Column, ids: Vec<Uuid>, end: Column) -> Selection {
    let condition = Condition::All(vec![id.one_of(Values::Ids(ids)), Condition::Column(end, Test::IsNull(false))]);
    Selection { condition, sort: Vec::new(), page: Page::ALL }
}

/// Gives those of these runs that have ended, with their ends.
async fn ended_flow_runs(app: &App, ids: Vec<Uuid>) -> Result<BTreeMap<FlowRunId, Timestamp>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let runs = app.store.select_flow_runs(&which(flow_run::ID, ids, flow_run::END_TIME)).await?;
    let ended = runs.into_iter().filter(|run| run.state.is_terminal());
    Ok(ended.filter_map(|run| Some((run.id, run.times.end_time?))).collect())
}

/// Gives those of these runs that have ended, with their ends.
async fn ended_task_runs(app: &App, ids: Vec<Uuid>) -> Result<BTreeMap<TaskRunId, Timestamp>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let runs = app.store.select_task_runs(&which(task_run::ID, ids, task_run::END_TIME)).await?;
    let ended = runs.into_iter().filter(|run| run.state.is_terminal());
    Ok(ended.filter_map(|run| Some((run.id, run.times.end_time?))).collect())
}
