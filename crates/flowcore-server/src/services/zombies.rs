//! Runs whose process is not heard of any more crash, and are tried again if they are to be.
//!
//! Everything may be done several times, by several servers, and be left off in the middle: a run crashes by a swap from the state that
//! was seen, its state says whether it is to be tried again, and the note of its heartbeats goes last.

use std::time::Duration;

use chrono::TimeDelta;
use flowcore::connect;
use flowcore::model::{FlowRun, FlowRunId, Order, Page, StateType, Timestamp};
use flowcore::orchestration::crashed;
use flowcore::store::query::{Column, Condition, Kind, Relation, Selection, Table, Test, Values, flow_run};
use flowcore::store::{FlowRunEdit, StoreError};
use uuid::Uuid;

use super::moving::enter;
use super::repossessor::free_slots_of;
use crate::deployments::{forget_slot, settle_slot};
use crate::error::ApiError;
use crate::heartbeats::{EXPIRES, HEARTBEATS, Heartbeat, ID, patience};
use crate::state::App;

/// How often it is looked.
pub(super) const PERIOD: Duration = Duration::from_secs(5);

/// How many runs are looked at together.
const PAGE: u32 = 200;

/// For how long behind its end a crashed run may still be waiting to be tried again: a server has died between.
const LATELY: TimeDelta = TimeDelta::days(1);

/// How long the lease of a process holds, at most: it could have been renewed meanwhile.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// The label by which flowcore's client says which process executes a run; empty when none does.
const PROCESS: &str = "flowcore.process";

const STATE: Column = Column::new("state", Kind::Json, false);
const LABELS: Column = Column::new("labels", Kind::Text, false);
const RUN_OF_HEARTBEAT: Relation = Relation::new(ID, Table::FLOW_RUNS, flow_run::ID);
const HEARTBEAT_OF_RUN: Relation = Relation::new(flow_run::ID, HEARTBEATS, ID);

/// Crashes the runs of the dead, tidies up behind them, and schedules those that are to be tried again.
pub(super) async fn turn(app: &App) -> Result<usize, ApiError> {
    forget_ended(app).await?;
    // Behind a read: what could not be noted while the database was away is not to be held against anybody.
    let since = app.vigil.look(app.now());
    Ok(silent(app, since).await?
        + never_heard_of(app, since).await?
        + of_programs(app, since).await?
        + retry(app).await?)
}

fn in_state(kinds: &[StateType]) -> Condition {
    flow_run::STATE_TYPE.one_of(Values::Texts(kinds.iter().map(|kind| kind.as_str().to_owned()).collect()))
}

async fn heartbeats(app: &App, condition: Condition, page: Page) -> Result<Vec<Heartbeat>, StoreError> {
    let sort = vec![(EXPIRES, Order::OldestFirst), (ID, Order::OldestFirst)];
    app.store.records().list(&Selection { condition, sort, page }).await
}

async fn forget(app: &App, run: Uuid) -> Result<(), StoreError> {
    let work = app.store.records().transact(move |tx| Box::pin(tx.delete(HEARTBEATS, ID.is(run))));
    work.await.map(drop)
}

/// Forgets the heartbeats of runs that have ended, so that they say nothing of a later attempt.
async fn forget_ended(app: &App) -> Result<(), ApiError> {
    let ended = in_state(&[StateType::Completed, StateType::Failed, StateType::Cancelled, StateType::Crashed]);
    let ended = Condition::Related(RUN_OF_HEARTBEAT, Box::new(ended));
    for heartbeat in heartbeats(app, ended, Page::first(PAGE)).await? {
        if let Some(run) = app.store.flow_run(FlowRunId(heartbeat.run)).await? {
            tidy_up(app, &run).await?;
        }
        forget(app, heartbeat.run).await?;
    }
    Ok(())
}

/// Crashes runs whose client was heard of and is silent.
async fn silent(app: &App, since: Timestamp) -> Result<usize, ApiError> {
    let now = app.now();
    let (mut moved, mut page) = (0, Page::first(PAGE));
    loop {
        let expired = Condition::Column(EXPIRES, Test::AtMost(now.timestamp_micros()));
        let found = heartbeats(app, expired, page).await?;
        let is_last = found.len() < PAGE as usize;
        for heartbeat in found {
            let run = app.store.flow_run(FlowRunId(heartbeat.run)).await?;
            let waits = since + (heartbeat.expires - heartbeat.seen) > now;
            // Who executes a run waits in its process until a pause ends, and may be heard of again.
            let pauses =
                run.as_ref().is_some_and(|run| run.state.kind == StateType::Paused && !run.state.is_suspended());
            if waits || pauses {
                page.offset += 1;
                continue;
            }
            if let Some(run) = run {
                moved += usize::from(crash(app, &run, heartbeat.seen).await?);
            }
            forget(app, heartbeat.run).await?;
        }
        if is_last {
            return Ok(moved);
        }
    }
}

/// Crashes runs of flowcore's clients that have died before they were heard of for the first time: they speak up soon.
async fn never_heard_of(app: &App, since: Timestamp) -> Result<usize, ApiError> {
    let now = app.now();
    let patience = patience(app);
    if since + patience > now {
        return Ok(0);
    }
    let before = now - patience;
    let heard_of = Condition::Related(HEARTBEAT_OF_RUN, Box::new(Condition::ALWAYS));
    let condition = Condition::All(vec![
        in_state(&[StateType::Running, StateType::Cancelling]),
        Condition::Column(flow_run::START_TIME, Test::AtMost(before.timestamp_micros())),
        Condition::Column(LABELS, Test::Contains(format!("\"{PROCESS}\":\""))),
        Condition::Not(Box::new(heard_of)),
    ]);
    let selection = Selection { condition, sort: vec![(flow_run::ID, Order::OldestFirst)], page: Page::ALL };
    let mut moved = 0;
    for run in app.store.select_flow_runs(&selection).await? {
        if is_labelled(&run) && run.state.timestamp < before {
            moved += usize::from(crash(app, &run, run.state.timestamp).await?);
        }
    }
    Ok(moved)
}

/// Crashes runs that programs execute on this database without a server, and whose process's lease has ended.
async fn of_programs(app: &App, since: Timestamp) -> Result<usize, ApiError> {
    if since + LEASE > app.now() {
        return Ok(0);
    }
    let crashed = app.orchestrator.crash_abandoned_runs(&connect::probe()).await?;
    for run in &crashed {
        settle_slot(app, &run.state, run).await?;
    }
    Ok(crashed.len())
}

/// Crashes a run, unless it has gone on since it was seen; one that was being cancelled is cancelled. Tells whether it did.
async fn crash(app: &App, run: &FlowRun, heard: Timestamp) -> Result<bool, ApiError> {
    let silent = (app.now() - heard).num_seconds();
    let why = format!(
        "Nothing was heard of the process that executes the run for {silent} seconds: it has died, or is cut off from the server."
    );
    let state = match run.state.kind {
        StateType::Running => crashed(run, app.state(StateType::Crashed).message(why)),
        StateType::Cancelling => app.state(StateType::Cancelled).message(why),
        // A worker has said since it took the run that it starts it.
        StateType::Pending if heard >= run.state.timestamp => crashed(run, app.state(StateType::Crashed).message(why)),
        StateType::Scheduled => {
            // It was to be tried again in its process, and had kept its slot for that.
            forget_slot(app, run).await?;
            return Ok(false);
        }
        _ => return Ok(false),
    };
    if !enter(app, run, state.clone()).await? {
        return Ok(false);
    }
    tracing::warn!(target: "flowcore_server", run = %run.id, silent, "a flow run is taken for dead");
    let run = FlowRun { state, ..run.clone() };
    tidy_up(app, &run).await?;
    Ok(true)
}

/// Ends what a crashed or cancelled run has left open, and lets nobody take it for its process's any more: that one is refused if it comes
/// back.
async fn tidy_up(app: &App, run: &FlowRun) -> Result<(), ApiError> {
    if !matches!(run.state.kind, StateType::Crashed | StateType::Cancelled) {
        return Ok(());
    }
    let end = app.state(run.state.kind).message("The flow run has ended.");
    app.store.end_task_runs(run.id, run.times.run_count, end, app.now()).await?;
    free_slots_of(app, run.id).await?;
    if run.state.kind == StateType::Crashed && is_labelled(run) {
        let nobody = FlowRunEdit::new(|run| drop(run.labels.insert(PROCESS.to_owned(), "".into())));
        app.store.edit_flow_run(run.id, nobody).await?;
    }
    Ok(())
}

fn is_labelled(run: &FlowRun) -> bool {
    run.labels.get(PROCESS).and_then(|process| process.as_str()).is_some_and(|process| !process.is_empty())
}

/// Schedules crashed runs that are to be tried again.
async fn retry(app: &App) -> Result<usize, ApiError> {
    let since = (app.now() - LATELY).timestamp_micros();
    let condition = Condition::All(vec![
        in_state(&[StateType::Crashed]),
        Condition::Column(flow_run::END_TIME, Test::AtLeast(since)),
        Condition::Column(flow_run::DEPLOYMENT_ID, Test::IsNull(false)),
        Condition::Column(STATE, Test::Contains(r#""retriable":true"#.to_owned())),
    ]);
    let selection = Selection { condition, sort: vec![(flow_run::ID, Order::OldestFirst)], page: Page::first(PAGE) };
    let mut scheduled = 0;
    for run in app.store.select_flow_runs(&selection).await? {
        tidy_up(app, &run).await?;
        scheduled += usize::from(app.orchestrator.retry_crashed_run(&run).await?.is_some());
    }
    Ok(scheduled)
}
