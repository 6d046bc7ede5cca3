//! The states of task runs.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, TimeDelta};
use flowcore::model::{EventFilter, Page, TaskRunId, Timestamp};
use flowcore::wire::StateBody;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::error::ApiError;
use crate::extract::{Id, Query};
use crate::routes::{Routes, op};
use crate::state::App;

pub(super) fn routes() -> Routes {
    Routes::new(&["Task Run States"])
        .get("/task_run_states/", op("read_task_run_states", list))
        .get("/task_run_states/{id}", op("read_task_run_state", read))
}

#[derive(Deserialize, JsonSchema)]
struct OfRun {
    task_run_id: Uuid,
}

/// Lists the states of a task run, oldest first.
async fn list(State(app): State<App>, Query(of): Query<OfRun>) -> Result<Json<Vec<StateBody>>, ApiError> {
    let states = app.store.task_run_states(TaskRunId(of.task_run_id)).await?;
    Ok(Json(states.iter().map(StateBody::from).collect()))
}

/// Finds a state. There is no index of those of task runs: its id is that of the event that tells of it, and begins with
/// the time at which it was made, near which the event is looked for.
async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<StateBody>, ApiError> {
    const NOT_FOUND: ApiError = ApiError::NotFound("Flow run state not found");
    let made = time_of(id).ok_or(NOT_FOUND)?;
    let around = TimeDelta::minutes(1);
    let filter = EventFilter {
        ids: vec![id],
        since: Some(made - around),
        until: Some(made + around),
        page: Page::first(1),
        ..EventFilter::default()
    };
    let event = app.store.events(&filter).await?.pop().ok_or(NOT_FOUND)?;
    let run = event.resource.get("prefect.resource.id").and_then(|name| name.strip_prefix("prefect.task-run."));
    let run = run.and_then(|id| Uuid::parse_str(id).ok()).ok_or(NOT_FOUND)?;
    let states = app.store.task_run_states(TaskRunId(run)).await?;
    let found = states.iter().find(|state| state.id.0 == id);
    found.map(StateBody::from).map(Json).ok_or(NOT_FOUND)
}

/// Reads the time in an id of version 7.
fn time_of(id: Uuid) -> Option<Timestamp> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}
