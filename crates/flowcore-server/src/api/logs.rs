//! Log lines.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::{LogId, LogLevel, LogLine};
use flowcore::store::query::Selection;
use flowcore::wire::{LogBody, LogCreate};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::ApiError;
use crate::extract::{Body, Paging, or_default};
use crate::filter::{LogFilter, LogSort};
use crate::routes::{Routes, op};
use crate::state::App;

pub(super) fn routes() -> Routes {
    Routes::new(&["Logs"])
        .post("/logs/", op("create_logs", create).gives(StatusCode::CREATED))
        .post("/logs/filter", op("read_logs", list))
}

async fn create(State(app): State<App>, Body(lines): Body<Vec<LogCreate>>) -> Result<StatusCode, ApiError> {
    let lines = lines.into_iter().map(|line| LogLine {
        id: LogId(app.clock.uuid_at(line.timestamp.0)),
        timestamp: line.timestamp.0,
        level: LogLevel::from_number(line.level),
        logger: line.name,
        message: line.message,
        fields: serde_json::Map::new(),
        flow_run_id: line.flow_run_id.map(Into::into),
        task_run_id: line.task_run_id.map(Into::into),
    });
    let lines: Vec<LogLine> = lines.collect();
    app.store.append_logs(lines.clone()).await?;
    app.logs.announce(lines);
    Ok(StatusCode::CREATED)
}

#[derive(Deserialize, JsonSchema)]
struct List {
    logs: Option<LogFilter>,
    #[serde(default, deserialize_with = "or_default")]
    sort: LogSort,
    #[serde(flatten)]
    paging: Paging,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<LogBody>>, ApiError> {
    let page = list.paging.page()?;
    let condition = list.logs.unwrap_or_default().condition();
    let lines = app.store.select_logs(&Selection { condition, sort: list.sort.columns(), page }).await?;
    Ok(Json(lines.iter().map(LogBody::from).collect()))
}
