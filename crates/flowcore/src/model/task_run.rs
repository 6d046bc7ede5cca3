//! Task runs: one call of a task, over all its attempts.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{FlowRunId, Labels, RetryPolicy, RunTimes, State, TaskRunId, Text, Timestamp};

/// One run of a task. Times are UTC, durations microseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskRun {
    /// Names the run; unchanged by retries and by resumption.
    pub id: TaskRunId,
    /// The flow run that it belongs to; none for a task called outside a flow.
    pub flow_run_id: Option<FlowRunId>,
    /// The flow run's `run_count` under which this row was written: an older one is refused.
    pub attempt: i32,
    /// The task's identity: its path in the code.
    pub task_key: Text,
    /// Tells calls of one task in one flow run apart: which call with these inputs it is.
    pub dynamic_key: String,
    /// What people call the run.
    pub name: String,
    /// The task's version.
    pub task_version: Option<Text>,
    /// Tags for finding it.
    pub tags: Vec<String>,
    /// What the task was called with; resumption finds a finished run by it.
    pub inputs_digest: Option<InputDigest>,
    /// The runs whose results it was given, by parameter: the graph's edges.
    pub task_inputs: TaskInputs,
    /// How failures are treated.
    pub empirical_policy: RetryPolicy,
    /// Under which key its result is cached.
    pub cache_key: Option<String>,
    /// How often and when it ran.
    #[serde(flatten)]
    pub times: RunTimes,
    /// Where the run stands.
    pub state: State,
    /// Key and value pairs that a client gave it.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// When a client made it. None for the engine's own, which are made at their expected start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// Where the arguments of a task run come from: for each parameter the runs that its value came from, which are the graph's
/// edges. Prefect's clients also tell of values that came from none.
///
/// `wait_for` holds runs that were only waited for, `__parents__` the task run that this one was called in.
pub type TaskInputs = BTreeMap<Text, Vec<TaskInput>>;

/// One source of a parameter's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "input_type", rename_all = "snake_case")]
pub enum TaskInput {
    /// The result of a task run.
    #[cfg_attr(feature = "schema", schemars(title = "TaskRunResult"))]
    TaskRun {
        /// Which one.
        #[cfg_attr(feature = "schema", schemars(with = "uuid::Uuid"))]
        id: TaskRunId,
    },
    /// The result of a flow run.
    #[cfg_attr(feature = "schema", schemars(title = "FlowRunResult"))]
    FlowRun {
        /// Which one.
        #[cfg_attr(feature = "schema", schemars(with = "uuid::Uuid"))]
        id: FlowRunId,
    },
    /// A parameter of the flow.
    #[cfg_attr(feature = "schema", schemars(title = "Parameter"))]
    Parameter {
        /// Its name.
        name: String,
    },
    /// A value that stands in the program.
    #[cfg_attr(feature = "schema", schemars(title = "Constant"))]
    Constant {
        /// Its type.
        #[serde(rename = "type")]
        kind: String,
    },
}

impl TaskInput {
    /// Tells the task run whose result it is.
    pub fn task_run_id(&self) -> Option<TaskRunId> {
        match self {
            TaskInput::TaskRun { id } => Some(*id),
            _ => None,
        }
    }

    /// Tells the flow run whose result it is.
    pub fn flow_run_id(&self) -> Option<FlowRunId> {
        match self {
            TaskInput::FlowRun { id } => Some(*id),
            _ => None,
        }
    }
}

/// A part of the journal: how a task run stands now, and the states that it entered since the last record.
#[derive(Clone, Debug)]
pub struct TaskRunRecord {
    /// The run with its newest state.
    pub run: TaskRun,
    /// The states since the last record, oldest first; the last is `run.state`.
    pub states: Vec<State>,
    /// How many states the history has with these: what makes a repeated record harmless.
    pub history_len: i32,
}

/// Blake3 of a task's key and its arguments in canonical form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InputDigest(pub [u8; 32]);

impl InputDigest {
    /// Writes the digest in hexadecimal.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads what [`InputDigest::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Result<Self, DigestError> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(DigestError);
        }
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| DigestError)?;
        }
        Ok(InputDigest(bytes))
    }
}

/// Says that a text is not a digest.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("an inputs digest is 64 hexadecimal digits")]
pub struct DigestError;

impl fmt::Debug for InputDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InputDigest({})", self.to_hex())
    }
}

impl Serialize for InputDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for InputDigest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        InputDigest::from_hex(&text).map_err(serde::de::Error::custom)
    }
}
