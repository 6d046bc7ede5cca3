//! What a state carries beside its name, under Prefect's field names.

use serde::{Deserialize, Serialize};

use super::{FlowRunId, TaskRunId, Timestamp};

/// Facts that rules and readers need beyond type, name and message. Absent means not said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StateDetails {
    /// The flow run that this state belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_run_id: Option<FlowRunId>,
    /// The task run that this state belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_run_id: Option<TaskRunId>,
    /// The flow run that a task run stands for, when it stands for a subflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child_flow_run_id: Option<FlowRunId>,
    /// When a SCHEDULED run is to start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_time: Option<Timestamp>,
    /// Under which key the result is cached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_key: Option<String>,
    /// Until when the cached result is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_expiration: Option<Timestamp>,
    /// Whether a failure may be tried again; false overrides the retries that are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retriable: Option<bool>,
    /// Whether the transaction in which the task completed has committed. It is not undone any more then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_committed: Option<bool>,
}
