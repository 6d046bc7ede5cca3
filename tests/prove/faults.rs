//! A store in memory whose decisions fail when they are told to: before anything is done, or after it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use flowcore::model::{
    Artifact, ArtifactFilter, ConcurrencyLimit, Event, EventFilter, Flow, FlowFilter, FlowRun, FlowRunFilter,
    FlowRunId, FlowRunInput, FlowRunInputFilter, LogFilter, LogLine, Occupancy, ProcessId, ProcessLease, State,
    StateCount, StateId, TaskRun, TaskRunFilter, TaskRunId, TaskRunRecord, Timestamp, Variable, VariableFilter,
};
use flowcore::store::memory::MemoryStore;
use flowcore::store::{
    InputStore, LimitStore, Recorded, Replace, SlotDecision, Store, StoreError, Swap, VariableStore,
};

/// How a call fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Nothing was done.
    Before,
    /// It was done, and whoever asked is told that it failed.
    After,
}

#[derive(Default)]
pub(crate) struct FaultyStore {
    inner: MemoryStore,
    next: Mutex<Option<Fault>>,
    failed: AtomicU64,
}

impl FaultyStore {
    /// Gives the store that does not fail.
    pub(crate) fn inner_store(&self) -> &MemoryStore {
        &self.inner
    }

    /// Makes the next decision fail, or not.
    pub(crate) fn fail_next(&self, fault: Option<Fault>) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Counts the calls that have failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    fn fault(&self) -> Option<Fault> {
        let fault = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.failed.fetch_add(u64::from(fault.is_some()), Ordering::Relaxed);
        fault
    }
}

fn failed() -> StoreError {
    StoreError::Other("it was told to fail".into())
}

#[async_trait]
impl LimitStore for FaultyStore {
    async fn limits(&self) -> Result<Vec<ConcurrencyLimit>, StoreError> {
        self.inner.limits().await
    }

    async fn occupancy(&self, names: &[String]) -> Result<Occupancy, StoreError> {
        self.inner.occupancy(names).await
    }

    async fn decide_slots(&self, names: Vec<String>, decision: SlotDecision) -> Result<(), StoreError> {
        match self.fault() {
            Some(Fault::Before) => Err(failed()),
            Some(Fault::After) => self.inner.decide_slots(names, decision).await.and(Err(failed())),
            // As when a transaction has to be repeated: what counts is what is decided last.
            None => {
                decision.make(&mut self.inner.occupancy(&names).await?);
                self.inner.decide_slots(names, decision).await
            }
        }
    }

    async fn remove_slots_of(&self, processes: &[ProcessId]) -> Result<u64, StoreError> {
        match self.fault() {
            Some(Fault::Before) => Err(failed()),
            Some(Fault::After) => self.inner.remove_slots_of(processes).await.and(Err(failed())),
            None => self.inner.remove_slots_of(processes).await,
        }
    }
}

#[async_trait]
impl InputStore for FaultyStore {
    async fn append_flow_run_input(&self, input: FlowRunInput) -> Result<(), StoreError> {
        self.inner.append_flow_run_input(input).await
    }

    async fn flow_run_inputs(&self, filter: &FlowRunInputFilter) -> Result<Vec<FlowRunInput>, StoreError> {
        self.inner.flow_run_inputs(filter).await
    }
}

#[async_trait]
impl VariableStore for FaultyStore {
    async fn put_variable(&self, variable: Variable, replace: Option<Replace>) -> Result<Option<Variable>, StoreError> {
        self.inner.put_variable(variable, replace).await
    }

    async fn delete_variable(&self, name: &str) -> Result<bool, StoreError> {
        self.inner.delete_variable(name).await
    }

    async fn variables(&self, filter: &VariableFilter) -> Result<Vec<Variable>, StoreError> {
        self.inner.variables(filter).await
    }
}

/// Writes methods that do what the store in memory does.
macro_rules! delegate {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $output:ty;)+) => {
        #[async_trait]
        impl Store for FaultyStore {
            $(async fn $name(&self, $($argument: $kind),*) -> Result<$output, StoreError> {
                self.inner.$name($($argument),*).await
            })+
        }
    };
}

delegate! {
    fn upsert_flow(flow: Flow) -> Flow;
    fn insert_flow_run(run: FlowRun, states: Vec<State>) -> ();
    fn swap_flow_run(run: FlowRun, expected: StateId) -> Swap;
    fn record_task_runs(records: Vec<TaskRunRecord>) -> Recorded;
    fn delete_flow_run(id: FlowRunId) -> bool;
    fn append_logs(lines: Vec<LogLine>) -> ();
    fn append_events(events: Vec<Event>) -> ();
    fn put_artifact(artifact: Artifact) -> ();
    fn put_process(lease: ProcessLease) -> ();
    fn remove_process(id: ProcessId) -> ();
    fn processes() -> Vec<ProcessLease>;
    fn active_flow_runs() -> Vec<FlowRun>;
    fn cancelling_flow_runs(process: ProcessId) -> Vec<FlowRunId>;
    fn end_task_runs(id: FlowRunId, attempt: i32, state: State, now: Timestamp) -> u64;
    fn flows(filter: &FlowFilter) -> Vec<Flow>;
    fn flow_run(id: FlowRunId) -> Option<FlowRun>;
    fn flow_runs(filter: &FlowRunFilter) -> Vec<FlowRun>;
    fn flow_run_states(id: FlowRunId) -> Vec<State>;
    fn task_runs(filter: &TaskRunFilter) -> Vec<TaskRun>;
    fn task_run_counts(id: FlowRunId) -> Vec<StateCount>;
    fn task_run_states(id: TaskRunId) -> Vec<State>;
    fn logs(filter: &LogFilter) -> Vec<LogLine>;
    fn artifacts(filter: &ArtifactFilter) -> Vec<Artifact>;
    fn events(filter: &EventFilter) -> Vec<Event>;
    fn close() -> ();
}
