//! Why a flow run does not move: an addition of flowcore's own to Prefect's API.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::time::Moment;

/// Why a flow run stands where it stands, and what to do about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Why {
    /// The flow run.
    pub flow_run_id: Uuid,
    /// The name of the state that it is in.
    pub state_name: String,
    /// The cause, for programs.
    pub cause: Cause,
    /// The cause, for people: a sentence.
    pub message: String,
    /// What to do about it: a sentence.
    pub advice: String,
    /// Until when it waits, if that is known.
    pub until: Option<Moment>,
    /// What stands in its way.
    pub blockers: Vec<Blocker>,
}

impl Why {
    /// Begins an explanation, without anything that stands in the way.
    pub fn new(run: Uuid, state_name: &str, cause: Cause, message: String, advice: String) -> Self {
        Why {
            flow_run_id: run,
            state_name: state_name.to_owned(),
            cause,
            message,
            advice,
            until: None,
            blockers: Vec::new(),
        }
    }

    /// Says until when it waits.
    #[must_use]
    pub fn until(self, time: Option<crate::model::Timestamp>) -> Self {
        Why { until: time.map(Moment), ..self }
    }

    /// Says what stands in its way.
    #[must_use]
    pub fn blocked_by(self, blockers: Vec<Blocker>) -> Self {
        Why { blockers, ..self }
    }
}

/// Something that stands in a run's way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Blocker {
    /// What it is.
    pub kind: BlockerKind,
    /// Its identifier, if it has one.
    pub id: Option<Uuid>,
    /// What people call it.
    pub name: String,
}

impl Blocker {
    /// Names something.
    pub fn new(kind: BlockerKind, id: impl Into<Option<Uuid>>, name: impl Into<String>) -> Self {
        Blocker { kind, id: id.into(), name: name.into() }
    }
}

/// What can stand in a run's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are named as what they are")]
pub enum BlockerKind {
    FlowRun,
    TaskRun,
    Deployment,
    WorkPool,
    WorkQueue,
    ConcurrencyLimit,
    /// Somebody who is no run.
    Holder,
}

/// Why a flow run does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Cause {
    /// It has ended.
    Ended,
    /// It moves: nothing stands in its way.
    Running,
    /// It was asked to end, and its process has yet to do so.
    Cancelling,
    /// Its time has not come.
    WaitsForTime,
    /// It, or a task of it, failed and is tried again later.
    WaitsForRetry,
    /// It is paused: its process waits for a resume.
    Paused,
    /// It is suspended: no process has it until a resume.
    Suspended,
    /// It is paused or suspended, and wants to be told something.
    WaitsForInput,
    /// All slots of a concurrency limit are taken.
    WaitsForSlot,
    /// A subflow of it does not move.
    WaitsForSubflow,
    /// A task of it waits for the result of another one.
    WaitsForTask,
    /// It is a subflow, and the run that has called it has yet to execute it.
    WaitsForParent,
    /// The process that executed it has died.
    ProcessDead,
    /// Nothing is heard of the process that executes it.
    ProcessSilent,
    /// It is due, and whoever executes it has to be asked to.
    NobodyExecutes,
    /// It is due, and nobody serves its deployment.
    NobodyServes,
    /// It is due, and no worker of its pool is there.
    NoWorker,
    /// It is due, and no worker asks for the work of its queue.
    QueueNotPolled,
    /// Its pool is paused.
    PoolPaused,
    /// Its queue is paused.
    QueuePaused,
    /// Its deployment is paused, and nobody serves it.
    DeploymentPaused,
    /// As many runs of its pool are under way as may be.
    PoolFull,
    /// As many runs of its queue are under way as may be.
    QueueFull,
    /// As many runs of its deployment are under way as may be.
    DeploymentFull,
    /// It is due, and is taken when a worker asks next.
    Due,
    /// A worker has taken it, and its process has yet to begin.
    Taken,
    /// A worker has taken it, and is not there any more.
    WorkerGone,
}
