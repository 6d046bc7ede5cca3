//! What is sent to a flow run while it runs.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{FlowRunId, InputId, Timestamp};

/// A value that was sent to a flow run. It stays with the run; what the run has received it knows itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FlowRunInput {
    /// Names the input. Ids grow with the time of sending.
    pub id: InputId,
    /// Who it is for.
    pub flow_run_id: FlowRunId,
    /// What it is: receivers ask for inputs of a key.
    pub key: String,
    /// The value, as JSON.
    pub value: Box<RawValue>,
    /// The flow run that sent it; none if it came from outside of runs.
    pub sender: Option<FlowRunId>,
    /// When it was sent.
    pub created: Timestamp,
}

/// Selects inputs, in the order of their ids.
#[derive(Clone, Debug)]
pub struct FlowRunInputFilter {
    /// Sent to this flow run.
    pub flow_run_id: FlowRunId,
    /// Of this key.
    pub key: Option<String>,
    /// This one.
    pub id: Option<InputId>,
    /// Sent at this time or later.
    pub since: Option<Timestamp>,
}

impl FlowRunInputFilter {
    /// Selects all that was sent to a flow run.
    pub fn of(flow_run_id: FlowRunId) -> Self {
        FlowRunInputFilter { flow_run_id, key: None, id: None, since: None }
    }
}
