//! Artifacts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::time::Moment;

/// An artifact to be kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ArtifactCreate {
    /// Artifacts of one key are versions of one thing.
    pub key: Option<String>,
    /// What it shows: `markdown`, `table`, `progress`, `image`, or what its maker knows.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// The content, as the kind says.
    pub data: Option<Value>,
    /// Labels.
    pub metadata_: Option<BTreeMap<String, String>>,
    /// The flow run that made it.
    pub flow_run_id: Option<Uuid>,
    /// The task run that made it.
    pub task_run_id: Option<Uuid>,
}

/// What is to change of an artifact. What is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ArtifactUpdate {
    /// Another content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// What it is about now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_: Option<BTreeMap<String, String>>,
}

/// An artifact.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "they are those of `ArtifactCreate`")]
pub struct ArtifactBody {
    pub id: Uuid,
    pub created: Option<Moment>,
    pub updated: Option<Moment>,
    pub key: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub description: Option<String>,
    pub data: Option<Value>,
    pub metadata_: Option<BTreeMap<String, String>>,
    pub flow_run_id: Option<Uuid>,
    pub task_run_id: Option<Uuid>,
}

/// What artifacts of one key have come to: the newest of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ArtifactCollectionBody {
    /// Names the collection: as long as there are artifacts of its key.
    pub id: Uuid,
    /// When the newest artifact was made.
    pub created: Option<Moment>,
    /// When it was changed last.
    pub updated: Option<Moment>,
    /// The key that the artifacts share.
    pub key: String,
    /// The newest artifact.
    pub latest_id: Uuid,
    /// What it shows.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Its content.
    pub data: Option<Value>,
    /// Its labels.
    pub metadata_: Option<BTreeMap<String, String>>,
    /// The flow run that made it.
    pub flow_run_id: Option<Uuid>,
    /// The task run that made it.
    pub task_run_id: Option<Uuid>,
}
