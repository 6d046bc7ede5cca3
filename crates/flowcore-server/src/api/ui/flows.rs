//! Figures of flows.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use flowcore::model::{FlowId, FlowRun, StateType};
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::few;
use crate::error::ApiError;
use crate::extract::Body;
use crate::routes::{Routes, op};
use crate::state::App;

pub(super) fn routes() -> Routes {
    Routes::new(&["Flows", "UI"]).post("/ui/flows/next-runs", op("next_runs_by_flow", next_runs))
}

#[derive(Deserialize, JsonSchema)]
struct Which {
    flow_ids: Vec<Uuid>,
}

/// The run that comes next.
#[derive(Serialize, JsonSchema)]
struct NextRun {
    id: Uuid,
    flow_id: Uuid,
    name: String,
    state_name: String,
    state_type: StateType,
    next_scheduled_start_time: Moment,
}

impl From<FlowRun> for NextRun {
    fn from(run: FlowRun) -> Self {
        NextRun {
            id: run.id.0,
            flow_id: run.flow_id.0,
            name: run.name,
            state_name: run.state.name.to_string(),
            state_type: run.state.kind,
            next_scheduled_start_time: Moment(
                run.times.next_scheduled_start_time.unwrap_or(run.times.expected_start_time),
            ),
        }
    }
}

/// Tells for each flow which run comes next.
async fn next_runs(
    State(app): State<App>,
    Body(which): Body<Which>,
) -> Result<Json<BTreeMap<Uuid, Option<NextRun>>>, ApiError> {
    few(&which.flow_ids)?;
    let mut next: BTreeMap<Uuid, Option<NextRun>> = which.flow_ids.iter().map(|id| (*id, None)).collect();
    let flows: Vec<FlowId> = which.flow_ids.into_iter().map(FlowId).collect();
    for run in app.store.next_flow_runs(&flows).await? {
        next.insert(run.flow_id.0, Some(run.into()));
    }
    Ok(Json(next))
}
