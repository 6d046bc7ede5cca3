//! Where runs are kept: one trait, and its implementations in memory, SQLite and PostgreSQL.
//!
//! A store keeps rows and answers questions. It decides nothing: whether a run may enter a state is a matter of
//! [`orchestration`](crate::orchestration). What it guarantees is order and atomicity: each method either happened
//! whole or not at all, and has happened durably when it returns.

mod address;
mod artifacts;
mod connect;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod deletes;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod edits;
mod error;
mod inputs;
mod journal;
mod limits;
pub mod memory;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod query;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod records;
pub mod sql;
mod timeline;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod totals;
mod variables;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod watch;

use async_trait::async_trait;

pub use artifacts::ArtifactStore;
pub use connect::connect;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use deletes::DeleteStore;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use edits::{EditStore, FlowRunEdit, ServerStore};
pub use error::StoreError;
pub use inputs::InputStore;
pub use limits::{LimitStore, SlotDecision};
pub use timeline::EventVisitor;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use totals::{BucketCount, Buckets, TotalsStore};
pub use variables::{Replace, VariableStore};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use watch::WatchStore;

use crate::model::{
    Event, EventFilter, Flow, FlowFilter, FlowRun, FlowRunFilter, FlowRunId, LogFilter, LogLine, ProcessId,
    ProcessLease, State, StateCount, StateId, TaskRun, TaskRunFilter, TaskRunId, TaskRunRecord, Timestamp,
};

/// What a compare-and-set on a run came to.
#[derive(Debug)]
pub enum Swap<Run = FlowRun> {
    /// The run is as it was given.
    Applied,
    /// Another writer was first; this is how the run stands.
    Conflict(Box<Run>),
    /// There is no such run.
    Missing,
}

/// What became of a part of the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Flow runs whose records were refused, since a newer attempt has begun or the run is gone; each with the attempt that
    /// the records were of.
    pub refused: Vec<(FlowRunId, i32)>,
}

/// A place where runs are kept.
///
/// Every implementation passes the same conformance suite.
#[async_trait]
pub trait Store: ArtifactStore + InputStore + LimitStore + VariableStore + Send + Sync + 'static {
    /// Keeps a flow unless its name is known, and returns the flow of that name. Known tags are replaced by new ones, and
    /// nothing else of a known flow.
    async fn upsert_flow(&self, flow: Flow) -> Result<Flow, StoreError>;

    /// Keeps a new flow run with its history so far; the last of `states` is `run.state`. A run of the same id, or of the
    /// same flow and idempotency key, is left as it is, and the call fails with [`StoreError::Exists`].
    async fn insert_flow_run(&self, run: FlowRun, states: Vec<State>) -> Result<(), StoreError>;

    /// Replaces what orchestration decides of a flow run (state, times, process, program, policy, counts), and appends
    /// `run.state` to its history, provided that its state is still `expected`. Its name, tags, labels, parameters and
    /// origin stay as they are.
    async fn swap_flow_run(&self, run: FlowRun, expected: StateId) -> Result<Swap, StoreError>;

    /// Records task runs, in order. A record whose states are known already changes nothing, and of one that overlaps
    /// with what is known the new states are added; one of an attempt that is not its flow run's present one is refused.
    /// Task runs without a flow run are always accepted. A task run stays in the flow run of its first record.
    async fn record_task_runs(&self, records: Vec<TaskRunRecord>) -> Result<Recorded, StoreError>;

    /// Deletes a flow run with its task runs, states, log lines, artifacts and inputs. Tells whether there was one.
    async fn delete_flow_run(&self, id: FlowRunId) -> Result<bool, StoreError>;

    /// Keeps log lines. One that is known already, by its id, stays as it is.
    async fn append_logs(&self, lines: Vec<LogLine>) -> Result<(), StoreError>;

    /// Keeps events other than changes of state, which are read from the runs' histories. One that is known already, by
    /// its id, stays as it is.
    async fn append_events(&self, events: Vec<Event>) -> Result<(), StoreError>;

    /// Keeps a process's lease, or renews it.
    async fn put_process(&self, lease: ProcessLease) -> Result<(), StoreError>;

    /// Forgets a process's lease.
    async fn remove_process(&self, id: ProcessId) -> Result<(), StoreError>;

    /// Lists all leases.
    async fn processes(&self) -> Result<Vec<ProcessLease>, StoreError>;

    /// Lists flow runs that a process executes or is about to: those in SCHEDULED, PENDING, RUNNING, PAUSED or CANCELLING
    /// with a process, newest first. A process that waits for a retry keeps its run in SCHEDULED, and one that waits for a
    /// resume in PAUSED.
    async fn active_flow_runs(&self) -> Result<Vec<FlowRun>, StoreError>;

    /// Lists the flow runs of a process that are in CANCELLING. Processes ask this several times a second.
    async fn cancelling_flow_runs(&self, process: ProcessId) -> Result<Vec<FlowRunId>, StoreError>;

    /// Appends a state to every task run of a flow run that has not ended (`NotReady` is an end), ending it at `now`, and
    /// tells how many there were. The states are copies of `state` with ids of their own.
    /// Task runs of an attempt after `attempt` are left alone: somebody executes them.
    async fn end_task_runs(&self, id: FlowRunId, attempt: i32, state: State, now: Timestamp)
    -> Result<u64, StoreError>;

    /// Lists flows, by name.
    async fn flows(&self, filter: &FlowFilter) -> Result<Vec<Flow>, StoreError>;

    /// Finds a flow run.
    async fn flow_run(&self, id: FlowRunId) -> Result<Option<FlowRun>, StoreError>;

    /// Lists flow runs, newest first.
    async fn flow_runs(&self, filter: &FlowRunFilter) -> Result<Vec<FlowRun>, StoreError>;

    /// Lists a flow run's states, oldest first.
    async fn flow_run_states(&self, id: FlowRunId) -> Result<Vec<State>, StoreError>;

    /// Lists task runs, in the order in which they were made or the other way round; it is that of their ids.
    async fn task_runs(&self, filter: &TaskRunFilter) -> Result<Vec<TaskRun>, StoreError>;

    /// Counts a flow run's task runs by their states, in the order of the states' names.
    async fn task_run_counts(&self, id: FlowRunId) -> Result<Vec<StateCount>, StoreError>;

    /// Lists a task run's states, oldest first.
    async fn task_run_states(&self, id: TaskRunId) -> Result<Vec<State>, StoreError>;

    /// Lists log lines, in the order of their times or the other way round.
    async fn logs(&self, filter: &LogFilter) -> Result<Vec<LogLine>, StoreError>;

    /// Lists events, in the order of their times or the other way round, changes of state among them. Those of a flow run are its changes of state, those of
    /// its task runs, and what names the run in `resource` or `related`.
    async fn events(&self, filter: &EventFilter) -> Result<Vec<Event>, StoreError>;

    /// Commits what is under way and gives up files and connections. Later calls fail.
    async fn close(&self) -> Result<(), StoreError>;
}
