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
    /// Names the pause: a key that was given, or its number among the pauses of the flow run. Also in the state that
    /// ended the pause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_key: Option<String>,
    /// Until when a PAUSED run can be resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_timeout: Option<Timestamp>,
    /// Whether a PAUSED run is suspended: no process has it, and a resume schedules it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pause_reschedule: bool,
    /// The JSON schema of what a PAUSED run wants to be told on its resume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<serde_json::Value>,
    /// What the run was told on its resume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<serde_json::Value>,
}
