//! What a flow run was made from, where that was not a call in a program.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What a flow run was made from and by whom, under Prefect's field names. Absent means not said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowRunOrigin {
    /// The deployment that it is a run of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Uuid>,
    /// The deployment's version at that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_version: Option<String>,
    /// The queue from which workers take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_queue_id: Option<Uuid>,
    /// The queue's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_queue_name: Option<String>,
    /// Of several runs of a flow that are asked for under one key only the first is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Whether a schedule made it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auto_scheduled: bool,
    /// Anything that whoever made the run wants to find there.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// What is special about the job that executes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_variables: Option<Map<String, Value>>,
    /// A block with the infrastructure to execute it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure_document_id: Option<Uuid>,
    /// What the infrastructure calls the job: `host:process`, a container's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure_pid: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<Creator>,
}

impl FlowRunOrigin {
    /// Tells whether nothing is known of it.
    pub fn is_empty(&self) -> bool {
        *self == FlowRunOrigin::default()
    }
}

/// Who made a run or a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Creator {
    /// Names it among those of its type.
    pub id: Option<Uuid>,
    /// What it is: `DEPLOYMENT`, `AUTOMATION`, `USER`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// How people call it.
    pub display_value: Option<String>,
}
