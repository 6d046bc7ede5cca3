//! Flow runs: making, reading and changing them.

mod bodies;
mod bulk;
mod create;
mod download;
mod graph;
mod input;
mod resume;
mod states;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::{FlowRun, FlowRunId, Labels, StateType};
use flowcore::store::FlowRunEdit;
use flowcore::store::query::{Selection, Table, flow_run};
use flowcore::wire::{FlowRunBody, FlowRunUpdate, Why};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(super) use bodies::{bodies, body};
pub(super) use create::must_be_there;

use super::history::{self, Asked, Interval};
use crate::deployments::deployment::ID as DEPLOYMENT_ID;
use crate::deployments::{Deployment, Surroundings, check_job_variables, forget_slot};
use crate::error::ApiError;
use crate::extract::{Body, Id, Pages, Paginated, Paging, or_default};
use crate::filter::{FlowRunSort, Objects};
use crate::routes::{Routes, op};
use crate::state::App;
use crate::why::why;

const NOT_FOUND: ApiError = ApiError::NotFound("Flow run not found");

pub(super) fn routes() -> Routes {
    Routes::new(&["Flow Runs"])
        .post("/flow_runs/", op("create_flow_run", create::create))
        .post("/flow_runs/count", op("count_flow_runs", count))
        .post("/flow_runs/filter", op("read_flow_runs", list))
        .post("/flow_runs/paginate", op("paginate_flow_runs", paginate))
        .post("/flow_runs/history", op("flow_run_history", history))
        .post("/flow_runs/lateness", op("average_flow_run_lateness", lateness))
        .post("/flow_runs/bulk_delete", op("bulk_delete_flow_runs", bulk::delete))
        .post("/flow_runs/bulk_set_state", op("bulk_set_flow_run_state", bulk::set_state))
        .get("/flow_runs/{id}", op("read_flow_run", read))
        .patch("/flow_runs/{id}", op("update_flow_run", update))
        .delete("/flow_runs/{id}", op("delete_flow_run", delete))
        .post("/flow_runs/{id}/set_state", op("set_flow_run_state", states::set))
        .patch("/flow_runs/{id}/labels", op("update_flow_run_labels", label))
        .post("/flow_runs/{id}/resume", op("resume_flow_run", resume::resume))
        .get("/flow_runs/{id}/why", op("explain_flow_run", explain))
        .post("/flow_runs/{id}/token", op("give_flow_run_token", token))
        .get("/flow_runs/{id}/logs/download", op("download_logs", download::download).gives(StatusCode::OK))
        .merge(input::routes())
        .merge(graph::routes())
        .merge(states::routes())
}

/// Tells why a run does not move: an addition of flowcore's own.
async fn explain(State(app): State<App>, Id(id): Id) -> Result<Json<Why>, ApiError> {
    Ok(Json(why(&app, FlowRunId(id)).await?.ok_or(NOT_FOUND)?))
}

/// What a run shows to the server.
#[derive(Serialize, JsonSchema)]
struct RunToken {
    /// Name and password, with a colon between. None: nobody has to show anything.
    auth_string: Option<String>,
}

/// Gives what a run is to show instead of its worker's password: an addition of flowcore's own.
async fn token(State(app): State<App>, Id(id): Id) -> Result<Json<RunToken>, ApiError> {
    let run = find(&app, FlowRunId(id)).await?;
    let auth_string = app.config.credentials.is_some().then(|| app.config.run_tokens.give(run.id));
    Ok(Json(RunToken { auth_string }))
}

async fn count(State(app): State<App>, Body(objects): Body<Objects>) -> Result<Json<u64>, ApiError> {
    Ok(Json(app.store.count(Table::FLOW_RUNS, &objects.of_flow_runs()).await?))
}

#[derive(Deserialize, JsonSchema)]
struct List {
    #[serde(flatten)]
    objects: Objects,
    #[serde(default, deserialize_with = "or_default")]
    sort: FlowRunSort,
    #[serde(flatten)]
    paging: Paging,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<FlowRunBody>>, ApiError> {
    let page = list.paging.page()?;
    let selection = Selection { condition: list.objects.of_flow_runs(), sort: list.sort.columns(), page };
    Ok(Json(bodies(&app, &app.store.select_flow_runs(&selection).await?).await?))
}

#[derive(Deserialize, JsonSchema)]
struct Paginate {
    #[serde(flatten)]
    objects: Objects,
    #[serde(default, deserialize_with = "or_default")]
    sort: FlowRunSort,
    #[serde(flatten)]
    pages: Pages,
}

async fn paginate(
    State(app): State<App>,
    Body(asked): Body<Paginate>,
) -> Result<Json<Paginated<FlowRunBody>>, ApiError> {
    let (page, condition) = (asked.pages.page()?, asked.objects.of_flow_runs());
    let count = app.store.count(Table::FLOW_RUNS, &condition).await?;
    let selection = Selection { condition, sort: asked.sort.columns(), page };
    let results = bodies(&app, &app.store.select_flow_runs(&selection).await?).await?;
    Ok(Json(asked.pages.answer(page, count, results)))
}

async fn history(State(app): State<App>, Body(asked): Body<Asked>) -> Result<Json<Vec<Interval>>, ApiError> {
    let condition = asked.objects.of_flow_runs();
    let by = flow_run::EXPECTED_START_TIME;
    Ok(Json(history::history(&app, Table::FLOW_RUNS, by, &asked, &condition).await?))
}

/// Tells how late runs are on average, in seconds.
async fn lateness(State(app): State<App>, Body(objects): Body<Objects>) -> Result<Json<Option<f64>>, ApiError> {
    Ok(Json(app.store.average_lateness(&objects.of_flow_runs(), app.now()).await?))
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<FlowRunBody>, ApiError> {
    let run = find(&app, FlowRunId(id)).await?;
    Ok(Json(body(&app, &run).await?))
}

async fn update(State(app): State<App>, Id(id): Id, Body(update): Body<FlowRunUpdate>) -> Result<StatusCode, ApiError> {
    let now = app.now();
    if let Some(variables) = &update.job_variables {
        check_job_variables_of(&app, &find(&app, FlowRunId(id)).await?, variables).await?;
    }
    let edit = FlowRunEdit::new(move |run| {
        let update = update.clone();
        run.name = update.name.unwrap_or_else(|| std::mem::take(&mut run.name));
        run.flow_version = update.flow_version.or(run.flow_version.take());
        run.tags = update.tags.unwrap_or_else(|| std::mem::take(&mut run.tags));
        if let Some(parameters) = update.parameters {
            run.parameters = parameters;
        }
        if let Some(policy) = &update.empirical_policy {
            (run.empirical_policy, run.pauses) = (policy.retry_policy(), policy.pauses());
        }
        let origin = &mut run.origin;
        origin.infrastructure_pid = update.infrastructure_pid.or(origin.infrastructure_pid.take());
        origin.job_variables = update.job_variables.or(origin.job_variables.take());
        run.updated = now;
    });
    app.store.edit_flow_run(FlowRunId(id), edit).await?.ok_or(NOT_FOUND)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses variables for a run that no worker will read them for, and those that do not fit its pool.
async fn check_job_variables_of(app: &App, run: &FlowRun, variables: &Map<String, Value>) -> Result<(), ApiError> {
    let refuse = |why: String| Err(ApiError::Refused(StatusCode::BAD_REQUEST, why));
    if run.state.kind != StateType::Scheduled {
        let kind = run.state.kind.as_str();
        return refuse(format!("Job variables for a flow run in state {kind} cannot be updated"));
    }
    let deployment: Option<Deployment> = match run.origin.deployment_id {
        Some(id) => app.store.records().first(DEPLOYMENT_ID.is(id)).await?,
        None => None,
    };
    let Some(deployment) = deployment else {
        return refuse("A deployment for the flow run could not be found".to_owned());
    };
    let Some(pool) = Surroundings::of(app, &deployment).await?.pool else { return Ok(()) };
    check_job_variables(&pool.base_job_template, &[&deployment.job_variables, variables], false).map_err(|mistake| {
        ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, format!("Error updating flow run: {mistake}"))
    })
}

/// Adds labels, and replaces those of the same names.
async fn label(State(app): State<App>, Id(id): Id, Body(labels): Body<Labels>) -> Result<StatusCode, ApiError> {
    let now = app.now();
    let edit = FlowRunEdit::new(move |run| {
        run.labels.extend(labels.clone());
        run.updated = now;
    });
    let edited = app.store.edit_flow_run(FlowRunId(id), edit).await?;
    edited.ok_or_else(|| ApiError::Unknown(format!("Flow run with id {id} not found")))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    let run = find(&app, FlowRunId(id)).await?;
    if !app.store.delete_flow_run(run.id).await? {
        return Err(NOT_FOUND);
    }
    forget_slot(&app, &run).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(app: &App, id: FlowRunId) -> Result<FlowRun, ApiError> {
    app.store.flow_run(id).await?.ok_or(NOT_FOUND)
}
