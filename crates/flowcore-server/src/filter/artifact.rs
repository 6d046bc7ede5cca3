//! Artifacts, and what those of one key have come to.

use flowcore::model::Order;
use flowcore::store::query::{Column, Condition, Test};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::criteria::{Names, OneOfIds, Operator, Texts};
use crate::artifacts::{CREATED, FLOW_RUN_ID, ID, KEY, TASK_RUN_ID, TYPE, UPDATED};

/// Selects artifacts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ArtifactFilter {
    operator: Operator,
    id: Option<OneOfIds>,
    key: Option<Keys>,
    flow_run_id: Option<OneOfIds>,
    task_run_id: Option<OneOfIds>,
    #[serde(rename = "type")]
    kind: Option<Texts>,
}

/// Selects the newest artifacts of keys.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ArtifactCollectionFilter {
    operator: Operator,
    latest_id: Option<OneOfIds>,
    key: Option<Keys>,
    flow_run_id: Option<OneOfIds>,
    task_run_id: Option<OneOfIds>,
    #[serde(rename = "type")]
    kind: Option<Texts>,
}

/// Asks for keys, or whether there is one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    any_: Option<Vec<String>>,
    like_: Option<String>,
    exists_: Option<bool>,
}

impl Keys {
    fn condition(&self) -> Condition {
        let names = Names::new(self.any_.clone(), self.like_.clone()).on(KEY);
        let exists = self.exists_.map(|exists| Condition::Column(KEY, Test::IsNull(!exists)));
        names.and(Condition::All(exists.into_iter().collect()))
    }
}

impl ArtifactFilter {
    pub(crate) fn condition(&self) -> Condition {
        let criteria = [
            self.id.as_ref().map(|ids| ids.on(ID)),
            self.key.as_ref().map(Keys::condition),
            self.flow_run_id.as_ref().map(|ids| ids.on(FLOW_RUN_ID)),
            self.task_run_id.as_ref().map(|ids| ids.on(TASK_RUN_ID)),
            self.kind.as_ref().map(|kinds| kinds.on(TYPE)),
        ];
        self.operator.join(criteria.into_iter().flatten().collect())
    }
}

impl ArtifactCollectionFilter {
    pub(crate) fn condition(&self) -> Condition {
        let ArtifactCollectionFilter { operator, latest_id, key, flow_run_id, task_run_id, kind } = self.clone();
        ArtifactFilter { operator, id: latest_id, key, flow_run_id, task_run_id, kind }.condition()
    }
}

/// Orders of artifacts.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ArtifactSort {
    CreatedDesc,
    UpdatedDesc,
    #[default]
    IdDesc,
    KeyDesc,
    KeyAsc,
}

impl ArtifactSort {
    pub(crate) fn columns(self) -> Vec<(Column, Order)> {
        vec![match self {
            ArtifactSort::CreatedDesc => (CREATED, Order::NewestFirst),
            ArtifactSort::UpdatedDesc => (UPDATED, Order::NewestFirst),
            ArtifactSort::IdDesc => (ID, Order::NewestFirst),
            ArtifactSort::KeyDesc => (KEY, Order::NewestFirst),
            ArtifactSort::KeyAsc => (KEY, Order::OldestFirst),
        }]
    }
}
