//! One run on this machine, whichever pool it belongs to: what `flow-run execute` does, often as the command of a job.

use std::sync::Arc;
use std::time::Duration;

use flowcore::client::ClientError;
use flowcore::model::{FlowRun, FlowRunId, StateType};

use crate::bodies::Run;
use crate::health::Health;
use crate::heartbeats::alive;
use crate::job::Common;
use crate::known_pool::KnownPool;
use crate::pool::{PoolClient, Rank};
use crate::pool_work::PoolWork;
use crate::process::Processes;
use crate::under_way::UnderWay;
use crate::worker::{Worker, WorkerError};

/// How often it is asked whether the run is to end, and told that it is executed.
const LOOK: Duration = Duration::from_secs(5);

impl Worker {
    /// Executes one run by a process on this machine, and gives it as it stands then. Its deployment says what is started; of job
    /// variables only the environment counts, as whoever calls this may have been started by them. Once `hurry` is ready, the run is
    /// asked to end.
    ///
    /// # Errors
    ///
    /// There is no server, no such run, or the run does not wait for anybody who executes it.
    pub async fn execute(
        self,
        id: FlowRunId,
        hurry: impl Future<Output = ()> + Send + 'static,
    ) -> Result<FlowRun, WorkerError> {
        let client = self.client.clone();
        let under_way = Arc::new(UnderWay::default());
        let work = Arc::new(PoolWork {
            pool: PoolClient { client: client.clone(), pool: String::new() },
            known: Arc::new(KnownPool::none()),
            health: Arc::new(Health::new()),
            queues: Vec::new(),
            grace: self.grace,
            common: Common {
                api_url: client.api_url().unwrap_or_default(),
                credentials: self.credentials,
                variables: self.variables,
                is_within: true,
                ..Common::default()
            },
            infrastructure: Box::new(Processes::new(self.python, self.steps, self.inherited)),
            under_way: under_way.clone(),
        });
        let run = take(&work, id).await?;
        if let Some(place) = under_way.begin(id) {
            let looking = tokio::spawn(look(work.clone(), id));
            let hurried = tokio::spawn(async move {
                hurry.await;
                under_way.hurry();
            });
            let ended = PoolWork::execute(&work, &run, &place).await;
            work.end(id, ended, place).await;
            looking.abort();
            hurried.abort();
        }
        client.flow_run(id).await?.ok_or(WorkerError::NoRun(id))
    }
}

/// Takes the run, unless a worker has taken it for this.
async fn take(work: &PoolWork, id: FlowRunId) -> Result<Run, WorkerError> {
    let run = work.pool.run(id).await?.ok_or(WorkerError::NoRun(id))?;
    let refused = |why: &str| Err(WorkerError::NotNow { name: run.name.clone(), why: why.to_owned() });
    match run.state_type {
        Some(StateType::Pending) => Ok(run),
        Some(StateType::Scheduled) => {
            match work.pool.propose(id, "PENDING", "The run is executed by its id.", Rank::Proposal).await? {
                true => Ok(run),
                false => refused("is not let go on now: `flowcore flow-run why` says what is in its way"),
            }
        }
        Some(state) if state.is_terminal() => refused("has ended: `flowcore flow-run retry` executes it again"),
        _ => refused("is under way: only one that waits can be executed"),
    }
}

/// Tells the server that the run is executed, and looks whether it is to end.
async fn look(work: Arc<PoolWork>, id: FlowRunId) {
    loop {
        tokio::time::sleep(LOOK).await;
        alive(&work.pool, &[id]).await;
        let looked: Result<(), ClientError> = work.stop_those_that_are_to_end().await;
        if let Err(error) = looked {
            tracing::debug!(target: "flowcore", "whether the run is to end is not known: {error}");
        }
    }
}
