//! Deleting and moving many flow runs at once.

use axum::Json;
use axum::extract::State;
use flowcore::model::FlowRun;
use flowcore::store::query::Selection;
use flowcore::wire::{OrchestrationResult, ResponseDetails, SetStateStatus, StateCreate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::states;
use crate::api::bulk::{Deleted, Limit};
use crate::deployments::forget_slot;
use crate::error::ApiError;
use crate::extract::Body;
use crate::filter::{FlowRunFilter, FlowRunSort};
use crate::state::App;

/// Which flow runs.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Which {
    flow_runs: Option<FlowRunFilter>,
    #[serde(flatten)]
    limit: Limit,
}

impl Which {
    async fn find(&self, app: &App) -> Result<Vec<FlowRun>, ApiError> {
        let condition = self.flow_runs.clone().unwrap_or_default().condition();
        let sort = FlowRunSort::default().columns();
        Ok(app.store.select_flow_runs(&Selection { condition, sort, page: self.limit.page() }).await?)
    }
}

/// Deletes flow runs.
pub(super) async fn delete(State(app): State<App>, Body(which): Body<Which>) -> Result<Json<Deleted>, ApiError> {
    let mut deleted = Vec::new();
    for run in which.find(&app).await? {
        if app.store.delete_flow_run(run.id).await? {
            forget_slot(&app, &run).await?;
            deleted.push(run.id.0);
        }
    }
    Ok(Json(Deleted { deleted }))
}

/// Proposes a state for flow runs.
#[derive(Deserialize, JsonSchema)]
pub(super) struct SetStates {
    state: StateCreate,
    #[serde(default)]
    force: bool,
    #[serde(flatten)]
    which: Which,
}

/// What became of a proposal for one of them.
#[derive(Serialize, JsonSchema)]
struct Moved {
    flow_run_id: Uuid,
    #[serde(flatten)]
    result: OrchestrationResult,
}

/// What became of it for each.
#[derive(Serialize, JsonSchema)]
pub(super) struct AllMoved {
    results: Vec<Moved>,
}

/// Says of one run that it could not be moved; the others are.
fn failed(error: &ApiError) -> OrchestrationResult {
    tracing::error!(target: "flowcore_server", "one of several flow runs cannot be moved: {error}");
    let details = ResponseDetails::Abort { reason: Some(error.to_string()) };
    OrchestrationResult { state: None, status: SetStateStatus::Abort, details }
}

/// Moves flow runs.
pub(super) async fn set_state(
    State(app): State<App>,
    Body(asked): Body<SetStates>,
) -> Result<Json<AllMoved>, ApiError> {
    let mut results = Vec::new();
    for run in asked.which.find(&app).await? {
        let flow_run_id = run.id.0;
        let moved = states::propose(&app, &run, asked.state.clone(), asked.force, None).await;
        let result = moved.map_or_else(|error| failed(&error), |(_, result)| result);
        results.push(Moved { flow_run_id, result });
    }
    Ok(Json(AllMoved { results }))
}
