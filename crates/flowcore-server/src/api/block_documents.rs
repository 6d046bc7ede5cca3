//! Blocks.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::store::query::Selection;
use flowcore::store::records::Record;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::names::check_object_name;
use crate::blocks::documents::{self, BlockDocumentBody, Change, NewDocument, bodies};
use crate::blocks::{BlockDocument, block_document};
use crate::error::ApiError;
use crate::extract::{Body, Id, Paging, Query, or_default};
use crate::filter::{BlockDocumentSort, BlockObjects};
use crate::routes::{Routes, op};
use crate::state::App;

const NOT_FOUND: ApiError = ApiError::NotFound("Block document not found");

pub(super) fn routes() -> Routes {
    Routes::new(&["Block documents"])
        .post("/block_documents/", op("create_block_document", create).gives(StatusCode::CREATED))
        .post("/block_documents/filter", op("read_block_documents", list))
        .post("/block_documents/count", op("count_block_documents", count))
        .get("/block_documents/{id}", op("read_block_document_by_id", read))
        .patch("/block_documents/{id}", op("update_block_document_data", update))
        .delete("/block_documents/{id}", op("delete_block_document", delete))
}

/// Whether secrets are shown.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Secrets {
    /// Whether they are; otherwise each is eight stars.
    #[serde(default)]
    pub(super) include_secrets: bool,
}

/// A block to be made.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BlockDocumentCreate {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    data: Map<String, Value>,
    block_schema_id: Uuid,
    block_type_id: Uuid,
    #[serde(default)]
    is_anonymous: bool,
}

async fn create(
    State(app): State<App>,
    Body(new): Body<BlockDocumentCreate>,
) -> Result<(StatusCode, Json<BlockDocumentBody>), ApiError> {
    match &new.name {
        Some(name) if !name.is_empty() => {
            check_object_name("name", name, &new)?;
            if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
                let why = "Value error, Block document name must only contain lowercase letters, numbers, and dashes.";
                return Err(ApiError::invalid("value_error", &["name".into()], why, json!(new)));
            }
        }
        _ if new.is_anonymous => {}
        _ => {
            return Err(ApiError::invalid(
                "value_error",
                &[],
                "Names must be provided for block documents.",
                json!(new),
            ));
        }
    }
    let BlockDocumentCreate { name, data, block_schema_id, block_type_id, is_anonymous } = new;
    let new = NewDocument { name, data, block_schema_id, block_type_id, is_anonymous };
    let made = documents::create(&app, new).await?;
    let body = body(&app, made, false).await?;
    body.event("created").map(|event| app.events.emit(event));
    Ok((StatusCode::CREATED, Json(body)))
}

async fn body(app: &App, document: BlockDocument, include_secrets: bool) -> Result<BlockDocumentBody, ApiError> {
    bodies(app, vec![document], include_secrets).await?.pop().ok_or(NOT_FOUND)
}

#[derive(Deserialize, JsonSchema)]
struct List {
    #[serde(flatten)]
    objects: BlockObjects,
    /// Whether secrets are shown; otherwise each is eight stars.
    #[serde(default, deserialize_with = "or_default")]
    include_secrets: bool,
    #[serde(default, deserialize_with = "or_default")]
    sort: BlockDocumentSort,
    #[serde(flatten)]
    paging: Paging,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<BlockDocumentBody>>, ApiError> {
    let page = list.paging.page()?;
    let selection = Selection { condition: list.objects.condition(), sort: list.sort.columns(), page };
    let found = app.store.records().list::<BlockDocument>(&selection).await?;
    bodies(&app, found, list.include_secrets).await.map(Json)
}

async fn count(State(app): State<App>, Body(objects): Body<BlockObjects>) -> Result<Json<u64>, ApiError> {
    Ok(Json(app.store.records().count(BlockDocument::TABLE, &objects.condition()).await?))
}

async fn read(
    State(app): State<App>,
    Id(id): Id,
    Query(secrets): Query<Secrets>,
) -> Result<Json<BlockDocumentBody>, ApiError> {
    let found = find(&app, id).await?;
    body(&app, found, secrets.include_secrets).await.map(Json)
}

async fn find(app: &App, id: Uuid) -> Result<BlockDocument, ApiError> {
    app.store.records().first(block_document::ID.is(id)).await?.ok_or(NOT_FOUND)
}

/// What is to change of a block.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BlockDocumentUpdate {
    #[serde(default)]
    block_schema_id: Option<Uuid>,
    #[serde(default)]
    #[schemars(with = "Map<String, Value>")]
    data: Option<Map<String, Value>>,
    #[serde(default = "yes")]
    merge_existing_data: bool,
}

fn yes() -> bool {
    true
}

async fn update(
    State(app): State<App>,
    Id(id): Id,
    Body(update): Body<BlockDocumentUpdate>,
) -> Result<StatusCode, ApiError> {
    let merge = update.merge_existing_data;
    // Without merging, what is not said is nothing.
    let data = update.data.or_else(|| (!merge).then(Map::new));
    let changed = documents::change(&app, id, Change { block_schema_id: update.block_schema_id, data, merge }).await?;
    body(&app, changed, false).await?.event("updated").map(|event| app.events.emit(event));
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    let found = find(&app, id).await?;
    let event = body(&app, found, false).await?.event("deleted");
    documents::delete(&app, id).await?;
    event.map(|event| app.events.emit(event));
    Ok(StatusCode::NO_CONTENT)
}
