//! The states of flow runs.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::TimeDelta;
use flowcore::model::{FlowRun, FlowRunId, State as RunState, StateId, StateType};
use flowcore::orchestration::{Decision, reported_crashed};
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Table};
use flowcore::store::records::{Record, Row, Value};
use flowcore::wire::{CLAIM_HEADER, OrchestrationResult, SetState, StateBody, StateCreate};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::api::decision::decided as tell;
use crate::deployments;
use crate::error::ApiError;
use crate::extract::{Body, Id, Query};
use crate::heartbeats::Claim;
use crate::result_artifacts::keep_result;
use crate::routes::{Routes, op};
use crate::state::App;
use crate::subflows::tell_parent;

pub(super) fn routes() -> Routes {
    Routes::new(&["Flow Run States"])
        .get("/flow_run_states/", op("read_flow_run_states", list))
        .get("/flow_run_states/{id}", op("read_flow_run_state", read))
}

/// Proposes a state, and tells what became of it.
pub(super) async fn set(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
    Body(body): Body<SetState>,
) -> Result<(StatusCode, Json<OrchestrationResult>), ApiError> {
    let run = app.store.flow_run(FlowRunId(id)).await?;
    let run = run.ok_or_else(|| ApiError::Unknown(format!("Flow run with id {id} not found")))?;
    let (status, result) = propose(&app, &run, body.state, body.force, claim(&headers)?).await?;
    Ok((status, Json(result)))
}

/// Reads for how long nothing need be heard of a run that is taken by this.
fn claim(headers: &HeaderMap) -> Result<Option<TimeDelta>, ApiError> {
    let Some(value) = headers.get(CLAIM_HEADER) else { return Ok(None) };
    let seconds: Option<u32> = value.to_str().ok().and_then(|value| value.parse().ok());
    let why = || format!("The header {CLAIM_HEADER} is a whole number of seconds.");
    let seconds = seconds.ok_or_else(|| ApiError::Refused(StatusCode::BAD_REQUEST, why()))?;
    Ok(Some(TimeDelta::seconds(seconds.into())))
}

/// Proposes a state for a run, and tells its parent of what became of it. `claim`: whoever takes the run by it is heard of within that
/// time, or has died.
pub(super) async fn propose(
    app: &App,
    run: &FlowRun,
    state: StateCreate,
    force: bool,
    claim: Option<TimeDelta>,
) -> Result<(StatusCode, OrchestrationResult), ApiError> {
    let now = app.now();
    let mut state = state.into_state(StateId(app.clock.uuid()), now);
    let details = state.details_mut();
    details.flow_run_id = Some(run.id);
    if run.parent_task_run_id.is_some() {
        details.task_run_id = run.parent_task_run_id;
    }
    if run.process_id.is_none() {
        // Prefect's clients say so of every flow that fails, and mean its tasks: a flow has its retries all the same.
        details.retriable = None;
    }
    if state.kind == StateType::Crashed && !force {
        state = reported_crashed(run, state);
    }
    if state.kind == StateType::Scheduled && state.scheduled_time().is_none() {
        state = state.scheduled_for(now);
    }
    let is_free = run.state.kind == StateType::Scheduled || run.state.is_terminal();
    let claim = match claim.filter(|_| state.kind == StateType::Pending && is_free) {
        Some(holds) => Some(Claim::note(app, run.id.0, holds).await?),
        None => None,
    };
    let decided = deployments::propose(app, run, state, force).await?;
    if let Some(claim) = claim
        && !matches!(decided.decision, Decision::Accept(_))
    {
        claim.withdraw(app).await?;
    }
    if let Decision::Accept(state) = &decided.decision {
        keep_result(app, state, Some(run.id), None).await?;
    }
    let created = matches!(decided.decision, Decision::Accept(_) | Decision::Reject(..));
    if created {
        tell_parent(app, &decided.run).await?;
    }
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, tell(&decided.decision, &decided.run.state, now)))
}

#[derive(Deserialize, JsonSchema)]
struct OfRun {
    flow_run_id: Uuid,
}

/// Lists the states of a flow run, oldest first.
async fn list(State(app): State<App>, Query(of): Query<OfRun>) -> Result<Json<Vec<StateBody>>, ApiError> {
    let states = app.store.flow_run_states(FlowRunId(of.flow_run_id)).await?;
    Ok(Json(states.iter().map(StateBody::from).collect()))
}

/// A state by itself.
struct StateRow(RunState);

const STATE_ID: Column = Column::new("id", Kind::Id, false);
const STATE: Column = Column::new("state", Kind::Json, false);

impl Record for StateRow {
    const TABLE: Table = Table::new("flow_run_states");
    const COLUMNS: &'static [Column] = &[STATE_ID, STATE];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        row.id()?;
        row.json().map(StateRow)
    }

    fn values(&self) -> Vec<Value> {
        vec![self.0.id.0.into(), Value::json(&self.0)]
    }
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<StateBody>, ApiError> {
    let found = app.store.records().first::<StateRow>(STATE_ID.is(id)).await?;
    let StateRow(state) = found.ok_or(ApiError::NotFound("Flow run state not found"))?;
    Ok(Json(StateBody::from(&state)))
}
