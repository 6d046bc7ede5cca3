//! Kinds of blocks.

use flowcore::model::Timestamp;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Table};
use flowcore::store::records::{Record, Row, Value};
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::events::NewEvent;

pub(crate) const ID: Column = Column::new("id", Kind::Id, false);
const CREATED: Column = Column::new("created", Kind::Time, false);
const UPDATED: Column = Column::new("updated", Kind::Time, false);
pub(crate) const NAME: Column = Column::new("name", Kind::Text, false);
pub(crate) const SLUG: Column = Column::new("slug", Kind::Text, false);
const LOGO_URL: Column = Column::new("logo_url", Kind::Text, true);
const DOCUMENTATION_URL: Column = Column::new("documentation_url", Kind::Text, true);
const DESCRIPTION: Column = Column::new("description", Kind::Text, true);
const CODE_EXAMPLE: Column = Column::new("code_example", Kind::Text, true);
const IS_PROTECTED: Column = Column::new("is_protected", Kind::Flag, false);

/// A kind of block.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BlockType {
    pub(crate) id: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) logo_url: Option<String>,
    pub(crate) documentation_url: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) code_example: Option<String>,
    /// Whether it cannot be deleted.
    pub(crate) is_protected: bool,
}

impl Record for BlockType {
    const TABLE: Table = Table::new("block_types");
    const COLUMNS: &'static [Column] =
        &[ID, CREATED, UPDATED, NAME, SLUG, LOGO_URL, DOCUMENTATION_URL, DESCRIPTION, CODE_EXAMPLE, IS_PROTECTED];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(BlockType {
            id: row.id()?,
            created: row.time()?,
            updated: row.time()?,
            name: row.text()?,
            slug: row.text()?,
            logo_url: row.optional_text()?,
            documentation_url: row.optional_text()?,
            description: row.optional_text()?,
            code_example: row.optional_text()?,
            is_protected: row.flag()?,
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.created.into(),
            self.updated.into(),
            (&self.name).into(),
            (&self.slug).into(),
            self.logo_url.clone().into(),
            self.documentation_url.clone().into(),
            self.description.clone().into(),
            self.code_example.clone().into(),
            self.is_protected.into(),
        ]
    }
}

impl BlockType {
    /// Tells what has become of it.
    pub(crate) fn event(&self, action: &str) -> NewEvent {
        NewEvent::of(format!("prefect.block-type.{action}"), format!("prefect.block-type.{}", self.id))
            .name(&self.name)
            .payload("name", &self.name)
            .payload("slug", &self.slug)
            .payload("logo_url", &self.logo_url)
            .payload("documentation_url", &self.documentation_url)
            .payload("description", &self.description)
            .payload("code_example", &self.code_example)
            .payload("is_protected", self.is_protected)
    }
}

/// A kind of block, as it is answered.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct BlockTypeBody {
    pub(crate) id: Uuid,
    created: Option<Moment>,
    updated: Option<Moment>,
    pub(crate) name: String,
    pub(crate) slug: String,
    logo_url: Option<String>,
    documentation_url: Option<String>,
    description: Option<String>,
    code_example: Option<String>,
    is_protected: bool,
}

impl From<&BlockType> for BlockTypeBody {
    fn from(kind: &BlockType) -> Self {
        BlockTypeBody {
            id: kind.id,
            created: Some(kind.created.into()),
            updated: Some(kind.updated.into()),
            name: kind.name.clone(),
            slug: kind.slug.clone(),
            logo_url: kind.logo_url.clone(),
            documentation_url: kind.documentation_url.clone(),
            description: kind.description.clone(),
            code_example: kind.code_example.clone(),
            is_protected: kind.is_protected,
        }
    }
}
