//! Block types, and the blocks of one.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use flowcore::model::{Order, Page};
use flowcore::store::query::{Condition, Selection};
use flowcore::store::records::Record;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::block_documents::Secrets;
use super::names::check_object_name;
use crate::blocks::block_type::{ID, NAME, SLUG};
use crate::blocks::documents::{BlockDocumentBody, bodies};
use crate::blocks::{
    BlockDocument, BlockSchema, BlockType, BlockTypeBody, block_document, block_schema, install_protected,
};
use crate::error::ApiError;
use crate::extract::{Body, Id, Paging, Query};
use crate::filter::{BlockSchemaFilter, BlockTypeFilter};
use crate::routes::{Routes, op};
use crate::state::App;

const NOT_FOUND: ApiError = ApiError::NotFound("Block type not found");

pub(super) fn routes() -> Routes {
    let types = Routes::new(&["Block types"])
        .post("/block_types/", op("create_block_type", create).gives(StatusCode::CREATED))
        .get("/block_types/{id}", op("read_block_type_by_id", read))
        .get("/block_types/slug/{slug}", op("read_block_type_by_slug", read_by_slug))
        .post("/block_types/filter", op("read_block_types", list))
        .patch("/block_types/{id}", op("update_block_type", update))
        .delete("/block_types/{id}", op("delete_block_type", delete))
        .post("/block_types/install_system_block_types", op("install_system_block_types", install));
    let documents = Routes::new(&["Block types", "Block documents"])
        .get("/block_types/slug/{slug}/block_documents", op("read_block_documents_for_block_type", documents_of))
        .get(
            "/block_types/slug/{slug}/block_documents/name/{block_document_name}",
            op("read_block_document_by_name_for_block_type", document_of),
        );
    types.merge(documents)
}

/// A block type to be made.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BlockTypeCreate {
    name: String,
    slug: String,
    #[serde(default)]
    logo_url: Option<String>,
    #[serde(default)]
    documentation_url: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    code_example: Option<String>,
}

async fn create(
    State(app): State<App>,
    Body(new): Body<BlockTypeCreate>,
) -> Result<(StatusCode, Json<BlockTypeBody>), ApiError> {
    check_object_name("name", &new.name, &new)?;
    if !new.slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        let why = "Value error, Block type slug must only contain lowercase letters, numbers, and dashes.";
        return Err(ApiError::invalid("value_error", &["slug".into()], why, serde_json::json!(new)));
    }
    if new.name.to_lowercase().starts_with("prefect") {
        let why = "Block type names beginning with 'Prefect' are reserved.".to_owned();
        return Err(ApiError::Refused(StatusCode::FORBIDDEN, why));
    }
    let now = app.now();
    let kind = BlockType {
        id: app.clock.uuid(),
        created: now,
        updated: now,
        name: new.name,
        slug: new.slug,
        logo_url: new.logo_url,
        documentation_url: new.documentation_url,
        description: new.description.as_deref().map(escaped),
        code_example: new.code_example.as_deref().map(escaped),
        is_protected: false,
    };
    let kept = kind.clone();
    let new = app
        .store
        .records()
        .transact(move |tx| {
            let kept = kept.clone();
            Box::pin(async move { tx.insert_new(&kept).await.map_err(ApiError::from) })
        })
        .await?;
    if !new {
        let why = format!("Block type with name \"{}\" already exists", kind.name);
        return Err(ApiError::Refused(StatusCode::CONFLICT, why));
    }
    app.events.emit(kind.event("created"));
    Ok((StatusCode::CREATED, Json(BlockTypeBody::from(&kind))))
}

/// Makes a text harmless where a page shows it as it is.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<BlockTypeBody>, ApiError> {
    Ok(Json(BlockTypeBody::from(&find(&app, ID.is(id)).await?)))
}

async fn read_by_slug(State(app): State<App>, Path(slug): Path<String>) -> Result<Json<BlockTypeBody>, ApiError> {
    Ok(Json(BlockTypeBody::from(&find(&app, SLUG.is(slug)).await?)))
}

async fn find(app: &App, which: Condition) -> Result<BlockType, ApiError> {
    app.store.records().first(which).await?.ok_or(NOT_FOUND)
}

#[derive(Deserialize, JsonSchema)]
struct List {
    block_types: Option<BlockTypeFilter>,
    block_schemas: Option<BlockSchemaFilter>,
    #[serde(flatten)]
    paging: Paging,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<BlockTypeBody>>, ApiError> {
    let page = list.paging.page()?;
    let schemas = list
        .block_schemas
        .iter()
        .map(|schemas| Condition::Related(block_schema::OF_TYPE, Box::new(schemas.condition())));
    let condition = list.block_types.unwrap_or_default().condition().and(Condition::All(schemas.collect()));
    let selection = Selection { condition, sort: vec![(NAME, Order::OldestFirst)], page };
    let types = app.store.records().list::<BlockType>(&selection).await?;
    Ok(Json(types.iter().map(BlockTypeBody::from).collect()))
}

/// What is to change of a block type. What is absent stays.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct BlockTypeUpdate {
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    logo_url: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    documentation_url: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    description: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    code_example: Option<Option<String>>,
}

/// Reads a value that is there, also where it is `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

async fn update(
    State(app): State<App>,
    Id(id): Id,
    Body(update): Body<BlockTypeUpdate>,
) -> Result<StatusCode, ApiError> {
    let now = app.now();
    let changed = app
        .store
        .records()
        .transact(move |tx| {
            let update = update.clone();
            Box::pin(async move {
                let known = tx.lock_first::<BlockType>(ID.is(id)).await?.ok_or(NOT_FOUND)?;
                let mut kind = known.clone();
                kind.logo_url = update.logo_url.unwrap_or(kind.logo_url);
                kind.documentation_url = update.documentation_url.unwrap_or(kind.documentation_url);
                kind.description = update.description.unwrap_or(kind.description);
                kind.code_example = update.code_example.unwrap_or(kind.code_example);
                if kind == known {
                    return Ok::<_, ApiError>(None);
                }
                kind.updated = now;
                tx.put(&kind).await?;
                Ok(Some(kind))
            })
        })
        .await?;
    if let Some(kind) = changed {
        app.events.emit(kind.event("updated"));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a type with its schemas and blocks.
async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    let deleted = app
        .store
        .records()
        .transact(move |tx| {
            Box::pin(async move {
                let kind = tx.lock_first::<BlockType>(ID.is(id)).await?.ok_or(NOT_FOUND)?;
                if kind.is_protected {
                    let why = "protected block types cannot be deleted.".to_owned();
                    return Err(ApiError::Refused(StatusCode::FORBIDDEN, why));
                }
                tx.delete(BlockDocument::TABLE, block_document::BLOCK_TYPE_ID.is(id)).await?;
                tx.delete(BlockSchema::TABLE, block_schema::BLOCK_TYPE_ID.is(id)).await?;
                tx.delete(BlockType::TABLE, ID.is(id)).await?;
                Ok(kind)
            })
        })
        .await?;
    app.events.emit(deleted.event("deleted"));
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the protected types, or puts them right.
async fn install(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    install_protected(&app).await?;
    Ok(Json(Value::Null))
}

async fn documents_of(
    State(app): State<App>,
    Path(slug): Path<String>,
    Query(secrets): Query<Secrets>,
) -> Result<Json<Vec<BlockDocumentBody>>, ApiError> {
    let kind = find(&app, SLUG.is(slug)).await?;
    let named = block_document::BLOCK_TYPE_ID.is(kind.id).and(block_document::IS_ANONYMOUS.is(false));
    let sort = vec![(block_document::NAME, Order::OldestFirst)];
    let selection = Selection { condition: named, sort, page: Page::first(u32::MAX) };
    let found = app.store.records().list::<BlockDocument>(&selection).await?;
    bodies(&app, found, secrets.include_secrets).await.map(Json)
}

async fn document_of(
    State(app): State<App>,
    Path((slug, name)): Path<(String, String)>,
    Query(secrets): Query<Secrets>,
) -> Result<Json<BlockDocumentBody>, ApiError> {
    let of_type = Condition::Related(block_document::TYPE, Box::new(SLUG.is(slug)));
    let found = app.store.records().first::<BlockDocument>(block_document::NAME.is(name).and(of_type)).await?;
    let found = bodies(&app, found.into_iter().collect(), secrets.include_secrets).await?.pop();
    found.map(Json).ok_or(ApiError::NotFound("Block document not found"))
}
