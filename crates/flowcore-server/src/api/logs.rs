//! Log lines.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use flowcore::model::{LogId, LogLevel, LogLine};
use flowcore::store::query::Selection;
use flowcore::wire::{LogBody, LogCreate};
use serde::Deserialize;

use crate::error::ApiError;
use crate::extract::{Body, page};
use crate::filter::{LogFilter, LogSort};
use crate::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/logs", post(create)).route("/logs/filter", post(list))
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
    app.store.append_logs(lines.collect()).await?;
    Ok(StatusCode::CREATED)
}

#[derive(Deserialize)]
struct List {
    logs: Option<LogFilter>,
    sort: Option<LogSort>,
    limit: Option<i64>,
    offset: Option<i64>,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<LogBody>>, ApiError> {
    let page = page(list.limit, list.offset.unwrap_or(0))?;
    let condition = list.logs.unwrap_or_default().condition();
    let lines =
        app.store.select_logs(&Selection { condition, sort: list.sort.unwrap_or_default().columns(), page }).await?;
    Ok(Json(lines.iter().map(LogBody::from).collect()))
}
