//! A worker: takes the runs of a pool, and has them executed by processes.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use flowcore::client::{Client, ClientError};
use flowcore::clock::SystemClock;
use flowcore::model::{FlowRunId, LogLevel, StateType, Timestamp};
use flowcore::{Listed, Runner, Work, connect};
use serde_json::{Map, Value};
use tokio::sync::watch;
use uuid::Uuid;

use crate::bodies::Run;
use crate::heartbeats::{Heartbeats, INTERVAL};
use crate::job::{Job, Start};
use crate::output;
use crate::pool::{PAGE, PoolClient, news};
use crate::process::{Ended, Process};
use crate::steps;

/// The type of the pools that such workers work on.
const TYPE: &str = "process";

/// How long a process that is to end may take to do so in order.
const GRACE: Duration = Duration::from_secs(30);

/// Says why a worker cannot work.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// There is no server, or it does not accept who asks.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The pool is for workers of another kind.
    #[error(
        "the work pool `{pool}` is of the type `{kind}`, and this worker is of the type `{TYPE}`: start a worker of that type, \
         or name another pool"
    )]
    OtherType {
        /// The pool.
        pool: String,
        /// Its type.
        kind: String,
    },
}

/// Takes the flow runs of a work pool, and starts a process for each.
#[must_use = "a worker does nothing until it is run"]
pub struct Worker {
    client: Arc<dyn Client>,
    pool: String,
    name: String,
    queues: Vec<String>,
    limit: usize,
    grace: Duration,
    python: PathBuf,
    variables: Vec<(String, String)>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("pool", &self.pool).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Worker {
    /// Makes a worker for a pool. If there is no pool of the name, it is made when the worker starts.
    pub fn new(client: Arc<dyn Client>, pool: impl Into<String>) -> Self {
        Worker {
            client,
            pool: pool.into(),
            name: format!("process-{}", Uuid::now_v7()),
            queues: Vec::new(),
            limit: usize::MAX,
            grace: GRACE,
            python: PathBuf::from("python3"),
            variables: Vec::new(),
        }
    }

    /// Sets its name, unique in the pool.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Takes the runs of these queues only; without any, those of all.
    pub fn queues(mut self, queues: impl IntoIterator<Item = String>) -> Self {
        self.queues = queues.into_iter().collect();
        self
    }

    /// Executes so many runs at once at most; without it as many as are due.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets how long a process that is to end may take before it is ended; without it 30 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets the interpreter for flows in Python, which has `prefect`; without it `python3`.
    pub fn python(mut self, python: impl Into<PathBuf>) -> Self {
        self.python = python.into();
        self
    }

    /// Sets an environment variable of all processes.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Takes runs until `stop` is ready; then it takes no more, and returns when those under way have ended, or have been
    /// ended because `hurry` was ready as well. While the server is away it waits.
    ///
    /// # Errors
    ///
    /// There is no server, it does not accept who asks, or the pool is for other workers.
    pub async fn run_until(
        self,
        stop: impl Future<Output = ()>,
        hurry: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), WorkerError> {
        let pool = PoolClient { client: self.client.clone(), pool: self.pool.clone() };
        let found = pool.find_or_make(TYPE).await?;
        // Agents of old have pools of their own type, whose runs are processes as well.
        if found.kind != TYPE && found.kind != "prefect-agent" {
            return Err(WorkerError::OtherType { pool: self.pool, kind: found.kind });
        }
        if found.is_paused {
            tracing::warn!(target: "flowcore", "the work pool `{}` is paused: its runs are taken when it is resumed", self.pool);
        }
        pool.beat(&self.name, INTERVAL).await?;
        let _heartbeats = Heartbeats::start(pool.clone(), self.name.clone());
        tracing::info!(target: "flowcore", "worker `{}` takes the runs of the work pool `{}`", self.name, self.pool);
        let runner = Runner::new(self.client.clone(), Arc::new(SystemClock), self.limit);
        let work = Arc::new(PoolWork {
            pool,
            pool_id: found.id,
            template: found.base_job_template,
            worker: self,
            under_way: Mutex::default(),
        });
        let hurried = {
            let work = work.clone();
            tokio::spawn(async move {
                hurry.await;
                work.stop_all();
            })
        };
        let result = runner.run_until(work, stop).await;
        hurried.abort();
        Ok(result?)
    }
}

struct PoolWork {
    worker: Worker,
    pool: PoolClient,
    pool_id: Uuid,
    template: Map<String, Value>,
    /// What ends the processes of the runs under way.
    under_way: Mutex<HashMap<FlowRunId, watch::Sender<bool>>>,
}

/// A run's place among those under way, given up when dropped.
struct Place<'a> {
    work: &'a PoolWork,
    id: FlowRunId,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.work.under_way().remove(&self.id);
    }
}

impl PoolWork {
    fn under_way(&self) -> MutexGuard<'_, HashMap<FlowRunId, watch::Sender<bool>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self, id: FlowRunId) {
        if let Some(stop) = self.under_way().get(&id) {
            stop.send_replace(true);
        }
    }

    fn stop_all(&self) {
        for stop in self.under_way().values() {
            stop.send_replace(true);
        }
    }

    /// Looks which of the runs under way are to end, since that may not have been heard.
    async fn stop_those_that_are_to_end(&self) -> Result<(), ClientError> {
        let ids: Vec<FlowRunId> = self.under_way().keys().copied().collect();
        for id in self.pool.cancelling(&ids).await? {
            self.stop(id);
        }
        Ok(())
    }

    /// Finds out what is to be started for a run.
    async fn job(&self, run: &Run) -> Result<Job, String> {
        let unreadable = |error: ClientError| format!("its deployment cannot be read: {error}");
        let deployment = match run.deployment_id {
            Some(id) => self.pool.deployment(id).await.map_err(unreadable)?,
            None => None,
        };
        let deployment = deployment.ok_or("it has no deployment any more, which would say what to execute")?;
        let mut job = Job::new(&self.template, &deployment, run)?;
        // Python's side of Prefect carries its steps out itself.
        if let (Start::Program(_), Some(steps)) = (&job.start, &deployment.pull_steps)
            && let Some(directory) = steps::carry_out(steps).await?
        {
            job.directory = Some(directory);
        }
        Ok(job)
    }

    /// Starts the process of a run that was taken, and stays with it to its end.
    async fn execute(&self, run: &Run, stop: &mut watch::Receiver<bool>) -> Result<Ended, String> {
        let (id, client) = (FlowRunId(run.id), &self.pool.client);
        let job = self.job(run).await?;
        let url = client.api_url().unwrap_or_default();
        let mut command = job.command(id, &url, &self.worker.python);
        command.envs(self.worker.variables.iter().map(|(name, value)| (name, value)));
        let shown = command.as_std().get_program().to_string_lossy().into_owned();
        let mut process = Process::start(command).map_err(|error| match &job.directory {
            Some(directory) => format!("`{shown}` cannot be started in {}: {error}", directory.display()),
            None => format!("`{shown}` cannot be started: {error}"),
        })?;
        let pid = process.id().map_or_else(String::new, |pid| pid.to_string());
        tracing::info!(target: "flowcore", "flow run `{}` is executed by process {pid}", run.name);
        let (stdout, stderr) = process.outputs();
        let kept = stdout.map(|output| tokio::spawn(output::keep(client.clone(), id, output)));
        let passed = stderr.map(|output| tokio::spawn(output::pass_on(output)));
        if let Err(error) = self.pool.executed_by(id, &format!("{}:{pid}", host())).await {
            tracing::warn!(target: "flowcore", "where flow run `{}` is executed is not known: {error}", run.name);
        }
        let ended = process.ended(stop, self.worker.grace).await.map_err(|error| error.to_string())?;
        if let Some(kept) = kept {
            let _ = kept.await;
        }
        let last = match passed {
            Some(passed) => passed.await.unwrap_or_default(),
            None => String::new(),
        };
        if !ended.status.success() && !ended.was_stopped && !last.is_empty() {
            output::tell(client, id, LogLevel::Error, format!("The process ended with {}:\n{last}", ended.status))
                .await;
        }
        Ok(ended)
    }

    /// Sees to it that a run whose process has ended does not stand as if it were still executed.
    async fn settle(&self, run: &Run, ended: Result<Ended, String>) -> Result<(), ClientError> {
        let id = FlowRunId(run.id);
        // What a program built with flowcore could not say itself stands on this machine's disk.
        self.pool.client.crash_abandoned_runs(&connect::probe()).await?;
        let Some(now) = self.pool.run(id).await? else { return Ok(()) };
        let (kind, why) = match (now.state_type, &ended) {
            (Some(StateType::Cancelling), _) => ("CANCELLED", "The process was ended, as was asked for.".to_owned()),
            (Some(StateType::Pending | StateType::Running), Ok(ended)) => ("CRASHED", told(ended.status)),
            (Some(StateType::Pending | StateType::Running), Err(why)) => {
                ("CRASHED", format!("The run could not be executed: {why}"))
            }
            // It has ended, or waits: for its time, or for somebody who resumes it.
            _ => return Ok(()),
        };
        if let Err(why) = &ended {
            tracing::error!(target: "flowcore", "flow run `{}`: {why}", run.name);
        }
        self.pool.propose(id, kind, &why).await?;
        Ok(())
    }
}

/// Says how a process ended that did not say what became of its run.
fn told(status: ExitStatus) -> String {
    format!("The process that executed the run ended with {status}, and did not say what became of the run.")
}

/// Gives the name of this machine.
fn host() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

#[async_trait]
impl Work for PoolWork {
    fn news(&self) -> Value {
        news(self.pool_id)
    }

    async fn waiting(&self, until: Timestamp) -> Result<Listed, ClientError> {
        self.stop_those_that_are_to_end().await?;
        let runs = self.pool.waiting(&self.worker.queues, until).await?;
        let is_complete = runs.len() < PAGE;
        let runs =
            runs.into_iter().map(|run| (FlowRunId(run.id), run.next_scheduled_start_time.unwrap_or(until))).collect();
        Ok(Listed { runs, is_complete })
    }

    async fn execute(self: Arc<Self>, id: FlowRunId) -> bool {
        let begun = async {
            let Some(run) = self.pool.run(id).await? else { return Ok(None) };
            if run.state_type != Some(StateType::Scheduled) {
                return Ok(None);
            }
            let taken = self.pool.propose(id, "PENDING", "A worker has the run.").await?;
            Ok::<_, ClientError>(Some(run).filter(|_| taken.is_some_and(|taken| taken.status == "ACCEPT")))
        };
        let run = match begun.await {
            Ok(Some(run)) => run,
            // Another worker was faster, or it is put off.
            Ok(None) => return true,
            Err(error) => {
                tracing::warn!(target: "flowcore", "flow run {id} cannot be begun: {error}");
                return false;
            }
        };
        let (stop, mut stopped) = watch::channel(false);
        self.under_way().insert(id, stop);
        let place = Place { work: &self, id };
        let ended = PoolWork::execute(&self, &run, &mut stopped).await;
        if let Err(error) = self.settle(&run, ended).await {
            tracing::error!(target: "flowcore", "what became of flow run `{}` could not be told: {error}", run.name);
        }
        drop(place);
        true
    }

    fn heard(&self, event: &Value) {
        let resource = &event["resource"];
        if resource["prefect.state-type"] == "CANCELLING"
            && let Some(id) =
                resource["prefect.resource.id"].as_str().and_then(|id| id.strip_prefix("prefect.flow-run."))
            && let Ok(id) = id.parse()
        {
            self.stop(id);
        }
    }
}
