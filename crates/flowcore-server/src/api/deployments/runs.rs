//! Runs of deployments: making them, and telling those that are due.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::TimeDelta;
use flowcore::model::{Creator, Flow, FlowRun, Order, Page, StateId, StateType};
use flowcore::store::StoreError;
use flowcore::store::query::{Condition, Selection, Test, Values, flow_run};
use flowcore::wire::{FlowRunBody, Moment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::bodies::DeploymentFlowRunCreate;
use super::changes::{no_schema, refused};
use super::{NOT_FOUND, find};
use crate::api::creator::creator;
use crate::api::flow_runs;
use crate::deployments::deployment::ID;
use crate::deployments::{
    Deployment, Origin, Range, Surroundings, check_job_variables, check_parameters, filled_in, flow_of, make_run,
    polled, schedule_runs,
};
use crate::error::ApiError;
use crate::extract::{Body, Id, Limit};
use crate::pools::place_for;
use crate::routes::{Routes, op};
use crate::state::App;

/// How many runs are made at once, at most.
const MOST_AT_ONCE: usize = 100;

pub(super) fn routes() -> Routes {
    Routes::new(&["Deployments"])
        .post("/deployments/get_scheduled_flow_runs", op("get_scheduled_flow_runs_for_deployments", due))
        .post("/deployments/{id}/schedule", op("schedule_deployment", schedule))
        .post("/deployments/{id}/create_flow_run", op("create_flow_run_from_deployment", create))
        .post("/deployments/{id}/create_flow_run/bulk", op("bulk_create_flow_runs_from_deployment", create_many))
}

/// Makes a run. One that was made before under the same idempotency key is returned instead.
async fn create(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
    Body(new): Body<DeploymentFlowRunCreate>,
) -> Result<(StatusCode, Json<FlowRunBody>), ApiError> {
    let (deployment, flow, around) = with_surroundings(&app, id).await?;
    let (status, run) = make(&app, &deployment, &flow, &around, new, creator(&headers)).await?;
    Ok((status, Json(flow_runs::body(&app, &run).await?)))
}

async fn with_surroundings(app: &App, id: Uuid) -> Result<(Deployment, Flow, Surroundings), ApiError> {
    let deployment = find(app, id).await?;
    let mut around = Surroundings::of(app, &deployment).await?;
    // A deployment does not outlive its flow.
    let flow = around.flow.take().ok_or(NOT_FOUND)?;
    Ok((deployment, flow, around))
}

async fn make(
    app: &App,
    deployment: &Deployment,
    flow: &Flow,
    around: &Surroundings,
    new: DeploymentFlowRunCreate,
    created_by: Option<Creator>,
) -> Result<(StatusCode, FlowRun), ApiError> {
    let mut parameters = deployment.parameters.clone();
    parameters.extend(new.parameters);
    let parameters = filled_in(app, parameters, "flow run").await?;
    if new.enforce_parameter_schema.unwrap_or(deployment.enforce_parameter_schema) {
        let schema = deployment.parameter_openapi_schema.as_ref().ok_or_else(no_schema)?;
        check_parameters(&parameters, schema, false)
            .map_err(|mistake| refused(StatusCode::CONFLICT, "creating flow run", &mistake))?;
    }
    if let Some(pool) = &around.pool {
        let own = new.job_variables.clone().unwrap_or_default();
        check_job_variables(&pool.base_job_template, &[&deployment.job_variables, &own], false)
            .map_err(|mistake| refused(StatusCode::UNPROCESSABLE_ENTITY, "creating flow run", &mistake))?;
    }
    if let Some(parent) = new.parent_task_run_id {
        flow_runs::must_be_there(app, parent).await?;
    }
    let queue = match (&new.work_queue_name, &around.pool) {
        (None, _) => None,
        (Some(queue), Some(pool)) => {
            let place = place_for(app, Some(&pool.name), Some(queue)).await?;
            place.map(|place| (place.queue.id, place.queue.name))
        }
        (Some(queue), None) => {
            let why = format!(
                "Cannot create flow run in work queue {queue} because deployment {} is not associated with a work pool. \
                 Please remove work_pool_name and try again.",
                deployment.id
            );
            return Err(ApiError::Refused(StatusCode::BAD_REQUEST, why));
        }
    };
    let mut tags = deployment.tags.clone();
    tags.extend(new.tags.into_iter().filter(|tag| !deployment.tags.contains(tag)));
    let now = app.now();
    let key = new.idempotency_key.clone();
    let origin = Origin {
        name: Some(new.name).filter(|name| !name.is_empty()),
        parameters,
        tags,
        labels: new.labels.map(Into::into).unwrap_or_default(),
        context: new.context,
        policy: new.empirical_policy.retry_policy(),
        pauses: new.empirical_policy.pauses(),
        idempotency_key: new.idempotency_key,
        parent_task_run_id: new.parent_task_run_id,
        infrastructure_document_id: new.infrastructure_document_id,
        job_variables: new.job_variables,
        queue,
        created_by,
        state: new.state.map(|state| {
            let state = state.into_state(StateId(app.clock.uuid()), now);
            let timeless = state.kind == StateType::Scheduled && state.scheduled_time().is_none();
            if timeless { state.scheduled_for(now) } else { state }
        }),
        ..Origin::default()
    };
    match (make_run(app, flow, deployment, origin).await, key) {
        (Ok(run), _) => Ok((StatusCode::CREATED, run)),
        (Err(StoreError::Exists(_)), Some(key)) => {
            let same =
                Condition::All(vec![flow_run::FLOW_ID.is(deployment.flow_id), flow_run::IDEMPOTENCY_KEY.is(key)]);
            let selection = Selection { condition: same, sort: Vec::new(), page: Page::first(1) };
            let found = app.store.select_flow_runs(&selection).await?.pop();
            let gone =
                || ApiError::Refused(StatusCode::CONFLICT, "the run was deleted meanwhile; ask again".to_owned());
            Ok((StatusCode::OK, found.ok_or_else(gone)?))
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// What became of several runs, in their order.
#[derive(Serialize, JsonSchema)]
struct FlowRunBulkCreateResponse {
    results: Vec<FlowRunCreateResult>,
}

/// What became of a run.
#[derive(Serialize, JsonSchema)]
struct FlowRunCreateResult {
    flow_run_id: Option<Uuid>,
    status: CreateStatus,
    error: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum CreateStatus {
    Created,
    Failed,
}

/// Makes several runs, each as far as that is possible.
async fn create_many(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
    Body(new): Body<Vec<DeploymentFlowRunCreate>>,
) -> Result<Json<FlowRunBulkCreateResponse>, ApiError> {
    if new.len() > MOST_AT_ONCE {
        let why = format!("Cannot create more than {MOST_AT_ONCE} flow runs at once.");
        return Err(ApiError::Refused(StatusCode::BAD_REQUEST, why));
    }
    let (deployment, flow, around) = with_surroundings(&app, id).await?;
    let mut results = Vec::new();
    for new in new {
        results.push(match make(&app, &deployment, &flow, &around, new, creator(&headers)).await {
            Ok((_, run)) => {
                FlowRunCreateResult { flow_run_id: Some(run.id.0), status: CreateStatus::Created, error: None }
            }
            Err(ApiError::Refused(status, why)) => {
                // Here Prefect speaks of parameters in other words than of a single run.
                let why = match why.strip_prefix("Error creating flow run: ") {
                    Some(mistake) if status == StatusCode::CONFLICT => {
                        format!("Parameter validation failed: {mistake}")
                    }
                    _ => why,
                };
                FlowRunCreateResult { flow_run_id: None, status: CreateStatus::Failed, error: Some(why) }
            }
            Err(error) => {
                FlowRunCreateResult { flow_run_id: None, status: CreateStatus::Failed, error: Some(error.to_string()) }
            }
        });
    }
    Ok(Json(FlowRunBulkCreateResponse { results }))
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Schedule {
    /// The earliest time; the present if absent.
    start_time: Option<Moment>,
    /// The latest time; a hundred days later if absent.
    end_time: Option<Moment>,
    /// For how long runs are made at least, in seconds; an hour if absent.
    min_time: Option<f64>,
    /// How many are made at least; 3 if absent.
    min_runs: Option<usize>,
    /// How many are made at most; 100 if absent.
    max_runs: Option<usize>,
}

/// Makes the runs that are due by a deployment's schedules in a range of time.
async fn schedule(State(app): State<App>, Id(id): Id, Body(asked): Body<Schedule>) -> Result<Json<Value>, ApiError> {
    let start = asked.start_time.map_or_else(|| app.now(), |start| start.0);
    let mut range = Range::from(start);
    range.end = asked.end_time.map_or(range.end, |end| end.0);
    #[expect(clippy::cast_possible_truncation, reason = "what is beyond is cut to what fits")]
    let least = asked.min_time.map(|seconds| TimeDelta::microseconds((seconds * 1e6) as i64));
    range.until = least.map_or(range.until, |least| start.checked_add_signed(least).unwrap_or(range.until));
    range.least = asked.min_runs.unwrap_or(range.least);
    range.most = asked.max_runs.unwrap_or(range.most);
    // What is not there has no schedules either.
    if let Ok(deployment) = find(&app, id).await
        && let Some(flow) = flow_of(&app, deployment.flow_id).await?
    {
        schedule_runs(&app, &flow, &deployment, range).await?;
    }
    Ok(Json(Value::Null))
}

#[derive(Deserialize, JsonSchema)]
struct Poll {
    deployment_ids: Vec<Uuid>,
    scheduled_before: Option<Moment>,
    #[serde(flatten)]
    limit: Limit,
}

/// Tells which runs of deployments are due, and notes that somebody takes them.
async fn due(State(app): State<App>, Body(poll): Body<Poll>) -> Result<Json<Vec<FlowRunBody>>, ApiError> {
    let page = Page::first(poll.limit.page()?.limit);
    let before = poll.scheduled_before.map(|time| Test::AtMost(time.0.timestamp_micros()));
    let mut all = vec![
        flow_run::DEPLOYMENT_ID.one_of(Values::Ids(poll.deployment_ids.clone())),
        flow_run::STATE_TYPE.is(StateType::Scheduled.as_str()),
    ];
    all.extend(before.map(|test| Condition::Column(flow_run::NEXT_SCHEDULED_START_TIME, test)));
    let sort = vec![(flow_run::NEXT_SCHEDULED_START_TIME, Order::OldestFirst)];
    let runs = app.store.select_flow_runs(&Selection { condition: Condition::All(all), sort, page }).await?;
    polled(&app, ID.one_of(Values::Ids(poll.deployment_ids))).await?;
    Ok(Json(flow_runs::bodies(&app, &runs).await?))
}
