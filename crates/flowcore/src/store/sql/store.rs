//! The store's face: changes go to the writer, questions to the readers.

use std::fmt;

use async_trait::async_trait;

use crate::model::{
    Event, EventFilter, Flow, FlowFilter, FlowRun, FlowRunFilter, FlowRunId, LogFilter, LogLine, ProcessId,
    ProcessLease, State, StateCount, StateId, TaskRun, TaskRunFilter, TaskRunId, TaskRunRecord, Timestamp,
};
use crate::store::{Recorded, Store, StoreError, Swap};

use super::events;
use super::queue::Writer;
use super::read::Readers;
use super::rows::{flow, flow_run, flow_run_state, log, process, state_count, task_run, task_run_history};
use super::select;

/// A store in a SQL database.
pub(super) struct SqlStore {
    /// The address, without a password.
    url: String,
    pub(super) writer: Writer,
    pub(super) readers: Readers,
    /// The thread that connections live on, where they need one.
    #[cfg(feature = "postgres")]
    thread: Option<super::postgres::ThreadGuard>,
}

impl SqlStore {
    pub(super) fn new(url: String, writer: Writer, readers: Readers) -> Self {
        SqlStore {
            url,
            writer,
            readers,
            #[cfg(feature = "postgres")]
            thread: None,
        }
    }

    /// Gives who writes.
    pub(super) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Gives who reads.
    pub(super) fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Makes a thread end with the store.
    #[cfg(feature = "postgres")]
    pub(super) fn with_thread(mut self, thread: super::postgres::ThreadGuard) -> Self {
        self.thread = Some(thread);
        self
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("url", &self.url).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn upsert_flow(&self, flow: Flow) -> Result<Flow, StoreError> {
        self.writer.submit(|batch| &mut batch.flows, flow, 1).await
    }

    async fn insert_flow_run(&self, run: FlowRun, states: Vec<State>) -> Result<(), StoreError> {
        let rows = 1 + states.len();
        self.writer.submit(|batch| &mut batch.inserts, (run, states), rows).await?
    }

    async fn swap_flow_run(&self, run: FlowRun, expected: StateId) -> Result<Swap, StoreError> {
        self.writer.submit(|batch| &mut batch.swaps, (run, expected), 2).await
    }

    async fn record_task_runs(&self, records: Vec<TaskRunRecord>) -> Result<Recorded, StoreError> {
        if records.is_empty() {
            return Ok(Recorded::default());
        }
        let rows = records.len();
        self.writer.submit(|batch| &mut batch.records, records, rows).await
    }

    async fn delete_flow_run(&self, id: FlowRunId) -> Result<bool, StoreError> {
        self.writer.submit(|batch| &mut batch.deletes, id, 16).await
    }

    async fn append_logs(&self, lines: Vec<LogLine>) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let rows = lines.len();
        self.writer.submit(|batch| &mut batch.logs, lines, rows).await
    }

    async fn append_events(&self, events: Vec<Event>) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let rows = events.len();
        self.writer.submit(|batch| &mut batch.events, events, rows).await
    }

    async fn put_process(&self, lease: ProcessLease) -> Result<(), StoreError> {
        self.writer.submit(|batch| &mut batch.leases, lease, 1).await
    }

    async fn remove_process(&self, id: ProcessId) -> Result<(), StoreError> {
        self.writer.submit(|batch| &mut batch.goodbyes, id, 1).await
    }

    async fn processes(&self) -> Result<Vec<ProcessLease>, StoreError> {
        self.readers.fetch(select::processes).await?.iter().map(process).collect()
    }

    async fn active_flow_runs(&self) -> Result<Vec<FlowRun>, StoreError> {
        self.readers.fetch(select::active_flow_runs).await?.iter().map(flow_run).collect()
    }

    async fn cancelling_flow_runs(&self, process: ProcessId) -> Result<Vec<FlowRunId>, StoreError> {
        let rows = self.readers.fetch(|dialect| select::cancelling_flow_runs(dialect, process)).await?;
        rows.iter().map(|row| row.uuid(0).map(FlowRunId)).collect()
    }

    async fn end_task_runs(
        &self,
        id: FlowRunId,
        attempt: i32,
        state: State,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.writer.submit(|batch| &mut batch.ends, (id, attempt, state, now), 16).await
    }

    async fn flows(&self, filter: &FlowFilter) -> Result<Vec<Flow>, StoreError> {
        self.readers.fetch(|dialect| select::flows(dialect, filter)).await?.iter().map(flow).collect()
    }

    async fn flow_run(&self, id: FlowRunId) -> Result<Option<FlowRun>, StoreError> {
        let rows = self.readers.fetch(|dialect| select::flow_run_by_id(dialect, id)).await?;
        rows.first().map(flow_run).transpose()
    }

    async fn flow_runs(&self, filter: &FlowRunFilter) -> Result<Vec<FlowRun>, StoreError> {
        self.readers.fetch(|dialect| select::flow_runs(dialect, filter)).await?.iter().map(flow_run).collect()
    }

    async fn flow_run_states(&self, id: FlowRunId) -> Result<Vec<State>, StoreError> {
        let rows = self.readers.fetch(|dialect| select::flow_run_states(dialect, id)).await?;
        rows.iter().map(|row| flow_run_state(row, 0)).collect()
    }

    async fn task_runs(&self, filter: &TaskRunFilter) -> Result<Vec<TaskRun>, StoreError> {
        let mut rows = Vec::new();
        // What is common is found among the rows that come first. Only for what is rare are all looked through.
        if select::is_worth_a_try(filter) {
            rows = self.readers.fetch(|dialect| select::first_task_runs(dialect, filter)).await?;
        }
        if rows.len() < filter.page.limit as usize {
            rows = self.readers.fetch(|dialect| select::task_runs(dialect, filter)).await?;
        }
        rows.iter().map(task_run).collect()
    }

    async fn task_run_counts(&self, id: FlowRunId) -> Result<Vec<StateCount>, StoreError> {
        self.readers.fetch(|dialect| select::task_run_counts(dialect, id)).await?.iter().map(state_count).collect()
    }

    async fn task_run_states(&self, id: TaskRunId) -> Result<Vec<State>, StoreError> {
        let rows = self.readers.fetch(|dialect| select::task_run_by_id(dialect, id)).await?;
        rows.first().map(task_run_history).transpose().map(Option::unwrap_or_default)
    }

    async fn logs(&self, filter: &LogFilter) -> Result<Vec<LogLine>, StoreError> {
        self.readers.fetch(|dialect| select::logs(dialect, filter)).await?.iter().map(log).collect()
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<Event>, StoreError> {
        events::read(&self.readers, filter).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        let written = self.writer.close().await;
        self.readers.close().await?;
        written
    }
}
