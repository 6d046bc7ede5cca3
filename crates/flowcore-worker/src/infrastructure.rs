//! What executes runs: the part of a worker that knows of processes or of containers. All else is the same for both.

use std::time::Duration;

use async_trait::async_trait;
use flowcore::model::FlowRunId;
use tokio::sync::watch;
use uuid::Uuid;

use crate::job::Job;
use crate::output::Output;

/// A kind of place where runs are executed.
#[async_trait]
pub(crate) trait Infrastructure: Send + Sync + 'static {
    /// Starts what is to execute a run.
    async fn start(&self, job: &Job) -> Result<Box<dyn Execution>, String>;

    /// Finds what still executes runs, of a pool or of all, and may have been started by workers that are gone.
    async fn left_behind(&self, pool: Uuid) -> Result<Vec<Left>, String>;
}

/// What executes a run.
#[async_trait]
pub(crate) trait Execution: Send {
    /// Tells where it is, as `infrastructure_pid` of the run: `host:12345`.
    fn id(&self) -> String;

    /// Stays with it to its end, and keeps what it writes. Once `stop` says so, it is asked to end, and after the grace ended.
    async fn ended(
        self: Box<Self>,
        output: Output,
        stop: watch::Receiver<Option<Stop>>,
        grace: Duration,
    ) -> Result<Ended, String>;
}

/// Why a run under way is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Somebody cancels it.
    Cancelled,
    /// The worker is in a hurry to end.
    Hurry,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// What it was: `process`.
    pub(crate) what: &'static str,
    /// In words that follow "ended with": `exit status: 3`.
    pub(crate) how: String,
    /// Whether it says itself that all is well.
    pub(crate) is_success: bool,
    /// Why it was asked to end, if it was.
    pub(crate) stopped: Option<Stop>,
    /// The last lines that it has complained of.
    pub(crate) complaints: String,
}

/// What a worker has left behind.
pub(crate) struct Left {
    /// The run that it executes.
    pub(crate) run: FlowRunId,
    /// The name of the worker that started it.
    pub(crate) worker: String,
    /// Whether that worker is known to be gone, and nobody else can take this over any more.
    pub(crate) is_orphan: bool,
    /// What executes it.
    pub(crate) execution: Box<dyn Execution>,
}

/// Waits until somebody asks for an end.
pub(crate) async fn asked(stop: &mut watch::Receiver<Option<Stop>>) -> Stop {
    loop {
        if let Some(why) = *stop.borrow_and_update() {
            return why;
        }
        // Without anybody who could ask it is never.
        if stop.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
