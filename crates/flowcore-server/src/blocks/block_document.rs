//! Blocks as rows: what their fields hold is encrypted.

use std::collections::BTreeMap;

use flowcore::model::Timestamp;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Relation, Table};
use flowcore::store::records::{Record, Row, Value};
use uuid::Uuid;

use super::block_schema::{self, BlockSchema};
use super::block_type::{self, BlockType};

pub(crate) const ID: Column = Column::new("id", Kind::Id, false);
const CREATED: Column = Column::new("created", Kind::Time, false);
const UPDATED: Column = Column::new("updated", Kind::Time, false);
pub(crate) const NAME: Column = Column::new("name", Kind::Text, false);
pub(crate) const IS_ANONYMOUS: Column = Column::new("is_anonymous", Kind::Flag, false);
pub(crate) const BLOCK_TYPE_ID: Column = Column::new("block_type_id", Kind::Id, false);
pub(crate) const BLOCK_TYPE_NAME: Column = Column::new("block_type_name", Kind::Text, false);
pub(crate) const BLOCK_SCHEMA_ID: Column = Column::new("block_schema_id", Kind::Id, false);
pub(crate) const DATA: Column = Column::new("data", Kind::Bytes, false);
const NESTED: Column = Column::new("nested", Kind::Json, false);

/// A block's type.
pub(crate) const TYPE: Relation = Relation::new(BLOCK_TYPE_ID, BlockType::TABLE, block_type::ID);
/// A block's schema.
pub(crate) const SCHEMA: Relation = Relation::new(BLOCK_SCHEMA_ID, BlockSchema::TABLE, block_schema::ID);

/// A block.
#[derive(Clone, Debug)]
pub(crate) struct BlockDocument {
    pub(crate) id: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) name: String,
    pub(crate) is_anonymous: bool,
    pub(crate) block_type_id: Uuid,
    pub(crate) block_type_name: String,
    pub(crate) block_schema_id: Uuid,
    /// What its fields hold, but for other blocks: JSON, encrypted.
    pub(crate) data: Vec<u8>,
    /// By the names of fields, the blocks that stand there. One that was deleted is in no field any more.
    pub(crate) nested: BTreeMap<String, Uuid>,
}

impl Record for BlockDocument {
    const TABLE: Table = Table::new("block_documents");
    const COLUMNS: &'static [Column] =
        &[ID, CREATED, UPDATED, NAME, IS_ANONYMOUS, BLOCK_TYPE_ID, BLOCK_TYPE_NAME, BLOCK_SCHEMA_ID, DATA, NESTED];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(BlockDocument {
            id: row.id()?,
            created: row.time()?,
            updated: row.time()?,
            name: row.text()?,
            is_anonymous: row.flag()?,
            block_type_id: row.id()?,
            block_type_name: row.text()?,
            block_schema_id: row.id()?,
            data: row.bytes()?,
            nested: row.json()?,
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.created.into(),
            self.updated.into(),
            (&self.name).into(),
            self.is_anonymous.into(),
            self.block_type_id.into(),
            (&self.block_type_name).into(),
            self.block_schema_id.into(),
            self.data.clone().into(),
            Value::json(&self.nested),
        ]
    }
}
