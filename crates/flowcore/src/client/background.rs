//! Background tasks: runs that are made here and executed by whoever takes them.

use async_trait::async_trait;

use super::ClientError;
use crate::model::{TaskRun, TaskRunId};
use crate::orchestration::Orchestrator;

/// Makes task runs that wait for a task worker, and takes them as one.
///
/// Programs usually do that by [`TaskCall::delay`](crate::TaskCall::delay) and [`TaskWorker`](crate::TaskWorker).
#[async_trait]
pub trait BackgroundClient: Send + Sync + 'static {
    /// Makes a task run that is SCHEDULED and deferred: it waits until a worker takes it.
    async fn defer_task_run(&self, run: &TaskRun) -> Result<(), ClientError>;

    /// Waits for a deferred run of one of these tasks, and takes it for a worker, for as long as the server is away too.
    /// Whoever does not wait any more gets none.
    async fn take_task_run(&self, task_keys: &[String], worker: &str) -> Result<TaskRun, ClientError>;

    /// Lets others have what a worker would get next, until it asks again.
    async fn take_no_task_runs(&self, worker: &str) -> Result<(), ClientError>;

    /// Notes that a run that was taken is done with: nobody has to take it over should this process die.
    async fn finish_task_run(&self, id: TaskRunId) -> Result<(), ClientError>;

    /// Looks for what processes on this machine have left that have died: deferred runs that they had wait for a worker
    /// again.
    async fn free_task_runs_of_dead(&self) -> Result<(), ClientError>;
}

const NO_SERVER: ClientError = ClientError::NoServer("a background task");

/// There are no background tasks without a server, which gives each to one worker.
#[async_trait]
impl BackgroundClient for Orchestrator {
    async fn defer_task_run(&self, _: &TaskRun) -> Result<(), ClientError> {
        Err(NO_SERVER)
    }

    async fn take_task_run(&self, _: &[String], _: &str) -> Result<TaskRun, ClientError> {
        Err(NO_SERVER)
    }

    async fn take_no_task_runs(&self, _: &str) -> Result<(), ClientError> {
        Err(NO_SERVER)
    }

    async fn finish_task_run(&self, _: TaskRunId) -> Result<(), ClientError> {
        Err(NO_SERVER)
    }

    async fn free_task_runs_of_dead(&self) -> Result<(), ClientError> {
        Err(NO_SERVER)
    }
}
