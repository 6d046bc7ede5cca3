//! Serving deployments: their runs are executed in this process.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;

use super::body::Waiting;
use super::children::Children;
use super::deployment::Deployment;
use super::register::{Place, register};
use super::runner::{Listed, Runner, Work};
use crate::client::{ClientError, Repeat, Request};
use crate::engine::core::Engine;
use crate::engine::definition::{Parameters, flow_of};
use crate::engine::error::Error;
use crate::engine::program;
use crate::engine::signals::asked_to_end;
use crate::model::{FlowRun, FlowRunId, StateType, Timestamp};
use crate::orchestration::Decision;

/// How many runs are asked for at once: as many as a Prefect server gives.
const PAGE: usize = 200;

/// Serves deployments of several flows together.
///
/// ```no_run
/// use flowcore::{Result, Schedule, flow};
///
/// #[flow]
/// async fn ingest() -> Result<()> {
///     Ok(())
/// }
///
/// #[flow]
/// async fn regional(region: String) -> Result<()> {
///     Ok(())
/// }
///
/// #[flowcore::main]
/// async fn main() -> Result<()> {
///     flowcore::serve([
///         ingest::deployment("often").every(300),
///         regional::deployment("north")
///             .parameter("region", "north")
///             .schedule(Schedule::cron("0 6 * * *").timezone("Europe/Oslo")),
///     ])
///     .limit(4)
///     .await
/// }
/// ```
pub fn serve(deployments: impl IntoIterator<Item = Deployment>) -> Serve {
    Serve::new(deployments.into_iter().collect())
}

/// Deployments that are about to be served: await it. It makes them known to the server, and then executes their runs in this
/// process until Ctrl-C or SIGTERM.
#[must_use = "nothing is served until it is awaited"]
pub struct Serve {
    deployments: Vec<Deployment>,
    engine: Option<Engine>,
    limit: usize,
    pauses: bool,
    children: Option<Arc<Children>>,
    stop: Option<Stop>,
}

type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

impl fmt::Debug for Serve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve").field("deployments", &self.deployments).finish_non_exhaustive()
    }
}

impl Serve {
    pub(super) fn new(deployments: Vec<Deployment>) -> Self {
        Serve { deployments, engine: None, limit: usize::MAX, pauses: true, children: None, stop: None }
    }

    /// Uses this engine instead of the process's own.
    pub fn on(mut self, engine: &Engine) -> Self {
        self.engine = Some(engine.clone());
        self
    }

    /// Executes so many runs at once at most; without it as many as are due. The others wait, and may be begun by another
    /// process that serves the same deployments.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Leaves the deployments as they are at the end. Otherwise they are paused, so that no runs are made that nobody
    /// executes, and go on with the next start; their schedules stay.
    pub fn without_pause(mut self) -> Self {
        self.pauses = false;
        self
    }

    /// Executes each run in a process of its own: this program, started once more. A run that takes the whole process with it,
    /// or all memory, then leaves the others alone; and a run that is under way when this process is killed goes on to its
    /// end. The program's `main` has the attribute [`#[flowcore::main]`](crate::main), or calls [`init`](crate::init) before
    /// anything else.
    pub fn in_child_processes(mut self) -> Self {
        self.children = Some(Arc::default());
        self
    }

    /// Ends when this is ready, instead of at Ctrl-C or SIGTERM.
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = Some(Box::pin(stop));
        self
    }

    async fn run(self) -> Result<(), Error> {
        let Serve { deployments, engine, limit, pauses, children, stop } = self;
        if children.is_some() && !program::current().is_some_and(|program| program.executes_runs) {
            return Err(Error::msg(
                "runs in processes of their own take a program that executes a single run: give its main function the \
                 attribute #[flowcore::main], or call flowcore::init first in it",
            ));
        }
        let engine = match engine {
            Some(engine) => engine,
            None => Engine::default().await?,
        };
        let mut ids = Vec::with_capacity(deployments.len());
        for mut deployment in deployments {
            if pauses && deployment.paused.is_none() {
                deployment.paused = Some(false);
            }
            ids.push(register(&engine, &deployment, Place::Here).await?);
            tracing::info!(target: "flowcore", "serving `{}`", deployment.full_name());
        }
        let stop = stop.unwrap_or_else(|| {
            let children = children.clone();
            Box::pin(async move {
                asked_to_end().await;
                if let Some(children) = children {
                    children.end_all().await;
                }
            })
        });
        let runner = Runner::new(engine.0.client.clone(), engine.0.clock.clone(), limit);
        let served = Arc::new(Served { engine: engine.clone(), deployments: ids.clone(), children });
        let paused = async {
            stop.await;
            if pauses {
                pause(&engine, &ids).await;
            }
        };
        Ok(runner.run_until(served, paused).await?)
    }
}

impl IntoFuture for Serve {
    type Output = Result<(), Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

    /// Returns when the runs under way have ended. It fails where there is no server, and where the server refuses a
    /// deployment.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

async fn pause(engine: &Engine, deployments: &[Uuid]) {
    for id in deployments {
        let request = Request::post(format!("/deployments/{id}/pause_deployment"), "pause a deployment", &json!({}));
        if let Err(error) = engine.0.client.ask(request.repeat(Repeat::Never)).await {
            tracing::warn!(target: "flowcore", "a deployment that is served no more goes on making runs: {error}");
        }
    }
}

/// The runs of served deployments.
struct Served {
    engine: Engine,
    deployments: Vec<Uuid>,
    /// Where its runs are executed, unless it is here.
    children: Option<Arc<Children>>,
}

#[async_trait]
impl Work for Served {
    fn news(&self) -> Value {
        let deployments: Vec<String> = self.deployments.iter().map(|id| format!("prefect.deployment.{id}")).collect();
        json!({"event": {"prefix": ["prefect.flow-run."]}, "related": {"id": deployments}})
    }

    async fn waiting(&self, until: Timestamp) -> Result<Listed, ClientError> {
        let body = json!({"deployment_ids": self.deployments, "scheduled_before": until, "limit": PAGE});
        let request = Request::post("/deployments/get_scheduled_flow_runs", "list the runs that are due", &body);
        let runs: Vec<Waiting> = self.engine.0.client.ask(request.repeat(Repeat::Never)).await?.read()?;
        let is_complete = runs.len() < PAGE;
        Ok(Listed { runs: runs.iter().map(|run| run.when(&*self.engine.0.clock)).collect(), is_complete })
    }

    async fn execute(self: Arc<Self>, id: FlowRunId) -> bool {
        let engine = &self.engine;
        let run = match engine.0.client.flow_run(id).await {
            Ok(Some(run)) => run,
            Ok(None) => return true,
            Err(error) => {
                tracing::warn!(target: "flowcore", "flow run {id} cannot be read: {error}");
                return false;
            }
        };
        let call = flow_of(&run).map_err(Error::from).and_then(|flow| {
            let parameters = Parameters::from_json(run.parameters.get())?;
            Ok(flow.call(&parameters)?)
        });
        if run.process_id.is_some() && run.state.kind == StateType::Scheduled {
            // It waits for its retry in the process that has it. Should that die, it comes again.
            return false;
        }
        match call {
            Ok(call) => match self.take(&run).await {
                Some(true) => {
                    match &self.children {
                        Some(children) => settle(engine, id, children.execute(engine, id).await).await,
                        None if call.execute(Some(id), engine).await.state.is_none() => give_up(engine, id).await,
                        None => {}
                    }
                    true
                }
                Some(false) => true,
                None => false,
            },
            Err(error) => end(engine, &run, StateType::Failed, format!("The run cannot be executed: {error}")).await,
        }
    }
}

impl Served {
    /// Takes a run: of several who find it waiting, one gets it into PENDING. Tells whether that was this one; none if nobody
    /// knows.
    async fn take(&self, run: &FlowRun) -> Option<bool> {
        if run.state.kind != StateType::Scheduled {
            return Some(false);
        }
        let pending = self.engine.state(StateType::Pending);
        match self.engine.0.client.set_flow_run_state(run, pending).await {
            Ok(decided) => Some(matches!(decided.decision, Decision::Accept(_))),
            Err(error) => {
                tracing::warn!(target: "flowcore", "flow run `{}` cannot be begun: {error}", run.name);
                None
            }
        }
    }
}

/// Ends a run that was taken and could not be begun. Why that was has been told.
async fn give_up(engine: &Engine, id: FlowRunId) {
    if let Ok(Some(run)) = engine.0.client.flow_run(id).await
        && run.state.kind == StateType::Pending
    {
        end(engine, &run, StateType::Crashed, "The run could not be begun.".to_owned()).await;
    }
}

/// Sees to it that a run whose process has ended does not stand as if it were still executed.
async fn settle(engine: &Engine, id: FlowRunId, trouble: Option<String>) {
    let Ok(Some(run)) = engine.0.client.flow_run(id).await else { return };
    let trouble = trouble.unwrap_or_else(|| "The process ended without a word of what became of its run.".to_owned());
    match run.state.kind {
        StateType::Pending | StateType::Running => end(engine, &run, StateType::Crashed, trouble).await,
        StateType::Cancelling => end(engine, &run, StateType::Cancelled, trouble).await,
        _ => true,
    };
}

async fn end(engine: &Engine, run: &FlowRun, kind: StateType, why: String) -> bool {
    tracing::error!(target: "flowcore", "flow run `{}`: {why}", run.name);
    engine.0.client.set_flow_run_state(run, engine.state(kind).message(why)).await.is_ok()
}
