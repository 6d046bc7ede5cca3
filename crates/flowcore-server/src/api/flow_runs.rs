//! Flow runs: making, reading and changing them.

mod create;
mod states;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use flowcore::model::{FlowRun, FlowRunId, Labels, RetryPolicy};
use flowcore::store::FlowRunEdit;
use flowcore::store::query::{Selection, Table};
use flowcore::wire::{FlowRunBody, FlowRunUpdate};
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::extract::{Body, Id, page};
use crate::filter::{FlowRunSort, Objects};
use crate::state::App;

const NOT_FOUND: ApiError = ApiError::NotFound("Flow run not found");

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/flow_runs", post(create::create))
        .route("/flow_runs/count", post(count))
        .route("/flow_runs/filter", post(list))
        .route("/flow_runs/paginate", post(paginate))
        .route("/flow_runs/{id}", get(read).patch(update).delete(delete))
        .route("/flow_runs/{id}/set_state", post(states::set))
        .route("/flow_runs/{id}/labels", patch(label))
        .route("/flow_run_states", get(states::list))
}

async fn count(State(app): State<App>, Body(objects): Body<Objects>) -> Result<Json<u64>, ApiError> {
    Ok(Json(app.store.count(Table::FLOW_RUNS, &objects.of_flow_runs()).await?))
}

#[derive(Deserialize)]
struct List {
    #[serde(flatten)]
    objects: Objects,
    sort: Option<FlowRunSort>,
    limit: Option<i64>,
    offset: Option<i64>,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<FlowRunBody>>, ApiError> {
    let page = page(list.limit, list.offset.unwrap_or(0))?;
    let selection =
        Selection { condition: list.objects.of_flow_runs(), sort: list.sort.unwrap_or_default().columns(), page };
    Ok(Json(bodies(&app, &app.store.select_flow_runs(&selection).await?)))
}

#[derive(Deserialize)]
struct Paginate {
    #[serde(flatten)]
    objects: Objects,
    sort: Option<FlowRunSort>,
    limit: Option<i64>,
    #[serde(default = "first")]
    page: i64,
}

fn first() -> i64 {
    1
}

/// A page of flow runs, and how many there are.
#[derive(Serialize)]
struct Paginated {
    results: Vec<FlowRunBody>,
    count: u64,
    limit: u32,
    pages: u64,
    page: i64,
}

async fn paginate(State(app): State<App>, Body(asked): Body<Paginate>) -> Result<Json<Paginated>, ApiError> {
    let first = page(asked.limit, 0)?;
    let offset = asked.page.saturating_sub(1).saturating_mul(i64::from(first.limit));
    let page = page(asked.limit, offset)?;
    let condition = asked.objects.of_flow_runs();
    let count = app.store.count(Table::FLOW_RUNS, &condition).await?;
    let selection = Selection { condition, sort: asked.sort.unwrap_or_default().columns(), page };
    let results = bodies(&app, &app.store.select_flow_runs(&selection).await?);
    let pages = if page.limit == 0 { 0 } else { count.div_ceil(u64::from(page.limit)) };
    Ok(Json(Paginated { results, count, limit: page.limit, pages, page: asked.page }))
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<FlowRunBody>, ApiError> {
    let run = find(&app, FlowRunId(id)).await?;
    Ok(Json(FlowRunBody::new(&run, app.now())))
}

async fn update(State(app): State<App>, Id(id): Id, Body(update): Body<FlowRunUpdate>) -> Result<StatusCode, ApiError> {
    let now = app.now();
    let edit = FlowRunEdit::new(move |run| {
        let update = update.clone();
        run.name = update.name.unwrap_or_else(|| std::mem::take(&mut run.name));
        run.flow_version = update.flow_version.or(run.flow_version.take());
        run.tags = update.tags.unwrap_or_else(|| std::mem::take(&mut run.tags));
        if let Some(parameters) = update.parameters {
            run.parameters = parameters;
        }
        if let Some(policy) = &update.empirical_policy {
            run.empirical_policy = RetryPolicy::from(policy);
        }
        let origin = &mut run.origin;
        origin.infrastructure_pid = update.infrastructure_pid.or(origin.infrastructure_pid.take());
        origin.job_variables = update.job_variables.or(origin.job_variables.take());
        run.updated = now;
    });
    app.store.edit_flow_run(FlowRunId(id), edit).await?.ok_or(NOT_FOUND)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Adds labels, and replaces those of the same names.
async fn label(State(app): State<App>, Id(id): Id, Body(labels): Body<Labels>) -> Result<StatusCode, ApiError> {
    let now = app.now();
    let edit = FlowRunEdit::new(move |run| {
        run.labels.extend(labels.clone());
        run.updated = now;
    });
    app.store.edit_flow_run(FlowRunId(id), edit).await?.ok_or(NOT_FOUND)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    if app.store.delete_flow_run(FlowRunId(id)).await? { Ok(StatusCode::NO_CONTENT) } else { Err(NOT_FOUND) }
}

async fn find(app: &App, id: FlowRunId) -> Result<FlowRun, ApiError> {
    app.store.flow_run(id).await?.ok_or(NOT_FOUND)
}

fn bodies(app: &App, runs: &[FlowRun]) -> Vec<FlowRunBody> {
    let now = app.now();
    runs.iter().map(|run| FlowRunBody::new(run, now)).collect()
}
