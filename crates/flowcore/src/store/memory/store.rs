//! The store's face: takes the lock, calls the tables.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::model::{
    Event, EventFilter, Flow, FlowFilter, FlowRun, FlowRunFilter, FlowRunId, LogFilter, LogLine, ProcessId,
    ProcessLease, State, StateCount, StateId, TaskRun, TaskRunFilter, TaskRunId, TaskRunRecord, Timestamp,
};
use crate::store::{Recorded, Store, StoreError, Swap};

use super::tables::Tables;

/// Keeps runs in memory. Everything is gone when the last owner drops it, or closes it.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    tables: Tables,
    closed: bool,
}

impl MemoryStore {
    /// Makes an empty store.
    pub fn new() -> Self {
        MemoryStore::default()
    }

    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Tables) -> T) -> Result<T, StoreError> {
        let mut contents = self.lock();
        if contents.closed {
            return Err(StoreError::Closed);
        }
        Ok(work(&mut contents.tables))
    }

    /// A panic while the lock was held cannot have left a row half changed that a later call would trip over: each
    /// change is one insertion.
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contents = self.lock();
        f.debug_struct("MemoryStore")
            .field("flow_runs", &contents.tables.flow_runs.len())
            .field("task_runs", &contents.tables.task_runs.len())
            .field("closed", &contents.closed)
            .finish()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn upsert_flow(&self, flow: Flow) -> Result<Flow, StoreError> {
        self.with(|tables| tables.upsert_flow(flow))
    }

    async fn insert_flow_run(&self, run: FlowRun, states: Vec<State>) -> Result<(), StoreError> {
        self.with(|tables| tables.insert_flow_run(run, states))?
    }

    async fn swap_flow_run(&self, run: FlowRun, expected: StateId) -> Result<Swap, StoreError> {
        self.with(|tables| tables.swap_flow_run(run, expected))
    }

    async fn record_task_runs(&self, records: Vec<TaskRunRecord>) -> Result<Recorded, StoreError> {
        self.with(|tables| tables.record_task_runs(records))
    }

    async fn delete_flow_run(&self, id: FlowRunId) -> Result<bool, StoreError> {
        self.with(|tables| tables.delete_flow_run(id))
    }

    async fn append_logs(&self, lines: Vec<LogLine>) -> Result<(), StoreError> {
        self.with(|tables| tables.append_logs(lines))
    }

    async fn append_events(&self, events: Vec<Event>) -> Result<(), StoreError> {
        self.with(|tables| tables.append_events(events))
    }

    async fn put_process(&self, lease: ProcessLease) -> Result<(), StoreError> {
        self.with(|tables| {
            tables.processes.insert(lease.id, lease);
        })
    }

    async fn remove_process(&self, id: ProcessId) -> Result<(), StoreError> {
        self.with(|tables| {
            tables.processes.remove(&id);
        })
    }

    async fn processes(&self) -> Result<Vec<ProcessLease>, StoreError> {
        self.with(|tables| tables.processes.values().cloned().collect())
    }

    async fn active_flow_runs(&self) -> Result<Vec<FlowRun>, StoreError> {
        self.with(|tables| tables.active_flow_runs())
    }

    async fn cancelling_flow_runs(&self, process: ProcessId) -> Result<Vec<FlowRunId>, StoreError> {
        self.with(|tables| tables.cancelling_flow_runs(process))
    }

    async fn end_task_runs(
        &self,
        id: FlowRunId,
        attempt: i32,
        state: State,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.with(|tables| tables.end_task_runs(id, attempt, &state, now))
    }

    async fn flows(&self, filter: &FlowFilter) -> Result<Vec<Flow>, StoreError> {
        self.with(|tables| tables.select_flows(filter))
    }

    async fn flow_run(&self, id: FlowRunId) -> Result<Option<FlowRun>, StoreError> {
        self.with(|tables| tables.flow_runs.get(&id).map(|row| row.run.clone()))
    }

    async fn flow_runs(&self, filter: &FlowRunFilter) -> Result<Vec<FlowRun>, StoreError> {
        self.with(|tables| tables.select_flow_runs(filter))
    }

    async fn flow_run_states(&self, id: FlowRunId) -> Result<Vec<State>, StoreError> {
        self.with(|tables| tables.flow_runs.get(&id).map(|row| row.states.clone()).unwrap_or_default())
    }

    async fn task_runs(&self, filter: &TaskRunFilter) -> Result<Vec<TaskRun>, StoreError> {
        self.with(|tables| tables.select_task_runs(filter))
    }

    async fn task_run_counts(&self, id: FlowRunId) -> Result<Vec<StateCount>, StoreError> {
        self.with(|tables| tables.task_run_counts(id))
    }

    async fn task_run_states(&self, id: TaskRunId) -> Result<Vec<State>, StoreError> {
        self.with(|tables| tables.task_runs.get(&id).map(|row| row.states.clone()).unwrap_or_default())
    }

    async fn logs(&self, filter: &LogFilter) -> Result<Vec<LogLine>, StoreError> {
        self.with(|tables| tables.select_logs(filter))
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<Event>, StoreError> {
        self.with(|tables| tables.select_events(filter))
    }

    async fn close(&self) -> Result<(), StoreError> {
        *self.lock() = Contents { tables: Tables::default(), closed: true };
        Ok(())
    }
}
