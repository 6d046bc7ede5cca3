//! Making a flow run.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use flowcore::model::{FlowRun, FlowRunId, FlowRunOrigin, Labels, Page, StateId, StateType};
use flowcore::orchestration::NewFlowRun;
use flowcore::store::StoreError;
use flowcore::store::query::{Condition, Selection, Table, Test, Values, flow, flow_run, task_run};
use flowcore::wire::{FlowRunBody, FlowRunCreate};
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::api::creator::creator;
use crate::api::flows;
use crate::error::ApiError;
use crate::extract::Body;
use crate::pools::place_in;
use crate::state::App;

/// Makes a flow run. One that was made before under the same idempotency key is returned instead.
pub(super) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    Body(body): Body<FlowRunCreate>,
) -> Result<(StatusCode, Json<FlowRunBody>), ApiError> {
    let Some(flow) = flows::find(&app, flow::ID, Values::Ids(vec![body.flow_id])).await? else {
        return Err(ApiError::dangling());
    };
    let place = match body.work_pool_name.as_deref() {
        Some(pool) => Some(place_in(&app, pool, body.work_queue_name.as_deref()).await?),
        None => None,
    };
    let mut labels = flow.labels;
    labels.insert("prefect.flow.id".to_owned(), json!(flow.id));
    labels.extend(body.labels.map(Labels::from).unwrap_or_default());
    let key = body.idempotency_key.clone();
    let id = FlowRunId(app.clock.uuid());
    if let Some(parent) = body.parent_task_run_id {
        must_be_there(&app, parent).await?;
    }
    let mut state = match body.state {
        Some(state) => {
            let now = app.now();
            let state = state.into_state(StateId(app.clock.uuid()), now);
            let unscheduled = state.kind == StateType::Scheduled && state.scheduled_time().is_none();
            if unscheduled { state.scheduled_for(now) } else { state }
        }
        None => app.state(StateType::Pending),
    };
    state.details_mut().flow_run_id = Some(id);
    let new = NewFlowRun {
        id,
        flow_id: Some(flow.id),
        flow_name: flow.name,
        flow_tags: flow.tags,
        name: body.name.filter(|name| !name.is_empty()).unwrap_or_else(|| flowcore::made_up_name(app.clock.random())),
        tags: body.tags,
        parameters: body.parameters.unwrap_or_else(empty),
        flow_version: body.flow_version,
        parent_task_run_id: body.parent_task_run_id.map(Into::into),
        parent_task_run: None,
        policy: body.empirical_policy.retry_policy(),
        labels,
        origin: FlowRunOrigin {
            deployment_id: body.deployment_id,
            work_queue_id: place.as_ref().map(|place| place.queue.id),
            work_queue_name: body.work_queue_name.or(place.map(|place| place.queue.name)),
            idempotency_key: body.idempotency_key,
            context: body.context,
            job_variables: body.job_variables,
            infrastructure_document_id: body.infrastructure_document_id,
            created_by: creator(&headers),
            ..FlowRunOrigin::default()
        },
        pauses: body.empirical_policy.pauses(),
        state: Some(state),
        executor: None,
    };
    let (status, run) = match (app.orchestrator.create_flow_run(new).await, key) {
        (Ok(run), _) => (StatusCode::CREATED, run),
        (Err(StoreError::Exists(_)), Some(key)) => (StatusCode::OK, made_before(&app, body.flow_id, key).await?),
        (Err(error), _) => return Err(error.into()),
    };
    Ok((status, Json(super::body(&app, &run).await?)))
}

/// Refuses a run of a task run that is not there.
pub(in crate::api) async fn must_be_there(app: &App, parent: Uuid) -> Result<(), ApiError> {
    let found = app.store.count(Table::TASK_RUNS, &task_run::ID.is(parent)).await?;
    if found == 0 { Err(ApiError::dangling()) } else { Ok(()) }
}

fn empty() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

async fn made_before(app: &App, flow_id: Uuid, key: String) -> Result<FlowRun, ApiError> {
    let condition = Condition::All(vec![
        Condition::Column(flow_run::FLOW_ID, Test::OneOf(Values::Ids(vec![flow_id]))),
        Condition::Column(flow_run::IDEMPOTENCY_KEY, Test::OneOf(Values::Texts(vec![key]))),
    ]);
    let selection = Selection { condition, sort: Vec::new(), page: Page::first(1) };
    let found = app.store.select_flow_runs(&selection).await?.pop();
    found.ok_or(ApiError::Refused(StatusCode::CONFLICT, "the run was deleted meanwhile; ask again".to_owned()))
}
