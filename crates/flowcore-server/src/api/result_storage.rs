//! The block that results go to where nothing else is said.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Table};
use flowcore::store::records::{Record, Row, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::blocks::{BlockDocument, BlockSchema, block_document, block_schema};
use crate::error::ApiError;
use crate::extract::Body;
use crate::routes::{Routes, op};
use crate::state::App;

/// What a block must be able to do for results.
const CAPABILITY: &str = "write-path";

pub(super) fn routes() -> Routes {
    Routes::new(&["Admin"])
        .get("/admin/storage", op("read_server_default_result_storage", read))
        .put("/admin/storage", op("update_server_default_result_storage", update))
        .delete("/admin/storage", op("clear_server_default_result_storage", clear))
}

/// The choice, as a row; there is one at most.
struct Choice {
    id: Uuid,
    block_document_id: Uuid,
}

/// The one row.
const ONLY: Uuid = Uuid::nil();
const ID: Column = Column::new("id", Kind::Id, false);
const BLOCK_DOCUMENT_ID: Column = Column::new("block_document_id", Kind::Id, false);

impl Record for Choice {
    const TABLE: Table = Table::new("default_result_storage");
    const COLUMNS: &'static [Column] = &[ID, BLOCK_DOCUMENT_ID];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Choice { id: row.id()?, block_document_id: row.id()? })
    }

    fn values(&self) -> Vec<Value> {
        vec![self.id.into(), self.block_document_id.into()]
    }
}

#[derive(Serialize, JsonSchema)]
struct ResultStorage {
    default_result_storage_block_id: Option<Uuid>,
}

#[derive(Deserialize, JsonSchema)]
struct ResultStorageUpdate {
    default_result_storage_block_id: Uuid,
}

/// Tells which block was chosen. One that was deleted since is chosen no more.
async fn read(State(app): State<App>) -> Result<Json<ResultStorage>, ApiError> {
    let records = app.store.records();
    let mut chosen = records.first::<Choice>(ID.is(ONLY)).await?.map(|choice| choice.block_document_id);
    if let Some(id) = chosen
        && records.first::<BlockDocument>(block_document::ID.is(id)).await?.is_none()
    {
        chosen = None;
    }
    Ok(Json(ResultStorage { default_result_storage_block_id: chosen }))
}

/// Chooses a block that can write.
async fn update(
    State(app): State<App>,
    Body(update): Body<ResultStorageUpdate>,
) -> Result<Json<ResultStorage>, ApiError> {
    let id = update.default_result_storage_block_id;
    let refuse = |status, why: &str| Err(ApiError::Refused(status, format!("The block document {id} {why}.")));
    let records = app.store.records();
    let Some(document) = records.first::<BlockDocument>(block_document::ID.is(id)).await? else {
        return refuse(StatusCode::NOT_FOUND, "is not there");
    };
    let schema = records.first::<BlockSchema>(block_schema::ID.is(document.block_schema_id)).await?;
    if !schema.is_some_and(|schema| schema.capabilities.iter().any(|capability| capability == CAPABILITY)) {
        return refuse(
            StatusCode::UNPROCESSABLE_ENTITY,
            "cannot keep results: choose one with the capability write-path",
        );
    }
    let choose =
        records.transact(move |tx| Box::pin(async move { tx.put(&Choice { id: ONLY, block_document_id: id }).await }));
    choose.await.map_err(ApiError::Store)?;
    Ok(Json(ResultStorage { default_result_storage_block_id: Some(id) }))
}

/// Takes the choice back.
async fn clear(State(app): State<App>) -> Result<StatusCode, ApiError> {
    let clear = app.store.records().transact(|tx| Box::pin(async move { tx.delete(Choice::TABLE, ID.is(ONLY)).await }));
    clear.await.map_err(ApiError::Store)?;
    Ok(StatusCode::NO_CONTENT)
}
