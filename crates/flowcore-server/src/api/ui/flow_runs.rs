//! Figures of flow runs.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::{Page, StateType};
use flowcore::store::query::{Condition, Selection, Table, Values, relation, task_run};
use flowcore::wire::{FlowRunBody, Moment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::few;
use crate::error::ApiError;
use crate::extract::Body;
use crate::filter::{FlowRunSort, Objects};
use crate::routes::{Routes, op};
use crate::state::App;

/// How many runs a chart has, at most.
const MOST: u32 = 1000;

pub(super) fn routes() -> Routes {
    Routes::new(&["Flow Runs", "UI"])
        .post("/ui/flow_runs/history", op("read_flow_run_history", history))
        .post("/ui/flow_runs/count-task-runs", op("count_task_runs_by_flow_run", count_task_runs))
}

#[derive(Deserialize, JsonSchema)]
struct Asked {
    #[serde(flatten)]
    objects: Objects,
    #[serde(default = "newest")]
    sort: FlowRunSort,
    #[serde(default = "most")]
    #[schemars(range(max = 1000))]
    limit: u32,
    #[serde(default)]
    offset: u32,
}

fn newest() -> FlowRunSort {
    FlowRunSort::ExpectedStartTimeDesc
}

fn most() -> u32 {
    MOST
}

/// A run as a point of a chart.
#[derive(Serialize, JsonSchema)]
struct Point {
    id: Uuid,
    state_type: StateType,
    timestamp: Moment,
    /// In seconds.
    duration: f64,
    /// In seconds.
    lateness: f64,
}

async fn history(State(app): State<App>, Body(asked): Body<Asked>) -> Result<Json<Vec<Point>>, ApiError> {
    if asked.limit > MOST {
        let why = format!("Invalid limit: must be less than or equal to {MOST}.");
        return Err(ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, why));
    }
    let page = Page { limit: asked.limit, offset: asked.offset };
    let selection = Selection { condition: asked.objects.of_flow_runs(), sort: asked.sort.columns(), page };
    let (runs, now) = (app.store.select_flow_runs(&selection).await?, app.now());
    let points = runs.iter().map(|run| {
        let body = FlowRunBody::new(run, now);
        Point {
            id: run.id.0,
            state_type: run.state.kind,
            timestamp: Moment(run.times.start_time.unwrap_or(run.times.expected_start_time)),
            duration: body.estimated_run_time,
            lateness: body.estimated_start_time_delta,
        }
    });
    Ok(Json(points.collect()))
}

#[derive(Deserialize, JsonSchema)]
struct Which {
    flow_run_ids: Vec<Uuid>,
}

/// Counts the task runs of each flow run, without those that stand for subflows.
async fn count_task_runs(
    State(app): State<App>,
    Body(which): Body<Which>,
) -> Result<Json<BTreeMap<Uuid, u64>>, ApiError> {
    few(&which.flow_run_ids)?;
    let mut counts: BTreeMap<Uuid, u64> = which.flow_run_ids.iter().map(|id| (*id, 0)).collect();
    let subflow = Condition::Related(relation::SUBFLOW_OF_TASK_RUN, Box::new(Condition::ALWAYS));
    let condition = Condition::All(vec![
        task_run::FLOW_RUN_ID.one_of(Values::Ids(which.flow_run_ids)),
        Condition::Not(Box::new(subflow)),
    ]);
    counts.extend(app.store.count_by(Table::TASK_RUNS, task_run::FLOW_RUN_ID, &condition).await?);
    Ok(Json(counts))
}
