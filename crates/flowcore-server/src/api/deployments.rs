//! Deployments: reading and removing them. Making and changing them, their schedules and their runs have files of their own.

mod bodies;
mod changes;
mod redeploy;
mod runs;
mod schedules;
mod slugs;
mod telling;
mod ui;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::{FlowId, Page};
use flowcore::store::query::{Condition, Selection, Values, flow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use bodies::DeploymentResponse;
use telling::responses;

use super::bulk;
use super::work_pools::WorkQueueBody;
use super::work_queues;

use crate::deployments::deployment::{FLOW_ID, FLOW_OF_DEPLOYMENT, ID, NAME, TABLE};
use crate::deployments::{Deployment, Surroundings, Waiting, remove_limit, remove_schedules, take_back, tell};
use crate::error::ApiError;
use crate::extract::{Body, Id, Pages, Paginated, Paging, Path, or_default};
use crate::filter::{DeploymentFilter, DeploymentSort, Objects};
use crate::foreman::settle;
use crate::pools::{WorkQueue, queue};
use crate::routes::{Routes, op};
use crate::state::App;

const NOT_FOUND: ApiError = ApiError::NotFound("Deployment not found");

/// Says it as those operations do that change deployments and their schedules.
fn with_full_stop(error: ApiError) -> ApiError {
    match error {
        ApiError::NotFound(_) => ApiError::NotFound("Deployment not found."),
        error => error,
    }
}

pub(super) fn routes() -> Routes {
    Routes::new(&["Deployments"])
        .post("/deployments/filter", op("read_deployments", list))
        .post("/deployments/paginate", op("paginate_deployments", paginate))
        .post("/deployments/count", op("count_deployments", count))
        .post("/deployments/bulk_delete", op("bulk_delete_deployments", bulk_delete))
        .get("/deployments/name/{flow_name}/{deployment_name}", op("read_deployment_by_name", by_name))
        .get("/deployments/{id}", op("read_deployment", read))
        .delete("/deployments/{id}", op("delete_deployment", delete))
        .get("/deployments/{id}/work_queue_check", op("work_queue_check_for_deployment", work_queue_check))
        .merge(changes::routes())
        .merge(schedules::routes())
        .merge(runs::routes())
        .merge(ui::routes())
}

async fn count(State(app): State<App>, Body(objects): Body<Objects>) -> Result<Json<u64>, ApiError> {
    Ok(Json(app.store.records().count(TABLE, &objects.of_deployments()).await?))
}

#[derive(Deserialize, JsonSchema)]
struct List {
    #[serde(flatten)]
    objects: Objects,
    #[serde(default, deserialize_with = "or_default")]
    sort: DeploymentSort,
    #[serde(flatten)]
    paging: Paging,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<DeploymentResponse>>, ApiError> {
    let page = list.paging.page()?;
    Ok(Json(select(&app, list.objects.of_deployments(), list.sort, page).await?))
}

#[derive(Deserialize, JsonSchema)]
struct Paginate {
    #[serde(flatten)]
    objects: Objects,
    #[serde(default, deserialize_with = "or_default")]
    sort: DeploymentSort,
    #[serde(flatten)]
    pages: Pages,
}

async fn paginate(
    State(app): State<App>,
    Body(asked): Body<Paginate>,
) -> Result<Json<Paginated<DeploymentResponse>>, ApiError> {
    let page = asked.pages.page()?;
    let condition = asked.objects.of_deployments();
    let count = app.store.records().count(TABLE, &condition).await?;
    let results = select(&app, condition, asked.sort, page).await?;
    Ok(Json(asked.pages.answer(page, count, results)))
}

async fn select(
    app: &App,
    condition: Condition,
    sort: DeploymentSort,
    page: Page,
) -> Result<Vec<DeploymentResponse>, ApiError> {
    settle(app).await?;
    let selection = Selection { condition, sort: sort.columns(), page };
    responses(app, app.store.records().list(&selection).await?).await
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<DeploymentResponse>, ApiError> {
    settle(&app).await?;
    let deployment = find(&app, id).await?;
    response(&app, deployment).await.map(Json)
}

/// Lists the queues whose workers would take runs of a deployment: the one that it names.
async fn work_queue_check(State(app): State<App>, Id(id): Id) -> Result<Json<Vec<WorkQueueBody>>, ApiError> {
    settle(&app).await?;
    let Some(queue) = find(&app, id).await?.work_queue_id else { return Ok(Json(Vec::new())) };
    let queue = app.store.records().first::<WorkQueue>(queue::ID.is(queue)).await?;
    work_queues::bodies(&app, queue.into_iter().collect()).await.map(Json)
}

async fn by_name(
    State(app): State<App>,
    Path((flow_name, deployment_name)): Path<(String, String)>,
) -> Result<Json<DeploymentResponse>, ApiError> {
    settle(&app).await?;
    let flows = Condition::Related(FLOW_OF_DEPLOYMENT, Box::new(flow::NAME.is(flow_name)));
    let found = app.store.records().first(Condition::All(vec![NAME.is(deployment_name), flows])).await?;
    response(&app, found.ok_or(NOT_FOUND)?).await.map(Json)
}

async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    match remove(&app, vec![id]).await?.is_empty() {
        true => Err(NOT_FOUND),
        false => Ok(StatusCode::NO_CONTENT),
    }
}

#[derive(Deserialize, JsonSchema)]
struct BulkDelete {
    deployments: Option<DeploymentFilter>,
    #[serde(flatten)]
    limit: bulk::Limit,
}

/// Which deployments are gone.
#[derive(Serialize, JsonSchema)]
struct DeploymentBulkDeleteResponse {
    deleted: Vec<Uuid>,
}

async fn bulk_delete(
    State(app): State<App>,
    Body(asked): Body<BulkDelete>,
) -> Result<Json<DeploymentBulkDeleteResponse>, ApiError> {
    let condition = asked.deployments.as_ref().map_or(Condition::ALWAYS, DeploymentFilter::condition);
    let selection = Selection { condition, sort: DeploymentSort::NameAsc.columns(), page: asked.limit.page() };
    let found: Vec<Deployment> = app.store.records().list(&selection).await?;
    let deleted = remove(&app, found.into_iter().map(|deployment| deployment.id).collect()).await?;
    Ok(Json(DeploymentBulkDeleteResponse { deleted }))
}

/// Removes deployments with all that is theirs, and tells of it; tells which there were.
async fn remove(app: &App, ids: Vec<Uuid>) -> Result<Vec<Uuid>, ApiError> {
    let gone = take_away(app, ids).await?;
    for deployment in &gone {
        tell(app, "deleted", deployment, &Surroundings::of(app, deployment).await?);
    }
    Ok(gone.into_iter().map(|deployment| deployment.id).collect())
}

/// Removes the deployments of a flow that is about to be deleted. As in Prefect nothing is said of each.
pub(super) async fn remove_of_flow(app: &App, flow: FlowId) -> Result<(), ApiError> {
    let selection = Selection { condition: FLOW_ID.is(flow.0), sort: Vec::new(), page: Page::ALL };
    let deployments: Vec<Deployment> = app.store.records().list(&selection).await?;
    take_away(app, deployments.into_iter().map(|deployment| deployment.id).collect()).await.map(drop)
}

/// Removes deployments with their schedules, their own limits and all their runs that have not begun; gives those that were there.
async fn take_away(app: &App, ids: Vec<Uuid>) -> Result<Vec<Deployment>, ApiError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let now = app.now();
    let work = app.store.records().transact(move |tx| {
        let ids = ids.clone();
        Box::pin(async move {
            let gone: Vec<Deployment> = tx.lock(ID.one_of(Values::Ids(ids))).await?;
            for deployment in &gone {
                take_back(tx, deployment.id, Waiting::All, now).await?;
                remove_schedules(tx, deployment.id).await?;
                tx.delete(TABLE, ID.is(deployment.id)).await?;
            }
            Ok::<_, ApiError>(gone)
        })
    });
    let gone = work.await?;
    for deployment in &gone {
        remove_limit(app, deployment.id).await?;
    }
    Ok(gone)
}

async fn find(app: &App, id: Uuid) -> Result<Deployment, ApiError> {
    app.store.records().first(ID.is(id)).await?.ok_or(NOT_FOUND)
}

async fn response(app: &App, deployment: Deployment) -> Result<DeploymentResponse, ApiError> {
    responses(app, vec![deployment]).await?.pop().ok_or(NOT_FOUND)
}
