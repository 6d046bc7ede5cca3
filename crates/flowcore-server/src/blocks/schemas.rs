//! Reading schemas: each is written out with the schemas of the blocks that may stand in it.

use std::collections::HashMap;

use flowcore::model::Page;
use flowcore::store::query::{Selection, Values};
use flowcore::store::records::Record;
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::block_schema::{self, BlockSchema, DEEPEST};
use super::block_type::{self, BlockType, BlockTypeBody};
use crate::error::ApiError;
use crate::state::App;

/// The form of a block, as it is answered.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct BlockSchemaBody {
    pub(crate) id: Uuid,
    created: Option<Moment>,
    updated: Option<Moment>,
    checksum: String,
    fields: Map<String, Json>,
    block_type_id: Option<Uuid>,
    block_type: Option<BlockTypeBody>,
    pub(crate) capabilities: Vec<String>,
    version: String,
}

impl BlockSchemaBody {
    /// Lists the paths of its secret fields.
    pub(super) fn secret_fields(&self) -> Vec<&str> {
        let fields = self.fields.get("secret_fields").and_then(Json::as_array);
        fields.into_iter().flatten().filter_map(Json::as_str).collect()
    }
}

/// Schemas with all that they refer to, and their types.
pub(crate) struct Schemas {
    schemas: HashMap<Uuid, BlockSchema>,
    types: HashMap<Uuid, BlockType>,
}

impl Schemas {
    /// Reads what schemas refer to.
    pub(crate) async fn of(app: &App, schemas: impl IntoIterator<Item = BlockSchema>) -> Result<Self, ApiError> {
        let schemas = schemas.into_iter().map(|schema| (schema.id, schema)).collect();
        let mut all = Schemas { schemas, types: HashMap::new() };
        loop {
            let nested = all.schemas.values().flat_map(|schema| schema.nested.values().flatten());
            let mut missing: Vec<Uuid> = nested.copied().filter(|id| !all.schemas.contains_key(id)).collect();
            missing.sort_unstable();
            missing.dedup();
            let found = by_ids::<BlockSchema>(app, block_schema::ID, missing).await?;
            // What was deleted meanwhile is not found.
            if found.is_empty() {
                break;
            }
            all.schemas.extend(found.into_iter().map(|schema| (schema.id, schema)));
        }
        let types = all.schemas.values().map(|schema| schema.block_type_id).collect();
        let types = by_ids::<BlockType>(app, block_type::ID, types).await?;
        all.types = types.into_iter().map(|kind| (kind.id, kind)).collect();
        Ok(all)
    }

    /// Reads schemas by their ids.
    pub(crate) async fn by_ids(app: &App, ids: Vec<Uuid>) -> Result<Self, ApiError> {
        Schemas::of(app, by_ids(app, block_schema::ID, ids).await?).await
    }

    /// Gives a schema.
    pub(crate) fn get(&self, id: Uuid) -> Option<&BlockSchema> {
        self.schemas.get(&id)
    }

    /// Writes a schema out.
    pub(crate) fn body(&self, id: Uuid) -> Option<BlockSchemaBody> {
        let schema = self.schemas.get(&id)?;
        Some(BlockSchemaBody {
            id,
            created: Some(schema.created.into()),
            updated: Some(schema.updated.into()),
            checksum: schema.checksum.clone(),
            fields: self.fields(schema, 0),
            block_type_id: Some(schema.block_type_id),
            block_type: self.types.get(&schema.block_type_id).map(BlockTypeBody::from),
            capabilities: schema.capabilities.clone(),
            version: schema.version.clone(),
        })
    }

    /// Writes the fields of a schema, with the definitions of nested blocks under their titles.
    fn fields(&self, schema: &BlockSchema, depth: usize) -> Map<String, Json> {
        let mut fields = schema.fields.clone();
        let mut definitions = Map::new();
        let mut references = Map::new();
        for (field, ids) in &schema.nested {
            let mut of_field = Vec::new();
            for inner in ids.iter().filter_map(|id| self.schemas.get(id)) {
                let slug = self.types.get(&inner.block_type_id).map(|kind| &kind.slug);
                of_field.push(json!({"block_schema_checksum": inner.checksum, "block_type_slug": slug}));
                if depth < DEEPEST {
                    let mut inner = self.fields(inner, depth + 1);
                    let below = inner.remove("definitions");
                    if let Some(title) = inner.get("title").and_then(Json::as_str).map(str::to_owned) {
                        definitions.insert(title, Json::Object(inner));
                    }
                    if let Some(Json::Object(below)) = below {
                        definitions.extend(below);
                    }
                }
            }
            let written = if of_field.len() > 1 { Some(Json::Array(of_field)) } else { of_field.pop() };
            references.extend(written.map(|written| (field.clone(), written)));
        }
        fields.insert("block_schema_references".to_owned(), Json::Object(references));
        if !definitions.is_empty() {
            let known = fields.entry("definitions").or_insert_with(|| json!({}));
            if let Some(known) = known.as_object_mut() {
                known.extend(definitions);
            }
        }
        fields
    }
}

/// Reads records by their ids.
pub(super) async fn by_ids<R: Record>(
    app: &App,
    column: flowcore::store::query::Column,
    ids: Vec<Uuid>,
) -> Result<Vec<R>, ApiError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let condition = column.one_of(Values::Ids(ids));
    Ok(app.store.records().list(&Selection { condition, sort: Vec::new(), page: Page::first(u32::MAX) }).await?)
}
