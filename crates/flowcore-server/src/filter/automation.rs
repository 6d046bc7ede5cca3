//! Automations.

use flowcore::model::Order;
use flowcore::store::query::{Column, Condition, Test, Values};
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::criteria::{Operator, Tags};
use crate::automations::{CREATED, ID, NAME, TAGS, UPDATED};

/// Selects automations.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AutomationFilter {
    operator: Operator,
    id: Option<AutomationIds>,
    name: Option<AutomationNames>,
    created: Option<AutomationTimes>,
    tags: Option<Tags>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct AutomationIds {
    any_: Option<Vec<Uuid>>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct AutomationNames {
    any_: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct AutomationTimes {
    before_: Option<Moment>,
}

impl AutomationFilter {
    pub(crate) fn condition(&self) -> Condition {
        let ids = self.id.iter().flat_map(|ids| &ids.any_).map(|ids| ID.one_of(Values::Ids(ids.clone())));
        let names =
            self.name.iter().flat_map(|names| &names.any_).map(|names| NAME.one_of(Values::Texts(names.clone())));
        let times = self.created.iter().flat_map(|times| &times.before_);
        let times = times.map(|time| Condition::Column(CREATED, Test::AtMost(time.0.timestamp_micros())));
        let tags = self.tags.iter().map(|tags| tags.on(TAGS));
        self.operator.join(ids.chain(names).chain(times).chain(tags).collect())
    }
}

/// Orders of automations.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum AutomationSort {
    CreatedDesc,
    UpdatedDesc,
    #[default]
    NameAsc,
    NameDesc,
}

impl AutomationSort {
    pub(crate) fn columns(self) -> Vec<(Column, Order)> {
        vec![match self {
            AutomationSort::CreatedDesc => (CREATED, Order::NewestFirst),
            AutomationSort::UpdatedDesc => (UPDATED, Order::NewestFirst),
            AutomationSort::NameAsc => (NAME, Order::OldestFirst),
            AutomationSort::NameDesc => (NAME, Order::NewestFirst),
        }]
    }
}
