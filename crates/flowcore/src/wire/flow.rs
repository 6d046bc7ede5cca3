//! Flows.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::labels::GivenLabels;
use super::time::Moment;
use crate::model::{Flow, Labels};

/// A flow to be made, or found by its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FlowCreate {
    /// Unique; without `/`, `%`, `&`, `<` and `>`.
    pub name: String,
    /// Tags for finding it.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Key and value pairs.
    #[serde(default)]
    pub labels: Option<GivenLabels>,
}

/// What is to be changed of a flow.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FlowUpdate {
    /// The new tags.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
}

/// A flow.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FlowBody {
    /// Names the flow.
    pub id: Uuid,
    /// When it was made.
    pub created: Option<Moment>,
    /// When it was changed last.
    pub updated: Option<Moment>,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its labels.
    pub labels: Option<Labels>,
}

impl From<&Flow> for FlowBody {
    fn from(flow: &Flow) -> Self {
        FlowBody {
            id: flow.id.0,
            created: Some(Moment(flow.created)),
            updated: Some(Moment(flow.updated)),
            name: flow.name.clone(),
            tags: flow.tags.clone(),
            labels: Some(flow.labels.clone()),
        }
    }
}
