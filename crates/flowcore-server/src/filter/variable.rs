//! Variables.

use flowcore::model::Order;
use flowcore::store::query::{Column, Condition};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::criteria::{Names, OneOfIds, Operator, Tags};
use crate::variables::{CREATED, ID, NAME, TAGS, UPDATED};

/// Selects variables.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct VariableFilter {
    operator: Operator,
    id: Option<OneOfIds>,
    name: Option<Names>,
    tags: Option<Tags>,
}

impl VariableFilter {
    pub(crate) fn condition(&self) -> Condition {
        let ids = self.id.iter().map(|ids| ids.on(ID));
        let names = self.name.iter().map(|names| names.on(NAME));
        let tags = self.tags.iter().map(|tags| tags.on(TAGS));
        self.operator.join(ids.chain(names).chain(tags).collect())
    }
}

/// Orders of variables.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum VariableSort {
    CreatedDesc,
    UpdatedDesc,
    NameDesc,
    #[default]
    NameAsc,
}

impl VariableSort {
    pub(crate) fn columns(self) -> Vec<(Column, Order)> {
        vec![match self {
            VariableSort::CreatedDesc => (CREATED, Order::NewestFirst),
            VariableSort::UpdatedDesc => (UPDATED, Order::NewestFirst),
            VariableSort::NameDesc => (NAME, Order::NewestFirst),
            VariableSort::NameAsc => (NAME, Order::OldestFirst),
        }]
    }
}
