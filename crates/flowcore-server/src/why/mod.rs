//! Why a flow run does not move: what only a server knows, workers and heartbeats; everything else is told as it is to programs
//! ([`flowcore::client::WhyClient`]).

mod waiting;

use flowcore::client::{ClientError, WhyClient, clock_time, waits_for_slot};
use flowcore::connect;
use flowcore::model::{FlowRun, FlowRunId, Page, StateType, TaskRunFilter};
use flowcore::store::{Store, StoreError};
use flowcore::wire::{Cause, Why};

use crate::error::ApiError;
use crate::heartbeats::{Heartbeat, ID};
use crate::state::App;

/// Tells why a run stands where it stands; `None` if there is no such run.
pub(crate) async fn why(app: &App, id: FlowRunId) -> Result<Option<Why>, ApiError> {
    let Some(run) = app.store.flow_run(id).await? else { return Ok(None) };
    let of_server = match run.state.kind {
        StateType::Scheduled | StateType::Pending if run.process_id.is_none() => waiting::explain(app, &run).await?,
        StateType::Running => match silent(app, &run).await? {
            Some(why) => Some(why),
            None => turned_away(app, &run).await?,
        },
        StateType::Cancelling => silent(app, &run).await?,
        _ => None,
    };
    match of_server {
        Some(why) => Ok(Some(why)),
        None => app.orchestrator.why(id, &connect::probe()).await.map_err(|error| match error {
            ClientError::Store(error) => error.into(),
            error => StoreError::Other(error.to_string()).into(),
        }),
    }
}

/// Makes an explanation.
fn because(run: &FlowRun, cause: Cause, message: String, advice: String) -> Why {
    Why::new(run.id.0, &run.state.name, cause, message, advice)
}

/// Tells which limits a run, or a task run of it, got no slots of lately, and who has them.
async fn turned_away(app: &App, run: &FlowRun) -> Result<Option<Why>, ApiError> {
    let now = app.now();
    let wanted = match app.turned_away.of_run(run.id, now) {
        Some(limits) => limits,
        None => {
            let waiting = app.turned_away.task_runs(now);
            if waiting.is_empty() {
                return Ok(None);
            }
            let filter = TaskRunFilter {
                ids: Some(waiting.keys().copied().collect()),
                flow_run_ids: Some(vec![run.id]),
                page: Page::first(1),
                ..TaskRunFilter::default()
            };
            let Some(task) = app.store.task_runs(&filter).await?.pop() else { return Ok(None) };
            waiting.get(&task.id).cloned().unwrap_or_default()
        }
    };
    let store: &dyn Store = &*app.store;
    Ok(waits_for_slot(store, run, &wanted, now).await?)
}

/// Tells whether a run has missed most of the time in which it is to be heard of.
async fn silent(app: &App, run: &FlowRun) -> Result<Option<Why>, ApiError> {
    let heard: Option<Heartbeat> = app.store.records().first(ID.is(run.id.0)).await?;
    let silent = heard.filter(|heard| app.now() > heard.seen + (heard.expires - heard.seen) * 3 / 4);
    Ok(silent.map(|heard| {
        let message =
            format!("Nothing was heard of the process that executes the run since {}.", clock_time(heard.seen));
        let advice = format!(
            "Look whether its machine is there and reaches the server; it is taken for dead at {}.",
            clock_time(heard.expires)
        );
        because(run, Cause::ProcessSilent, message, advice).until(Some(heard.expires))
    }))
}
