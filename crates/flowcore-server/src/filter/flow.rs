//! Flows.

use flowcore::model::Order;
use flowcore::store::query::{Column, Condition, flow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::criteria::{Ids, Names, Operator, Tags};
use crate::deployments::deployment::DEPLOYMENTS_OF_FLOW;

/// Selects flows.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FlowFilter {
    operator: Operator,
    id: Option<Ids>,
    name: Option<Names>,
    tags: Option<Tags>,
    deployment: Option<Deployed>,
}

/// Asks whether a flow has deployments.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Deployed {
    is_null_: Option<bool>,
}

impl FlowFilter {
    pub(crate) fn condition(&self) -> Condition {
        let ids = self.id.iter().map(|ids| ids.on(flow::ID));
        let names = self.name.iter().map(|names| names.on(flow::NAME));
        let tags = self.tags.iter().map(|tags| tags.on(flow::TAGS));
        let has = || Condition::Related(DEPLOYMENTS_OF_FLOW, Box::new(Condition::ALWAYS));
        let deployed = self.deployment.iter().filter_map(|asked| asked.is_null_);
        let deployed = deployed.map(|none| if none { Condition::Not(Box::new(has())) } else { has() });
        self.operator.join(ids.chain(names).chain(tags).chain(deployed).collect())
    }
}

/// Orders of flows.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum FlowSort {
    CreatedDesc,
    UpdatedDesc,
    #[default]
    NameAsc,
    NameDesc,
}

impl FlowSort {
    pub(crate) fn columns(self) -> Vec<(Column, Order)> {
        vec![match self {
            FlowSort::CreatedDesc => (flow::CREATED, Order::NewestFirst),
            FlowSort::UpdatedDesc => (flow::UPDATED, Order::NewestFirst),
            FlowSort::NameAsc => (flow::NAME, Order::OldestFirst),
            FlowSort::NameDesc => (flow::NAME, Order::NewestFirst),
        }]
    }
}
