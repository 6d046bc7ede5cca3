//! Flows.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::{Flow, FlowId, Labels, Page};
use flowcore::store::query::{Column, Condition, Selection, Table, Test, Values, flow};
use flowcore::store::records::Value as Cell;
use flowcore::wire::{FlowBody, FlowCreate, FlowUpdate};
use schemars::JsonSchema;
use serde::Deserialize;

use super::bulk::{Deleted, Limit};
use super::deployments;
use super::names::check_object_name;
use crate::error::ApiError;
use crate::extract::{Body, Id, Pages, Paginated, Paging, Path, or_default};
use crate::filter::{FlowFilter, FlowSort, Objects};
use crate::purge;
use crate::routes::{Routes, op};
use crate::state::App;

const NOT_FOUND: ApiError = ApiError::NotFound("Flow not found");

pub(super) fn routes() -> Routes {
    Routes::new(&["Flows"])
        .post("/flows/", op("create_flow", create))
        .post("/flows/count", op("count_flows", count))
        .post("/flows/filter", op("read_flows", list))
        .post("/flows/paginate", op("paginate_flows", paginate))
        .post("/flows/bulk_delete", op("bulk_delete_flows", bulk_delete))
        .get("/flows/name/{name}", op("read_flow_by_name", by_name))
        .get("/flows/{id}", op("read_flow", read))
        .patch("/flows/{id}", op("update_flow", update))
        .delete("/flows/{id}", op("delete_flow", delete))
}

/// Makes a flow, or finds the one of that name.
async fn create(State(app): State<App>, Body(new): Body<FlowCreate>) -> Result<(StatusCode, Json<FlowBody>), ApiError> {
    check_object_name("name", &new.name, &new)?;
    if let Some(known) = find(&app, flow::NAME, Values::Texts(vec![new.name.clone()])).await? {
        return Ok((StatusCode::OK, Json(FlowBody::from(&known))));
    }
    let now = app.now();
    let flow = Flow {
        id: FlowId(app.clock.uuid()),
        name: new.name,
        tags: new.tags,
        labels: new.labels.map(Labels::from).unwrap_or_default(),
        created: now,
        updated: now,
    };
    let id = flow.id;
    let kept = app.store.upsert_flow(flow).await?;
    let status = if kept.id == id { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(FlowBody::from(&kept))))
}

async fn count(State(app): State<App>, Body(objects): Body<Objects>) -> Result<Json<u64>, ApiError> {
    Ok(Json(app.store.count(Table::FLOWS, &objects.of_flows()).await?))
}

#[derive(Deserialize, JsonSchema)]
struct List {
    #[serde(flatten)]
    objects: Objects,
    #[serde(default, deserialize_with = "or_default")]
    sort: FlowSort,
    #[serde(flatten)]
    paging: Paging,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<FlowBody>>, ApiError> {
    let page = list.paging.page()?;
    let selection = Selection { condition: list.objects.of_flows(), sort: list.sort.columns(), page };
    let flows = app.store.select_flows(&selection).await?;
    Ok(Json(flows.iter().map(FlowBody::from).collect()))
}

#[derive(Deserialize, JsonSchema)]
struct Paginate {
    #[serde(flatten)]
    objects: Objects,
    #[serde(default, deserialize_with = "or_default")]
    sort: FlowSort,
    #[serde(flatten)]
    pages: Pages,
}

async fn paginate(State(app): State<App>, Body(asked): Body<Paginate>) -> Result<Json<Paginated<FlowBody>>, ApiError> {
    let (page, condition) = (asked.pages.page()?, asked.objects.of_flows());
    let count = app.store.count(Table::FLOWS, &condition).await?;
    let selection = Selection { condition, sort: asked.sort.columns(), page };
    let flows = app.store.select_flows(&selection).await?;
    Ok(Json(asked.pages.answer(page, count, flows.iter().map(FlowBody::from).collect())))
}

async fn update(State(app): State<App>, Id(id): Id, Body(update): Body<FlowUpdate>) -> Result<StatusCode, ApiError> {
    let now = app.now();
    let updated = app.store.records().transact::<_, ApiError, _>(move |tx| {
        let mut changes = vec![(flow::UPDATED, Cell::from(now))];
        changes.extend(update.tags.as_ref().map(|tags| (flow::TAGS, Cell::json(tags))));
        Box::pin(async move { Ok(tx.update(Table::FLOWS, changes, flow::ID.is(id)).await?) })
    });
    if updated.await? == 0 { Err(NOT_FOUND) } else { Ok(StatusCode::NO_CONTENT) }
}

/// Deletes a flow with its deployments. Its runs are deleted behind the answer, if there are many.
async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    deployments::remove_of_flow(&app, FlowId(id)).await?;
    if !app.store.delete_flow(FlowId(id)).await? {
        return Err(NOT_FOUND);
    }
    purge::begin(app.store);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, JsonSchema)]
struct BulkDelete {
    flows: Option<FlowFilter>,
    #[serde(flatten)]
    limit: Limit,
}

async fn bulk_delete(State(app): State<App>, Body(asked): Body<BulkDelete>) -> Result<Json<Deleted>, ApiError> {
    let condition = asked.flows.unwrap_or_default().condition();
    let sort = FlowSort::default().columns();
    let mut deleted = Vec::new();
    for flow in app.store.select_flows(&Selection { condition, sort, page: asked.limit.page() }).await? {
        deployments::remove_of_flow(&app, flow.id).await?;
        if app.store.delete_flow(flow.id).await? {
            deleted.push(flow.id.0);
        }
    }
    purge::begin(app.store);
    Ok(Json(Deleted { deleted }))
}

async fn by_name(State(app): State<App>, Path(name): Path<String>) -> Result<Json<FlowBody>, ApiError> {
    let found = find(&app, flow::NAME, Values::Texts(vec![name])).await?;
    found.as_ref().map(FlowBody::from).map(Json).ok_or(NOT_FOUND)
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<FlowBody>, ApiError> {
    let found = find(&app, flow::ID, Values::Ids(vec![id])).await?;
    found.as_ref().map(FlowBody::from).map(Json).ok_or(NOT_FOUND)
}

/// Finds the flow that has a value in a column.
pub(super) async fn find(app: &App, column: Column, value: Values) -> Result<Option<Flow>, ApiError> {
    let condition = Condition::Column(column, Test::OneOf(value));
    let selection = Selection { condition, sort: Vec::new(), page: Page::first(1) };
    Ok(app.store.select_flows(&selection).await?.pop())
}
