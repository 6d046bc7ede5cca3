//! The only way to create or change a run: one trait, and who implements it.
//!
//! The engine talks to a [`Client`] and does not know whether the rules and the store behind it are in its own process
//! or behind a server.

mod artifacts;
mod background;
mod control;
mod deployments;
#[cfg(feature = "client")]
mod http;
mod inputs;
mod limits;
mod local;
mod request;
mod server_error;
mod variables;
mod why;

use async_trait::async_trait;

pub use artifacts::ArtifactClient;
pub use background::BackgroundClient;
pub use control::RunControl;
pub use deployments::{NewDeployment, apply_deployment};
#[cfg(feature = "client")]
pub use http::{HttpClient, HttpOptions};
pub use inputs::InputClient;

use crate::model::{
    Event, EventFilter, Flow, FlowFilter, FlowRun, FlowRunFilter, FlowRunId, LogFilter, LogLine, ProcessId,
    ProcessLease, RetryPolicy, State, StateCount, TaskRun, TaskRunFilter, TaskRunId, TaskRunRecord, VariableRefusal,
};
use crate::orchestration::{Executor, LimitError, NewFlowRun, Probe, RunDecision};
pub use crate::store::Recorded;
use crate::store::StoreError;
pub use limits::LimitClient;
pub use request::{Answer, ApiClient, EventFeed, Heard, Method, Repeat, Request, path_segment};
pub use server_error::ServerError;
pub use variables::VariableClient;
pub use why::{WhyClient, blocker, clock_time, waits_for_slot};

/// What can go wrong between the engine and what keeps its runs.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// The store in this process failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server failed, or cannot be reached.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A concurrency limit cannot be made or changed so.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A variable cannot be set so.
    #[error(transparent)]
    Variable(#[from] VariableRefusal),
    /// Only a server can do it.
    #[error("{0} needs a server: start one with `flowcore server start`, and set FLOWCORE_API_URL to its address")]
    NoServer(&'static str),
    /// The file that proves this process alive could not be made.
    #[error(
        "cannot make {path}, the file that proves this process alive: {reason}; check FLOWCORE_HOME and its permissions"
    )]
    ProcessFile {
        /// The file.
        path: std::path::PathBuf,
        /// What the operating system said.
        reason: String,
    },
}

impl ClientError {
    /// Tells whether what keeps runs was closed: no later call succeeds.
    pub fn is_closed(&self) -> bool {
        matches!(self, ClientError::Store(StoreError::Closed))
    }

    /// Makes the failure of a call after the end.
    pub(crate) fn closed() -> Self {
        ClientError::Store(StoreError::Closed)
    }
}

/// Creates, changes and reads runs.
#[async_trait]
pub trait Client:
    ApiClient + ArtifactClient + BackgroundClient + RunControl + InputClient + LimitClient + VariableClient + WhyClient
{
    /// Makes a flow run.
    async fn create_flow_run(&self, new: NewFlowRun) -> Result<FlowRun, ClientError>;

    /// Proposes a state for a flow run, which the caller knows as `run`.
    async fn set_flow_run_state(&self, run: &FlowRun, proposed: State) -> Result<RunDecision, ClientError>;

    /// Lets a process execute a scheduled or pending flow run.
    async fn claim_flow_run(
        &self,
        run: &FlowRun,
        executor: Executor,
        policy: RetryPolicy,
    ) -> Result<RunDecision, ClientError>;

    /// Schedules a flow run that has ended without completing for another attempt.
    async fn retry_flow_run(&self, run: &FlowRun) -> Result<RunDecision, ClientError>;

    /// Deletes a flow run with all that belongs to it. Tells whether there was one.
    async fn delete_flow_run(&self, id: FlowRunId) -> Result<bool, ClientError>;

    /// Records a part of the journal of task runs.
    async fn record_task_runs(&self, records: Vec<TaskRunRecord>) -> Result<Recorded, ClientError>;

    /// Ends all task runs of a flow run up to this attempt that have not ended, in copies of `state`; tells how many.
    async fn end_task_runs(&self, id: FlowRunId, attempt: i32, state: State) -> Result<u64, ClientError>;

    /// Keeps log lines.
    async fn append_logs(&self, lines: Vec<LogLine>) -> Result<(), ClientError>;

    /// Keeps own events.
    async fn append_events(&self, events: Vec<Event>) -> Result<(), ClientError>;

    /// Keeps or renews a process's lease.
    async fn put_process(&self, lease: ProcessLease) -> Result<(), ClientError>;

    /// Forgets a process's lease, and takes away the slots of concurrency limits that it has.
    async fn remove_process(&self, id: ProcessId) -> Result<(), ClientError>;

    /// Finds the flow runs whose process has died and marks them as Crashed.
    async fn crash_abandoned_runs(&self, probe: &dyn Probe) -> Result<Vec<FlowRun>, ClientError>;

    /// Lists flows, by name.
    async fn flows(&self, filter: &FlowFilter) -> Result<Vec<Flow>, ClientError>;

    /// Finds a flow run.
    async fn flow_run(&self, id: FlowRunId) -> Result<Option<FlowRun>, ClientError>;

    /// Lists flow runs, newest first.
    async fn flow_runs(&self, filter: &FlowRunFilter) -> Result<Vec<FlowRun>, ClientError>;

    /// Lists a flow run's states, oldest first.
    async fn flow_run_states(&self, id: FlowRunId) -> Result<Vec<State>, ClientError>;

    /// Lists task runs, in the order in which they were made or the other way round.
    async fn task_runs(&self, filter: &TaskRunFilter) -> Result<Vec<TaskRun>, ClientError>;

    /// Counts a flow run's task runs by their states, in the order of the states' names.
    async fn task_run_counts(&self, id: FlowRunId) -> Result<Vec<StateCount>, ClientError>;

    /// Lists a task run's states, oldest first.
    async fn task_run_states(&self, id: TaskRunId) -> Result<Vec<State>, ClientError>;

    /// Lists log lines, in the order of their times or the other way round.
    async fn logs(&self, filter: &LogFilter) -> Result<Vec<LogLine>, ClientError>;

    /// Lists events, in the order of their times or the other way round, changes of state among them.
    async fn events(&self, filter: &EventFilter) -> Result<Vec<Event>, ClientError>;

    /// Commits what is under way and gives up files and connections.
    async fn close(&self) -> Result<(), ClientError>;
}
