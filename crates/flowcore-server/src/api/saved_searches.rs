//! Saved searches: filters that people have given a name.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::{Order, Timestamp};
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Condition, Kind, Selection, Table};
use flowcore::store::records::{Record, Row, Value};
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::ApiError;
use crate::extract::{Body, Id, Paging};
use crate::routes::{Routes, op};
use crate::state::App;

const NOT_FOUND: ApiError = ApiError::NotFound("Saved search not found");

pub(super) fn routes() -> Routes {
    Routes::new(&["SavedSearches"])
        .put("/saved_searches/", op("create_saved_search", create).gives(StatusCode::OK))
        .post("/saved_searches/filter", op("read_saved_searches", list))
        .get("/saved_searches/{id}", op("read_saved_search", read))
        .delete("/saved_searches/{id}", op("delete_saved_search", delete).gives(StatusCode::NO_CONTENT))
}

/// A search to be saved.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SavedSearchCreate {
    name: String,
    #[serde(default)]
    filters: Vec<SavedSearchFilter>,
}

/// One criterion, which the user interface understands.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct SavedSearchFilter {
    object: String,
    property: String,
    #[serde(rename = "type")]
    kind: String,
    operation: String,
    #[serde(deserialize_with = "given")]
    value: serde_json::Value,
}

/// Reads what may be null but not absent.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<serde_json::Value, D::Error> {
    serde_json::Value::deserialize(deserializer)
}

/// A search that was saved, as a row and as answers have it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct SavedSearch {
    id: Uuid,
    created: Option<Moment>,
    updated: Option<Moment>,
    name: String,
    filters: Vec<SavedSearchFilter>,
}

const SEARCHES: Table = Table::new("saved_searches");
const ID: Column = Column::new("id", Kind::Id, false);
const CREATED: Column = Column::new("created", Kind::Time, false);
const UPDATED: Column = Column::new("updated", Kind::Time, false);
const NAME: Column = Column::new("name", Kind::Text, false);
const FILTERS: Column = Column::new("filters", Kind::Json, false);

impl Record for SavedSearch {
    const TABLE: Table = SEARCHES;
    const COLUMNS: &'static [Column] = &[ID, CREATED, UPDATED, NAME, FILTERS];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(SavedSearch {
            id: row.id()?,
            created: Some(Moment(row.time()?)),
            updated: Some(Moment(row.time()?)),
            name: row.text()?,
            filters: row.json()?,
        })
    }

    fn values(&self) -> Vec<Value> {
        let time = |time: Option<Moment>| time.map_or(Timestamp::UNIX_EPOCH, |time| time.0);
        vec![
            self.id.into(),
            time(self.created).into(),
            time(self.updated).into(),
            self.name.clone().into(),
            Value::json(&self.filters),
        ]
    }
}

/// Saves a search. One of that name is replaced.
async fn create(
    State(app): State<App>,
    Body(new): Body<SavedSearchCreate>,
) -> Result<(StatusCode, Json<SavedSearch>), ApiError> {
    let now = Some(Moment(app.now()));
    let search = SavedSearch { id: app.clock.uuid(), created: now, updated: now, name: new.name, filters: new.filters };
    let saved = app.store.records().transact(move |tx| {
        let mut search = search.clone();
        Box::pin(async move {
            if tx.insert_new(&search).await? {
                return Ok::<_, StoreError>((StatusCode::CREATED, search));
            }
            if let Some(known) = tx.lock_first::<SavedSearch>(NAME.is(&search.name)).await? {
                (search.id, search.created) = (known.id, known.created);
            }
            tx.put(&search).await?;
            Ok((StatusCode::OK, search))
        })
    });
    let (status, search) = saved.await?;
    Ok((status, Json(search)))
}

#[derive(Deserialize, JsonSchema)]
struct List {
    #[serde(flatten)]
    paging: Paging,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<SavedSearch>>, ApiError> {
    let page = list.paging.page()?;
    let selection = Selection { condition: Condition::ALWAYS, sort: vec![(NAME, Order::OldestFirst)], page };
    Ok(Json(app.store.records().list(&selection).await?))
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<SavedSearch>, ApiError> {
    app.store.records().first(ID.is(id)).await?.map(Json).ok_or(NOT_FOUND)
}

async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    let delete = app.store.records().transact(move |tx| Box::pin(async move { tx.delete(SEARCHES, ID.is(id)).await }));
    let deleted: Result<u64, StoreError> = delete.await;
    if deleted? > 0 { Ok(StatusCode::NO_CONTENT) } else { Err(NOT_FOUND) }
}
