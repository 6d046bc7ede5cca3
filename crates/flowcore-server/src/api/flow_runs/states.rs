//! The states of flow runs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::{FlowRun, FlowRunId, State as RunState, StateId, TaskRunId};
use flowcore::orchestration::Decision;
use flowcore::wire::{OrchestrationResult, SetState, StateBody};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::find;
use crate::api::decision::decided as tell;
use crate::api::task_runs;
use crate::error::ApiError;
use crate::extract::{Body, Id, Query};
use crate::routes::{Routes, op};
use crate::state::App;

pub(super) fn routes() -> Routes {
    Routes::new(&["Flow Run States"]).get("/flow_run_states/", op("read_flow_run_states", list))
}

/// Proposes a state, and tells what became of it.
pub(super) async fn set(
    State(app): State<App>,
    Id(id): Id,
    Body(body): Body<SetState>,
) -> Result<(StatusCode, Json<OrchestrationResult>), ApiError> {
    let run = find(&app, FlowRunId(id)).await?;
    let now = app.now();
    let mut state = body.state.into_state(StateId(app.clock.uuid()), now);
    let details = state.details_mut();
    details.flow_run_id = Some(run.id);
    if run.process_id.is_none() {
        // Prefect's clients say so of every flow that fails, and mean its tasks: a flow has its retries all the same.
        details.retriable = None;
    }
    let decided = if body.force {
        app.orchestrator.force_flow_run_state(&run, state).await?
    } else {
        app.orchestrator.set_flow_run_state(&run, state).await?
    };
    let created = matches!(decided.decision, Decision::Accept(_) | Decision::Reject(..));
    if created {
        tell_parent(&app, &decided.run).await?;
    }
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(tell(&decided.decision, &decided.run.state, now))))
}

/// Lets the task run that stands for a subflow in its parent enter the same state. Our own engine does so itself.
async fn tell_parent(app: &App, run: &FlowRun) -> Result<(), ApiError> {
    let Some(TaskRunId(parent)) = run.parent_task_run_id.filter(|_| run.process_id.is_none()) else { return Ok(()) };
    let Some(mut parent) = task_runs::find_some(app, parent).await? else { return Ok(()) };
    let mut state = RunState { id: StateId(app.clock.uuid()), ..run.state.clone() };
    let details = state.details_mut();
    (details.task_run_id, details.flow_run_id) = (Some(parent.id), parent.flow_run_id);
    details.child_flow_run_id = Some(run.id);
    parent.enter(state);
    Ok(app.store.observe_task_runs(vec![parent]).await?)
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
