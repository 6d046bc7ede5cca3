//! Flows.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::{Flow, FlowId, Labels, Page};
use flowcore::store::query::{Column, Condition, Selection, Table, Test, Values, flow};
use flowcore::wire::{FlowBody, FlowCreate};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::error::ApiError;
use crate::extract::{Body, Id, Paging, Path, or_default};
use crate::filter::{FlowSort, Objects};
use crate::routes::{Routes, op};
use crate::state::App;

pub(super) fn routes() -> Routes {
    Routes::new(&["Flows"])
        .post("/flows/", op("create_flow", create))
        .post("/flows/count", op("count_flows", count))
        .post("/flows/filter", op("read_flows", list))
        .get("/flows/name/{name}", op("read_flow_by_name", by_name))
        .get("/flows/{id}", op("read_flow", read))
}

/// Makes a flow, or finds the one of that name.
async fn create(State(app): State<App>, Body(new): Body<FlowCreate>) -> Result<(StatusCode, Json<FlowBody>), ApiError> {
    if new.name.is_empty() || new.name.contains(['/', '%', '&', '<', '>']) {
        let message = "String should match pattern '^[^/%&><]+$'";
        let body = serde_json::to_value(&new).unwrap_or(Value::Null);
        return Err(ApiError::invalid("string_pattern_mismatch", &["name".into()], message, body));
    }
    if let Some(known) = find(&app, flow::NAME, Values::Texts(vec![new.name.clone()])).await? {
        return Ok((StatusCode::OK, Json(FlowBody::from(&known))));
    }
    let now = app.now();
    let flow = Flow {
        id: FlowId(app.clock.uuid()),
        name: new.name,
        tags: new.tags,
        labels: new.labels.unwrap_or_else(Labels::new),
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

async fn by_name(State(app): State<App>, Path(name): Path<String>) -> Result<Json<FlowBody>, ApiError> {
    let found = find(&app, flow::NAME, Values::Texts(vec![name])).await?;
    found.as_ref().map(FlowBody::from).map(Json).ok_or(ApiError::NotFound("Flow not found"))
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<FlowBody>, ApiError> {
    let found = find(&app, flow::ID, Values::Ids(vec![id])).await?;
    found.as_ref().map(FlowBody::from).map(Json).ok_or(ApiError::NotFound("Flow not found"))
}

/// Finds the flow that has a value in a column.
pub(super) async fn find(app: &App, column: Column, value: Values) -> Result<Option<Flow>, ApiError> {
    let condition = Condition::Column(column, Test::OneOf(value));
    let selection = Selection { condition, sort: Vec::new(), page: Page::first(1) };
    Ok(app.store.select_flows(&selection).await?.pop())
}
