//! A worker: takes the runs of a pool, and has them executed.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flowcore::Runner;
use flowcore::client::{Client, ClientError};
use flowcore::clock::SystemClock;
use flowcore::model::FlowRunId;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::credentials::Credentials;
use crate::environment::Inherited;
use crate::health::{Health, Healthcheck};
use crate::heartbeats::{Heartbeats, INTERVAL};
use crate::infrastructure::Infrastructure;
use crate::job::Common;
use crate::kind::Kind;
use crate::known_pool::KnownPool;
use crate::pool::PoolClient;
use crate::pool_work::PoolWork;
use crate::process::Processes;
use crate::steps::Steps;
use crate::under_way::UnderWay;

/// How long an execution that is to end may take to do so in order.
const GRACE: Duration = Duration::from_secs(30);

/// Says why a worker cannot work.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// There is no server, or it does not accept who asks.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is no such pool, and none is to be made.
    #[error("there is no work pool `{0}`: make it with `flowcore work-pool create {0}`, or name another one")]
    NoPool(String),
    /// The pool is for workers of another kind.
    #[error(
        "the work pool `{pool}` is of the type `{kind}`, and this worker is of the type `{worker}`: start a worker of that type, \
         or name another pool"
    )]
    OtherType {
        /// The pool.
        pool: String,
        /// Its type.
        kind: String,
        /// The worker's type.
        worker: Kind,
    },
    /// There are no workers of the pool's type here.
    #[error(
        "the work pool `{pool}` is of the type `{kind}`, for which there is no worker here ({}): start Prefect's worker of that type, \
         or name another pool",
        Kind::names()
    )]
    UnknownType {
        /// The pool.
        pool: String,
        /// Its type.
        kind: String,
    },
    /// Nothing can be executed where it is to be.
    #[error("{0}")]
    Infrastructure(String),
    /// There is no such run.
    #[error("there is no flow run {0} on this server")]
    NoRun(FlowRunId),
    /// The run is not to be executed.
    #[error("flow run '{name}' {why}")]
    NotNow {
        /// Its name.
        name: String,
        /// Why, and what to do.
        why: String,
    },
}

/// Takes the flow runs of a work pool, and has each executed.
#[must_use = "a worker does nothing until it is run"]
pub struct Worker {
    pub(crate) client: Arc<dyn Client>,
    pool: String,
    kind: Option<Kind>,
    name: Option<String>,
    queues: Vec<String>,
    limit: usize,
    once: bool,
    ahead: Option<Duration>,
    /// Where to tell of its health.
    healthcheck: Option<String>,
    /// The template of a pool that it makes.
    template: Option<Map<String, Value>>,
    makes_pool: bool,
    pub(crate) grace: Duration,
    pub(crate) python: Option<PathBuf>,
    home: Option<PathBuf>,
    pub(crate) inherited: Inherited,
    pub(crate) credentials: Credentials,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) steps: Steps,
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
            steps: Steps::new(client.clone()),
            client,
            pool: pool.into(),
            kind: None,
            name: None,
            queues: Vec::new(),
            limit: usize::MAX,
            once: false,
            ahead: None,
            healthcheck: None,
            template: None,
            makes_pool: true,
            grace: GRACE,
            python: None,
            home: None,
            inherited: Inherited::default(),
            credentials: Credentials::default(),
            variables: Vec::new(),
        }
    }

    /// Says what executes its runs; without it, what the pool is for, and processes for a pool that it makes.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Sets its name, unique in the pool.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
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

    /// Executes what is due when it has asked once, and ends.
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Sets how long before their time runs are asked for; without it 15 s.
    pub fn ahead(mut self, ahead: Duration) -> Self {
        self.ahead = Some(ahead);
        self
    }

    /// Tells at `/health` of this address, `0.0.0.0:8080` say, whether it still asks for runs.
    pub fn healthcheck(mut self, address: impl Into<String>) -> Self {
        self.healthcheck = Some(address.into());
        self
    }

    /// Sets the job template of the pool, if it is made; without it the one of its type.
    pub fn template(mut self, template: Map<String, Value>) -> Self {
        self.template = Some(template);
        self
    }

    /// Makes no pool: there has to be one.
    pub fn on_a_pool_that_is_there(mut self) -> Self {
        self.makes_pool = false;
        self
    }

    /// Sets how long an execution that is to end may take before it is ended; without it 30 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets the interpreter for flows in Python, which has `prefect`; without it `python3` or `python`.
    pub fn python(mut self, python: impl Into<PathBuf>) -> Self {
        self.python = Some(python.into());
        self
    }

    /// Sets the folder where it notes its processes, so that the next worker with the same can go on with them if this one is killed.
    /// Without it nobody can.
    pub fn home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }

    /// Sets what its runs show to the server, unless their jobs say otherwise.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Sets what carries out the pull steps of programs; without it the one that [`Steps::new`] makes.
    pub fn steps(mut self, steps: Steps) -> Self {
        self.steps = steps;
        self
    }

    /// Passes these variables of its environment on to the processes of runs, beside those that every program needs: names, in which `*`
    /// stands for anything. A credential for the server is never passed on.
    pub fn inherit(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.inherited = Inherited::new(names);
        self
    }

    /// Sets an environment variable of all processes on this machine, unless their jobs say otherwise.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Takes runs until `stop` is ready; then it takes no more, and returns when those under way have ended, or have been
    /// ended because `hurry` was ready as well. While the server is away it waits.
    ///
    /// # Errors
    ///
    /// There is no server, it does not accept who asks, the pool is for other workers, or nothing can be executed.
    pub async fn run_until(
        self,
        stop: impl Future<Output = ()>,
        hurry: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), WorkerError> {
        let pool = PoolClient { client: self.client.clone(), pool: self.pool.clone() };
        let mut found = match pool.find().await? {
            Some(found) => found,
            None if !self.makes_pool => return Err(WorkerError::NoPool(self.pool)),
            None => pool.make(self.kind.unwrap_or_default().name(), self.template.as_ref()).await?,
        };
        let kind = self.kind_for(&found.kind)?;
        if found.is_paused {
            tracing::warn!(target: "flowcore", "the work pool `{}` is paused: its runs are taken when it is resumed", self.pool);
        }
        if found.base_job_template.is_empty() {
            found.base_job_template = pool.give_template(&found.kind).await?;
        }
        let name = self.name.clone().unwrap_or_else(|| format!("{}-{}", kind.name(), Uuid::now_v7()));
        let infrastructure = self.infrastructure(kind, &name).await.map_err(WorkerError::Infrastructure)?;
        pool.beat(&name, INTERVAL).await?;
        let under_way = Arc::new(UnderWay::default());
        let known = Arc::new(KnownPool::new(found));
        let _heartbeats = Heartbeats::start(pool.clone(), known.clone(), name.clone(), under_way.clone());
        tracing::info!(target: "flowcore", "worker `{name}` takes the runs of the work pool `{}`", self.pool);
        let mut runner = Runner::new(self.client.clone(), Arc::new(SystemClock), self.limit);
        if self.once {
            runner = runner.once();
        }
        if let Some(ahead) = self.ahead {
            runner = runner.ahead(ahead);
        }
        let health = Arc::new(Health::new());
        let _healthcheck = match &self.healthcheck {
            Some(address) => {
                Some(Healthcheck::start(address, health.clone()).await.map_err(WorkerError::Infrastructure)?)
            }
            None => None,
        };
        let work = Arc::new(PoolWork {
            pool,
            known,
            health,
            common: Common {
                pool: self.pool,
                worker: name,
                api_url: self.client.api_url().unwrap_or_default(),
                credentials: self.credentials,
                // They are of this machine.
                variables: if kind == Kind::Process { self.variables } else { Vec::new() },
                is_within: false,
            },
            queues: self.queues,
            grace: self.grace,
            infrastructure,
            under_way: under_way.clone(),
        });
        let looking = tokio::spawn({
            let work = work.clone();
            async move {
                loop {
                    work.look_for_what_is_left().await;
                    tokio::time::sleep(INTERVAL).await;
                }
            }
        });
        let hurried = tokio::spawn({
            let under_way = under_way.clone();
            async move {
                hurry.await;
                under_way.hurry();
            }
        });
        let result = runner.run_until(work, async {
            stop.await;
            looking.abort();
        });
        let result = result.await;
        looking.abort();
        under_way.all_ended().await;
        hurried.abort();
        Ok(result?)
    }

    /// Finds out what executes the runs of a pool.
    fn kind_for(&self, pool: &str) -> Result<Kind, WorkerError> {
        match (self.kind, Kind::of_pool(pool)) {
            (Some(worker), of_pool) if of_pool != Some(worker) => {
                Err(WorkerError::OtherType { pool: self.pool.clone(), kind: pool.to_owned(), worker })
            }
            (_, Some(kind)) => Ok(kind),
            (_, None) => Err(WorkerError::UnknownType { pool: self.pool.clone(), kind: pool.to_owned() }),
        }
    }

    /// Makes what executes runs, if that can be had.
    async fn infrastructure(&self, kind: Kind, name: &str) -> Result<Box<dyn Infrastructure>, String> {
        match kind {
            Kind::Process => {
                let processes = Processes::new(self.python.clone(), self.steps.clone(), self.inherited.clone());
                let api_url = self.client.api_url().unwrap_or_default();
                Ok(Box::new(match &self.home {
                    Some(home) => processes.noting(home, name, &api_url),
                    None => processes,
                }))
            }
            #[cfg(feature = "docker")]
            Kind::Docker => Ok(Box::new(crate::docker::Containers::find().await?)),
        }
    }
}
