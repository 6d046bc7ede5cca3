//! What a state carries beside its name, under Prefect's field names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

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
    /// Keys of inputs that were kept for the run beside its states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_input_keyset: Option<BTreeMap<String, String>>,
    /// Whether a cached result is to be computed anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_cache: Option<bool>,
    /// Whether a task run is to be executed by a task worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deferred: Option<bool>,
    /// Whether the result cannot be traced to this run.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub untrackable_result: bool,
    /// Names the attempt to enter the state: one that is repeated is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transition_id: Option<Uuid>,
    /// Where the arguments of a deferred task run are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_parameters_id: Option<Uuid>,
    /// The lease of the slot of the deployment's limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_concurrency_lease_id: Option<Uuid>,
    /// The span that the run belongs to, as W3C's Trace Context writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The JSON schema of what a PAUSED run wants to be told on its resume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<serde_json::Value>,
    /// What the run was told on its resume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<serde_json::Value>,
}
