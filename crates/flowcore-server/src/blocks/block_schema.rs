//! Forms of blocks, and how a new one is kept with those that it refers to.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use flowcore::model::{Order, Page, Timestamp};
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Condition, Kind, Relation, Selection, Table};
use flowcore::store::records::{Record, Row, Tx, Value};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::block_type::{self, BlockType};
use super::checksum::checksum;
use super::definitions::{definitions_for, not_of_blocks, references};
use crate::error::ApiError;
use crate::state::App;

pub(crate) const ID: Column = Column::new("id", Kind::Id, false);
pub(crate) const CREATED: Column = Column::new("created", Kind::Time, false);
const UPDATED: Column = Column::new("updated", Kind::Time, false);
pub(crate) const BLOCK_TYPE_ID: Column = Column::new("block_type_id", Kind::Id, false);
pub(crate) const CHECKSUM: Column = Column::new("checksum", Kind::Text, false);
pub(crate) const VERSION: Column = Column::new("version", Kind::Text, false);
const FIELDS: Column = Column::new("fields", Kind::Json, false);
pub(crate) const CAPABILITIES: Column = Column::new("capabilities", Kind::Tags, false);
const NESTED: Column = Column::new("nested", Kind::Json, false);

/// The schemas of a type.
pub(crate) const OF_TYPE: Relation = Relation::new(block_type::ID, BlockSchema::TABLE, BLOCK_TYPE_ID);

/// The version of schemas that have none.
pub(crate) const NO_VERSION: &str = "non-versioned";

/// How deep blocks may be nested in blocks.
pub(crate) const DEEPEST: usize = 50;

/// The form of a block.
#[derive(Clone, Debug)]
pub(crate) struct BlockSchema {
    pub(crate) id: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) block_type_id: Uuid,
    pub(crate) checksum: String,
    pub(crate) version: String,
    /// A JSON schema, without what it says of nested blocks.
    pub(crate) fields: Map<String, Json>,
    pub(crate) capabilities: Vec<String>,
    /// By the names of fields, the schemas of the blocks that may stand there.
    pub(crate) nested: BTreeMap<String, Vec<Uuid>>,
}

impl Record for BlockSchema {
    const TABLE: Table = Table::new("block_schemas");
    const COLUMNS: &'static [Column] =
        &[ID, CREATED, UPDATED, BLOCK_TYPE_ID, CHECKSUM, VERSION, FIELDS, CAPABILITIES, NESTED];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(BlockSchema {
            id: row.id()?,
            created: row.time()?,
            updated: row.time()?,
            block_type_id: row.id()?,
            checksum: row.text()?,
            version: row.text()?,
            fields: row.json()?,
            capabilities: row.json()?,
            nested: row.json()?,
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.created.into(),
            self.updated.into(),
            self.block_type_id.into(),
            (&self.checksum).into(),
            (&self.version).into(),
            Value::json(&self.fields),
            Value::json(&self.capabilities),
            Value::json(&self.nested),
        ]
    }
}

impl BlockSchema {
    /// Lists the paths of its secret fields.
    pub(crate) fn secret_fields(&self) -> impl Iterator<Item = &str> {
        self.fields.get("secret_fields").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
    }
}

/// Selects the newest schema of a checksum, and of a version if one is named.
pub(crate) fn newest(checksum: &str, version: Option<&str>) -> Selection {
    let version = version.map(|version| VERSION.is(version));
    Selection {
        condition: CHECKSUM.is(checksum).and(Condition::All(version.into_iter().collect())),
        sort: vec![(CREATED, Order::NewestFirst)],
        page: Page::first(1),
    }
}

/// A schema to be kept.
#[derive(Clone, Debug)]
pub(crate) struct NewSchema {
    pub(crate) block_type_id: Uuid,
    pub(crate) fields: Map<String, Json>,
    pub(crate) capabilities: Vec<String>,
    pub(crate) version: String,
    /// The checksum that clients know it by, where it is not that of these fields.
    pub(crate) checksum: Option<String>,
}

/// Ids for new rows, and their time.
#[derive(Clone)]
pub(crate) struct Stamp {
    pub(crate) now: Timestamp,
    pub(crate) clock: std::sync::Arc<dyn flowcore::clock::Clock>,
}

impl Stamp {
    pub(crate) fn of(app: &App) -> Self {
        Stamp { now: app.now(), clock: app.clock.clone() }
    }
}

/// Keeps a schema, with those of its nested blocks that are not there yet. Tells whether it is new: if there is one of its
/// checksum and version, that is it.
pub(crate) async fn keep(tx: &mut Tx<'_>, stamp: &Stamp, new: NewSchema) -> Result<(BlockSchema, bool), ApiError> {
    Box::pin(keep_at(tx, stamp, new, 0)).await
}

async fn keep_at(
    tx: &mut Tx<'_>,
    stamp: &Stamp,
    new: NewSchema,
    depth: usize,
) -> Result<(BlockSchema, bool), ApiError> {
    let NewSchema { block_type_id, mut fields, capabilities, version, checksum: known } = new;
    let checksum = known.unwrap_or_else(|| checksum(&fields));
    if let Some(known) = tx.list::<BlockSchema>(&newest(&checksum, Some(&version))).await?.pop() {
        return Ok((known, false));
    }
    if depth > DEEPEST {
        return Err(refused(format!("blocks are nested more than {DEEPEST} deep")));
    }
    let definitions = match fields.remove("definitions") {
        Some(Json::Object(definitions)) => definitions,
        _ => Map::new(),
    };
    let others = not_of_blocks(&Json::Object(fields.clone()), &definitions);
    let nested_blocks = fields.remove("block_schema_references");
    let mut nested = BTreeMap::new();
    for (field, of) in nested_blocks.as_ref().and_then(Json::as_object).into_iter().flatten() {
        let one = std::slice::from_ref(of);
        let mut ids: Vec<Uuid> = Vec::new();
        for reference in of.as_array().map_or(one, Vec::as_slice) {
            let id = keep_nested(tx, stamp, reference, field, &fields, &definitions, depth).await?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        nested.insert(field.clone(), ids);
    }
    if !others.is_empty() {
        fields.insert("definitions".to_owned(), Json::Object(others));
    }
    let (id, now) = (stamp.clock.uuid(), stamp.now);
    let schema =
        BlockSchema { id, created: now, updated: now, block_type_id, checksum, version, fields, capabilities, nested };
    tx.insert(&schema).await?;
    Ok((schema, true))
}

/// Finds the schema of a block that stands in a field, or makes it of the definition that the outer one has of it.
async fn keep_nested(
    tx: &mut Tx<'_>,
    stamp: &Stamp,
    reference: &Json,
    field: &str,
    fields: &Map<String, Json>,
    definitions: &Map<String, Json>,
    depth: usize,
) -> Result<Uuid, ApiError> {
    let (Some(slug), Some(checksum)) =
        (reference["block_type_slug"].as_str(), reference["block_schema_checksum"].as_str())
    else {
        let why = format!("block_schema_references of {field} need a block_type_slug and a block_schema_checksum");
        return Err(ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, why));
    };
    let Some(kind) = tx.first::<BlockType>(block_type::SLUG.is(slug)).await? else {
        return Err(refused(format!("the block type '{slug}' of the field {field} was not found: register it first")));
    };
    if let Some(known) = tx.list::<BlockSchema>(&newest(checksum, None)).await?.pop() {
        return Ok(known.id);
    }
    let names = fields.get("properties").map(|properties| references(&properties[field])).unwrap_or_default();
    let mut found = names.iter().filter_map(|name| definitions.get(name)?.as_object());
    let of_slug = |definition: &&Map<String, Json>| definition.get("block_type_slug").is_some_and(|of| of == slug);
    let Some(definition) = found.find(of_slug) else {
        return Err(refused(format!("the fields have no definition of the block type '{slug}' in {field}")));
    };
    let mut fields = definition.clone();
    let inner = definitions_for(&Json::Object(fields.clone()), definitions);
    if !inner.is_empty() {
        fields.insert("definitions".to_owned(), Json::Object(inner));
    }
    let new = NewSchema {
        block_type_id: kind.id,
        fields,
        capabilities: Vec::new(),
        version: NO_VERSION.to_owned(),
        checksum: None,
    };
    Ok(Box::pin(keep_at(tx, stamp, new, depth + 1)).await?.0.id)
}

fn refused(why: String) -> ApiError {
    ApiError::Refused(StatusCode::CONFLICT, why)
}
