//! Flow runs: one execution of a flow, over all its attempts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{FlowId, FlowRunId, FlowRunOrigin, ProcessId, RetryPolicy, RunTimes, State, TaskRunId, Timestamp};

/// One run of a flow. Times are UTC, durations microseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FlowRun {
    /// Names the run; unchanged by retries.
    pub id: FlowRunId,
    /// The flow that it is a run of.
    pub flow_id: FlowId,
    /// The flow's name, kept here so that a run can be read without its flow.
    pub flow_name: String,
    /// What people call the run.
    pub name: String,
    /// Tags for finding it.
    pub tags: Vec<String>,
    /// The arguments, as a JSON object.
    pub parameters: Box<RawValue>,
    /// The flow's version that is running.
    pub flow_version: Option<String>,
    /// The task run in the parent flow that stands for this subflow.
    pub parent_task_run_id: Option<TaskRunId>,
    /// How failures are treated.
    pub empirical_policy: RetryPolicy,
    /// What `times.run_count` was when the present execution began: its retries are counted from here.
    pub run_count_at_start: i32,
    /// Where the run stands.
    pub state: State,
    /// How often and when it ran; `run_count` is the number of the current attempt, and writes of an older one are refused.
    #[serde(flatten)]
    pub times: RunTimes,
    /// The process that executes it, or did last.
    pub process_id: Option<ProcessId>,
    /// The program that can execute it again.
    pub program: Option<Program>,
    /// Key and value pairs for finding it.
    pub labels: Labels,
    /// What it was made from, and by whom; empty for a run that a program has made for itself.
    #[serde(default, skip_serializing_if = "FlowRunOrigin::is_empty")]
    pub origin: FlowRunOrigin,
    /// What rules remember of its pauses and retries, if clients orchestrate it.
    #[serde(default, skip_serializing_if = "Pauses::is_empty")]
    pub pauses: Pauses,
    /// When it was made.
    pub created: Timestamp,
    /// When it was written last.
    pub updated: Timestamp,
}

/// What Prefect's rules remember of a flow run, which its clients see as a part of its policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pauses {
    /// The keys of pauses that have been: a flow that is executed again does not stop there once more.
    #[serde(rename = "pause_keys", skip_serializing_if = "BTreeSet::is_empty")]
    pub keys: BTreeSet<String>,
    /// Whether it goes on behind a pause and has not begun to run again: that is no new attempt.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resuming: bool,
    /// How it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_type: Option<RetryType>,
}

/// How a flow run is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
pub enum RetryType {
    /// By the process that has it.
    InProcess,
    /// By whoever takes it when it is due.
    Reschedule,
}

impl Pauses {
    /// Tells whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        *self == Pauses::default()
    }
}

/// Key and value pairs: texts, numbers and truth values.
pub type Labels = BTreeMap<String, serde_json::Value>;

/// How to start the program that a run belongs to, so that it can be executed again after a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The executable's absolute path.
    pub executable: PathBuf,
    /// Its arguments, without the program's name.
    pub arguments: Vec<String>,
    /// The folder it was started in.
    pub directory: PathBuf,
    /// Whether it can be told to execute one run: it has `#[flowcore::main]` or calls `flowcore::init`.
    pub executes_runs: bool,
}
