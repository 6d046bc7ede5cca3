//! Flows: the definitions that runs belong to.

use serde::{Deserialize, Serialize};

use super::{FlowId, Labels, Timestamp};

/// A flow as the store knows it: a name that runs are grouped under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Names the flow.
    pub id: FlowId,
    /// Unique in a store.
    pub name: String,
    /// Tags for finding it.
    pub tags: Vec<String>,
    /// Key and value pairs for finding it.
    #[serde(default)]
    pub labels: Labels,
    /// When it was first seen.
    pub created: Timestamp,
    /// When it was written last.
    pub updated: Timestamp,
}
