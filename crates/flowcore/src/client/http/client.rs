//! The client's calls: each goes to the client's thread and waits there.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::events;
use super::inner::Inner;
use super::options::HttpOptions;
use super::thread::Thread;
use crate::client::{Client, ClientError, Recorded, Request, ServerError};
use crate::clock::Clock;
use crate::model::{
    Event, EventFilter, Flow, FlowFilter, FlowRun, FlowRunFilter, FlowRunId, LogFilter, LogLine, ProcessId,
    ProcessLease, RetryPolicy, State, StateCount, TaskRun, TaskRunFilter, TaskRunId, TaskRunRecord,
};
use crate::orchestration::{Executor, NewFlowRun, Probe, RunDecision};
use crate::wire::{LogCreate, Moment};

/// How long the end of a program waits for the server to take what is left. The rest stays on disk.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// The longest message of a log line, in bytes: Prefect's servers take no line of more than a million.
const LONGEST_LINE: usize = 900_000;

/// The client of a server that speaks Prefect's API: flowcore's, or Prefect's own.
///
/// While the server is away, task runs and log lines wait on disk, and what needs an answer is repeated for as long as
/// [`HttpOptions::patience`] says.
pub struct HttpClient {
    pub(super) inner: Arc<Inner>,
    thread: Thread,
}

impl HttpClient {
    /// Makes a client. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// The options cannot be used: a key that is no text of a header, a folder that cannot be read.
    pub fn new(options: HttpOptions, clock: Arc<dyn Clock>) -> Result<Self, ServerError> {
        let thread = Thread::start().map_err(|error| ServerError::NotStarted(error.to_string()))?;
        let inner = Arc::new(Inner::new(options, clock, &thread)?);
        Ok(HttpClient { inner, thread })
    }

    /// Does something on the client's thread.
    pub(super) async fn on_thread<T, F, W>(&self, work: F) -> Result<T, ClientError>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Inner>) -> W,
        W: Future<Output = Result<T, ClientError>> + Send + 'static,
    {
        self.thread.run(work(self.inner.clone())).await
    }
}

impl HttpClient {
    /// Does something on the client's thread beside everything else.
    pub(super) fn beside(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.thread.spawn(work);
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("url", &self.inner.server.url()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Client for HttpClient {
    async fn create_flow_run(&self, new: NewFlowRun) -> Result<FlowRun, ClientError> {
        self.on_thread(|inner| async move { inner.create_flow_run(new).await }).await
    }

    async fn set_flow_run_state(&self, run: &FlowRun, proposed: State) -> Result<RunDecision, ClientError> {
        let run = run.clone();
        self.on_thread(|inner| async move { inner.set_flow_run_state(&run, proposed).await }).await
    }

    async fn claim_flow_run(
        &self,
        run: &FlowRun,
        executor: Executor,
        policy: RetryPolicy,
    ) -> Result<RunDecision, ClientError> {
        let run = run.clone();
        self.on_thread(|inner| async move { inner.claim_flow_run(&run, executor, policy).await }).await
    }

    async fn retry_flow_run(&self, run: &FlowRun) -> Result<RunDecision, ClientError> {
        let run = run.clone();
        self.on_thread(|inner| async move { inner.retry_flow_run(&run).await }).await
    }

    async fn delete_flow_run(&self, id: FlowRunId) -> Result<bool, ClientError> {
        self.on_thread(|inner| async move {
            let request = Request::delete(format!("/flow_runs/{id}"), "delete a flow run");
            Ok(inner.server.ask(request).await?.found())
        })
        .await
    }

    async fn record_task_runs(&self, records: Vec<TaskRunRecord>) -> Result<Recorded, ClientError> {
        self.inner.record_task_runs(&records).await?;
        Ok(Recorded::default())
    }

    async fn end_task_runs(&self, id: FlowRunId, attempt: i32, state: State) -> Result<u64, ClientError> {
        self.on_thread(|inner| async move { inner.end_task_runs(id, attempt, state).await }).await
    }

    async fn append_logs(&self, lines: Vec<LogLine>) -> Result<(), ClientError> {
        self.inner.logs.deliver(lines.iter().map(log_line).collect()).await
    }

    async fn append_events(&self, events: Vec<Event>) -> Result<(), ClientError> {
        self.inner.events.deliver(events.iter().map(events::line).collect()).await
    }

    /// Tells the server that the process's flow runs are alive, as Prefect's clients do.
    async fn put_process(&self, lease: ProcessLease) -> Result<(), ClientError> {
        let held = self.inner.held.of(lease.id);
        let beats = held.iter().map(|run| events::heartbeat(run, lease.expires, &*self.inner.clock));
        self.inner.events.deliver(beats.collect()).await
    }

    async fn remove_process(&self, _: ProcessId) -> Result<(), ClientError> {
        Ok(())
    }

    async fn crash_abandoned_runs(&self, _: &dyn Probe) -> Result<Vec<FlowRun>, ClientError> {
        self.on_thread(|inner| async move { inner.crash_abandoned_runs().await }).await
    }

    async fn flows(&self, filter: &FlowFilter) -> Result<Vec<Flow>, ClientError> {
        let filter = filter.clone();
        self.on_thread(|inner| async move { inner.flows(&filter).await }).await
    }

    async fn flow_run(&self, id: FlowRunId) -> Result<Option<FlowRun>, ClientError> {
        self.on_thread(|inner| async move { inner.find_flow_run(id).await }).await
    }

    async fn flow_runs(&self, filter: &FlowRunFilter) -> Result<Vec<FlowRun>, ClientError> {
        let filter = filter.clone();
        self.on_thread(|inner| async move { inner.flow_runs(&filter).await }).await
    }

    async fn flow_run_states(&self, id: FlowRunId) -> Result<Vec<State>, ClientError> {
        self.on_thread(|inner| async move { inner.flow_run_states(id).await }).await
    }

    async fn task_runs(&self, filter: &TaskRunFilter) -> Result<Vec<TaskRun>, ClientError> {
        let filter = filter.clone();
        self.on_thread(|inner| async move { inner.task_runs(&filter).await }).await
    }

    async fn task_run_counts(&self, id: FlowRunId) -> Result<Vec<StateCount>, ClientError> {
        self.on_thread(|inner| async move { inner.task_run_counts(id).await }).await
    }

    async fn task_run_states(&self, id: TaskRunId) -> Result<Vec<State>, ClientError> {
        self.on_thread(|inner| async move { inner.task_run_states(id).await }).await
    }

    async fn logs(&self, filter: &LogFilter) -> Result<Vec<LogLine>, ClientError> {
        let filter = filter.clone();
        self.on_thread(|inner| async move { inner.logs(&filter).await }).await
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<Event>, ClientError> {
        let filter = filter.clone();
        self.on_thread(|inner| async move { inner.events(&filter).await }).await
    }

    async fn close(&self) -> Result<(), ClientError> {
        self.on_thread(|inner| async move {
            let (events, logs) = tokio::join!(inner.events.cleared(LAST_WAIT), inner.logs.cleared(LAST_WAIT));
            if !events || !logs {
                eprintln!(
                    "flowcore: the server is away: what it has not got waits in {}, and is sent by the next program with \
                     the same FLOWCORE_HOME and FLOWCORE_API_URL",
                    inner.outbox.place().display()
                );
            }
            inner.outbox.close();
            Ok(())
        })
        .await
    }
}

/// Writes a log line as the server wants it.
fn log_line(line: &LogLine) -> String {
    let mut message = line.text();
    if message.len() > LONGEST_LINE {
        let end = (0..=LONGEST_LINE).rev().find(|end| message.is_char_boundary(*end)).unwrap_or_default();
        message.truncate(end);
        message.push_str(" (truncated)");
    }
    let body = LogCreate {
        name: line.logger.clone(),
        level: line.level.number(),
        message,
        timestamp: Moment(line.timestamp),
        flow_run_id: line.flow_run_id.map(|id| id.0),
        task_run_id: line.task_run_id.map(|id| id.0),
    };
    serde_json::json!(body).to_string()
}
