//! What a worker reads of Prefect's API.

use flowcore::model::{StateType, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A pool.
#[derive(Debug, Deserialize)]
pub(crate) struct Pool {
    pub(crate) id: Uuid,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) base_job_template: Map<String, Value>,
    #[serde(default)]
    pub(crate) is_paused: bool,
}

/// A run that waits in a queue of a pool.
#[derive(Debug, Deserialize)]
pub(crate) struct InQueue {
    pub(crate) work_pool_id: Uuid,
    pub(crate) flow_run: Run,
}

/// A run.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Run {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) flow_id: Option<Uuid>,
    pub(crate) deployment_id: Option<Uuid>,
    pub(crate) job_variables: Option<Map<String, Value>>,
    pub(crate) next_scheduled_start_time: Option<Timestamp>,
    pub(crate) state_type: Option<StateType>,
}

/// A deployment.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Deployment {
    pub(crate) name: String,
    pub(crate) entrypoint: Option<String>,
    pub(crate) path: Option<String>,
    #[serde(default)]
    pub(crate) pull_steps: Option<Vec<Map<String, Value>>>,
    #[serde(default)]
    pub(crate) job_variables: Option<Map<String, Value>>,
}

/// A worker of a pool.
#[derive(Debug, Deserialize)]
pub(crate) struct OtherWorker {
    pub(crate) name: String,
}

/// What became of a proposed state.
#[derive(Debug, Deserialize)]
pub(crate) struct Decided {
    pub(crate) status: String,
    /// The state in which the run is then.
    pub(crate) state: Option<Entered>,
}

/// A state that a run is in.
#[derive(Debug, Deserialize)]
pub(crate) struct Entered {
    pub(crate) state_details: EnteredBy,
}

/// By which proposal a run came into its state.
#[derive(Debug, Deserialize)]
pub(crate) struct EnteredBy {
    pub(crate) transition_id: Option<Uuid>,
}

/// What a run shows to the server.
#[derive(Debug, Deserialize)]
pub(crate) struct RunToken {
    pub(crate) auth_string: Option<String>,
}
