//! Block types, block schemas and blocks.

use flowcore::model::Order;
use flowcore::store::query::{Column, Condition, Test};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::criteria::{Names, OneOfIds, OneOfTexts, Operator};
use crate::blocks::{block_document, block_schema, block_type};

/// Selects block types.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BlockTypeFilter {
    name: Option<Like>,
    slug: Option<OneOfTexts>,
}

/// Asks for texts that contain another.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Like {
    like_: Option<String>,
}

impl BlockTypeFilter {
    pub(crate) fn condition(&self) -> Condition {
        let names = self.name.iter().map(|name| Names::new(None, name.like_.clone()).on(block_type::NAME));
        let slugs = self.slug.iter().map(|slugs| slugs.on(block_type::SLUG));
        Condition::All(names.chain(slugs).collect())
    }
}

/// Selects block schemas.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BlockSchemaFilter {
    operator: Operator,
    block_type_id: Option<OneOfIds>,
    block_capabilities: Option<Capabilities>,
    id: Option<OneOfIds>,
    version: Option<OneOfTexts>,
}

/// Asks for all of these capabilities.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Capabilities {
    all_: Option<Vec<String>>,
}

impl Capabilities {
    fn condition(&self) -> Condition {
        let all = self.all_.clone().filter(|all| !all.is_empty()).map(Test::HasAll);
        Condition::All(all.map(|all| Condition::Column(block_schema::CAPABILITIES, all)).into_iter().collect())
    }
}

impl BlockSchemaFilter {
    pub(crate) fn condition(&self) -> Condition {
        let criteria = [
            self.block_type_id.as_ref().map(|ids| ids.on(block_schema::BLOCK_TYPE_ID)),
            self.block_capabilities.as_ref().map(Capabilities::condition),
            self.id.as_ref().map(|ids| ids.on(block_schema::ID)),
            self.version.as_ref().map(|versions| versions.on(block_schema::VERSION)),
        ];
        self.operator.join(criteria.into_iter().flatten().collect())
    }
}

/// Selects blocks; unless it says otherwise, those with names of their own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BlockDocumentFilter {
    operator: Operator,
    id: Option<OneOfIds>,
    is_anonymous: Option<IsAnonymous>,
    block_type_id: Option<OneOfIds>,
    name: Option<Names>,
}

/// Asks whether a block has no name of its own.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct IsAnonymous {
    eq_: Option<bool>,
}

impl Default for BlockDocumentFilter {
    fn default() -> Self {
        let is_anonymous = Some(IsAnonymous { eq_: Some(false) });
        BlockDocumentFilter { operator: Operator::And, id: None, is_anonymous, block_type_id: None, name: None }
    }
}

impl BlockDocumentFilter {
    pub(crate) fn condition(&self) -> Condition {
        let anonymous = |asked: &IsAnonymous| {
            Condition::All(asked.eq_.iter().map(|eq| block_document::IS_ANONYMOUS.is(*eq)).collect())
        };
        let criteria = [
            self.id.as_ref().map(|ids| ids.on(block_document::ID)),
            self.is_anonymous.as_ref().map(anonymous),
            self.block_type_id.as_ref().map(|ids| ids.on(block_document::BLOCK_TYPE_ID)),
            self.name.as_ref().map(|names| names.on(block_document::NAME)),
        ];
        self.operator.join(criteria.into_iter().flatten().collect())
    }
}

/// Filters of blocks that hold together.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct BlockObjects {
    block_documents: Option<BlockDocumentFilter>,
    block_types: Option<BlockTypeFilter>,
    block_schemas: Option<BlockSchemaFilter>,
}

impl BlockObjects {
    /// Selects blocks: of such types, with such schemas.
    pub(crate) fn condition(&self) -> Condition {
        let own = self.block_documents.clone().unwrap_or_default().condition();
        let types = self.block_types.iter().map(|types| related(block_document::TYPE, types.condition()));
        let schemas = self.block_schemas.iter().map(|schemas| related(block_document::SCHEMA, schemas.condition()));
        own.and(Condition::All(types.chain(schemas).collect()))
    }
}

fn related(relation: flowcore::store::query::Relation, condition: Condition) -> Condition {
    Condition::Related(relation, Box::new(condition))
}

/// Orders of blocks.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum BlockDocumentSort {
    NameDesc,
    #[default]
    NameAsc,
    BlockTypeAndNameAsc,
}

impl BlockDocumentSort {
    pub(crate) fn columns(self) -> Vec<(Column, Order)> {
        let name = block_document::NAME;
        match self {
            BlockDocumentSort::NameDesc => vec![(name, Order::NewestFirst)],
            BlockDocumentSort::NameAsc => vec![(name, Order::OldestFirst)],
            BlockDocumentSort::BlockTypeAndNameAsc => {
                vec![(block_document::BLOCK_TYPE_NAME, Order::OldestFirst), (name, Order::OldestFirst)]
            }
        }
    }
}
