//! Block schemas, and what blocks can do.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use flowcore::model::Order;
use flowcore::store::query::{Condition, Selection};
use flowcore::store::records::{Group, Record};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::blocks::block_schema::{CAPABILITIES, CREATED, ID, NO_VERSION, NewSchema, Stamp, keep, newest};
use crate::blocks::schemas::{BlockSchemaBody, Schemas};
use crate::blocks::{BlockDocument, BlockSchema, BlockType, block_document, block_type};
use crate::error::ApiError;
use crate::extract::{Body, Id, Paging, Query};
use crate::filter::BlockSchemaFilter;
use crate::routes::{Routes, op};
use crate::state::App;

const NOT_FOUND: ApiError = ApiError::NotFound("Block schema not found");

pub(super) fn routes() -> Routes {
    let schemas = Routes::new(&["Block schemas"])
        .post("/block_schemas/", op("create_block_schema", create).gives(StatusCode::CREATED))
        .get("/block_schemas/{id}", op("read_block_schema_by_id", read))
        .get("/block_schemas/checksum/{checksum}", op("read_block_schema_by_checksum", read_by_checksum))
        .post("/block_schemas/filter", op("read_block_schemas", list))
        .delete("/block_schemas/{id}", op("delete_block_schema", delete));
    let capabilities = Routes::new(&["Block capabilities"])
        .get("/block_capabilities/", op("read_available_block_capabilities", capabilities));
    schemas.merge(capabilities)
}

/// A block schema to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BlockSchemaCreate {
    block_type_id: Uuid,
    #[serde(default)]
    fields: Map<String, Value>,
    #[serde(default)]
    capabilities: Vec<String>,
    #[serde(default = "no_version")]
    version: String,
}

fn no_version() -> String {
    NO_VERSION.to_owned()
}

/// Makes a schema, or finds the one of its checksum and version.
async fn create(
    State(app): State<App>,
    Body(new): Body<BlockSchemaCreate>,
) -> Result<(StatusCode, Json<BlockSchemaBody>), ApiError> {
    let BlockSchemaCreate { block_type_id, fields, capabilities, version } = new;
    if app.store.records().first::<BlockType>(block_type::ID.is(block_type_id)).await?.is_none() {
        return Err(ApiError::Refused(StatusCode::NOT_FOUND, format!("Block type {block_type_id} not found.")));
    }
    let new = NewSchema { block_type_id, fields, capabilities, version, checksum: None };
    let stamp = Stamp::of(&app);
    let (schema, new) = app
        .store
        .records()
        .transact(move |tx| {
            let (stamp, new) = (stamp.clone(), new.clone());
            Box::pin(async move { keep(tx, &stamp, new).await })
        })
        .await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(body(&app, schema).await?)))
}

async fn body(app: &App, schema: BlockSchema) -> Result<BlockSchemaBody, ApiError> {
    let id = schema.id;
    Schemas::of(app, [schema]).await?.body(id).ok_or(NOT_FOUND)
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<BlockSchemaBody>, ApiError> {
    let schema = app.store.records().first::<BlockSchema>(ID.is(id)).await?.ok_or(NOT_FOUND)?;
    body(&app, schema).await.map(Json)
}

#[derive(Deserialize, JsonSchema)]
struct Version {
    /// The newest of the checksum, if none is named.
    version: Option<String>,
}

async fn read_by_checksum(
    State(app): State<App>,
    Path(checksum): Path<String>,
    Query(version): Query<Version>,
) -> Result<Json<BlockSchemaBody>, ApiError> {
    let selection = newest(&checksum, version.version.as_deref());
    let schema = app.store.records().list::<BlockSchema>(&selection).await?.pop().ok_or(NOT_FOUND)?;
    body(&app, schema).await.map(Json)
}

#[derive(Deserialize, JsonSchema)]
struct List {
    block_schemas: Option<BlockSchemaFilter>,
    #[serde(flatten)]
    paging: Paging,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<BlockSchemaBody>>, ApiError> {
    let page = list.paging.page()?;
    let condition = list.block_schemas.unwrap_or_default().condition();
    let selection = Selection { condition, sort: vec![(CREATED, Order::NewestFirst)], page };
    let found = app.store.records().list::<BlockSchema>(&selection).await?;
    let order: Vec<Uuid> = found.iter().map(|schema| schema.id).collect();
    let schemas = Schemas::of(&app, found).await?;
    Ok(Json(order.into_iter().filter_map(|id| schemas.body(id)).collect()))
}

/// Deletes a schema with its blocks.
async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    app.store
        .records()
        .transact(move |tx| {
            Box::pin(async move {
                let schema = tx.lock_first::<BlockSchema>(ID.is(id)).await?.ok_or(NOT_FOUND)?;
                let kind = tx.first::<BlockType>(block_type::ID.is(schema.block_type_id)).await?;
                if kind.is_some_and(|kind| kind.is_protected) {
                    let why = "Block schemas for protected block types cannot be deleted.".to_owned();
                    return Err(ApiError::Refused(StatusCode::FORBIDDEN, why));
                }
                tx.delete(BlockDocument::TABLE, block_document::BLOCK_SCHEMA_ID.is(id)).await?;
                tx.delete(BlockSchema::TABLE, ID.is(id)).await?;
                Ok(StatusCode::NO_CONTENT)
            })
        })
        .await
}

/// Lists what blocks of some schema can do.
async fn capabilities(State(app): State<App>) -> Result<Json<BTreeSet<String>>, ApiError> {
    let groups = [Group::Column(CAPABILITIES)];
    let mut rows = app.store.records().count_groups(BlockSchema::TABLE, &groups, &Condition::ALWAYS).await?;
    let sets = rows.iter_mut().map(|row| row.json::<Vec<String>>());
    Ok(Json(sets.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()))
}
