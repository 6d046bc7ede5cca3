//! Task workers: who executes background tasks.

use axum::Json;
use axum::extract::State;
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::extract::Body;
use crate::routes::{Routes, op};
use crate::state::App;

pub(super) fn routes() -> Routes {
    Routes::new(&["Task Workers"]).post("/task_workers/filter", op("read_task_workers", list))
}

#[derive(Deserialize, JsonSchema)]
struct List {
    task_worker_filter: Option<TaskWorkerFilter>,
}

/// Selects task workers: those that serve one of these tasks.
#[derive(Default, Deserialize, JsonSchema)]
struct TaskWorkerFilter {
    task_keys: Vec<String>,
}

/// A task worker that is connected to this server.
#[derive(Serialize, JsonSchema)]
struct TaskWorkerResponse {
    identifier: String,
    task_keys: Vec<String>,
    timestamp: Moment,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<TaskWorkerResponse>>, ApiError> {
    let keys = list.task_worker_filter.unwrap_or_default().task_keys;
    let told = app.workers.list(&keys).into_iter().map(|(identifier, worker)| TaskWorkerResponse {
        identifier,
        task_keys: worker.task_keys.into_iter().collect(),
        timestamp: Moment(worker.heard),
    });
    Ok(Json(told.collect()))
}
