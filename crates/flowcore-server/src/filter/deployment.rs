//! Deployments.

use flowcore::model::Order;
use flowcore::store::query::{Column, Condition, Test, Values, flow};
use schemars::JsonSchema;
use serde::Deserialize;

use super::criteria::{Ids, Names, Operator, Tags};
use crate::deployments::deployment::{CREATED, FLOW_OF_DEPLOYMENT, ID, NAME, PAUSED, TAGS, UPDATED, WORK_QUEUE_NAME};

/// Selects deployments.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DeploymentFilter {
    operator: Operator,
    id: Option<Ids>,
    name: Option<Names>,
    flow_or_deployment_name: Option<EitherName>,
    paused: Option<Paused>,
    tags: Option<Tags>,
    work_queue_name: Option<QueueNames>,
    concurrency_limit: Option<Limits>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct EitherName {
    like_: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Paused {
    eq_: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct QueueNames {
    any_: Option<Vec<String>>,
}

/// Selects nothing any more, as in Prefect: limits have become objects of their own.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    ge_: Option<i64>,
    le_: Option<i64>,
    is_null_: Option<bool>,
}

impl EitherName {
    fn condition(&self) -> Condition {
        let like = |text: &String| {
            let flows = Condition::Column(flow::NAME, Test::Contains(text.clone()));
            Condition::Any(vec![
                Condition::Column(NAME, Test::Contains(text.clone())),
                Condition::Related(FLOW_OF_DEPLOYMENT, Box::new(flows)),
            ])
        };
        Condition::All(self.like_.iter().map(like).collect())
    }
}

impl DeploymentFilter {
    pub(crate) fn condition(&self) -> Condition {
        let paused = self
            .paused
            .as_ref()
            .map(|paused| Condition::All(paused.eq_.iter().map(|paused| PAUSED.is(*paused)).collect()));
        let queues = self.work_queue_name.as_ref().map(|queues| {
            let any = queues.any_.iter().map(|names| WORK_QUEUE_NAME.one_of(Values::Texts(names.clone())));
            Condition::All(any.collect())
        });
        let criteria = [
            self.id.as_ref().map(|ids| ids.on(ID)),
            self.name.as_ref().map(|names| names.on(NAME)),
            self.flow_or_deployment_name.as_ref().map(EitherName::condition),
            paused,
            self.tags.as_ref().map(|tags| tags.on(TAGS)),
            queues,
        ];
        self.operator.join(criteria.into_iter().flatten().collect())
    }
}

/// Orders of deployments.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum DeploymentSort {
    CreatedDesc,
    UpdatedDesc,
    #[default]
    NameAsc,
    NameDesc,
}

impl DeploymentSort {
    pub(crate) fn columns(self) -> Vec<(Column, Order)> {
        vec![match self {
            DeploymentSort::CreatedDesc => (CREATED, Order::NewestFirst),
            DeploymentSort::UpdatedDesc => (UPDATED, Order::NewestFirst),
            DeploymentSort::NameAsc => (NAME, Order::OldestFirst),
            DeploymentSort::NameDesc => (NAME, Order::NewestFirst),
        }]
    }
}
