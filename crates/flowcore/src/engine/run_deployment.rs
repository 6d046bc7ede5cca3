//! Runs of deployments, asked for from code.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::context::Scope;
use super::core::Engine;
use super::error::Error;
use super::retry::Seconds;
use super::serving::set;
use super::subflow::{Called, Parent};
use crate::client::{Client, ClientError, Request, path_segment};
use crate::model::{FlowRun, FlowRunFilter, FlowRunId, InputDigest, Page, TaskInputs, Timestamp};

/// What calls are counted under, and the key of the task runs that stand for them.
const KEY: &str = "flowcore::run_deployment";

/// How often a run is looked at though nothing was heard of it.
const PERIOD: Duration = Duration::from_secs(5);

/// Has a run made of a deployment, by whoever executes those: a worker, or a process that serves it. Await it for the run as
/// it ended, however that is. `name` is that of the flow, a slash and that of the deployment, or the deployment's id. It
/// takes a server.
///
/// In a flow the run is a subflow of it, of which a task run in the flow tells. A flow that is executed again, retried or
/// resumed, takes the run that the same call with the same parameters has made before; one that has failed it makes anew.
///
/// ```no_run
/// use flowcore::model::StateType;
/// use flowcore::{Error, Result, flow, run_deployment};
///
/// #[flow]
/// async fn closing(region: String) -> Result<()> {
///     let run = run_deployment("report/nightly").parameter("region", region).timeout(600).await?;
///     match run.state.kind {
///         StateType::Completed => Ok(()),
///         _ => Err(Error::msg(format!("the report is {}", run.state.name))),
///     }
/// }
/// ```
pub fn run_deployment(name: impl Into<String>) -> DeploymentRun {
    DeploymentRun {
        name: name.into(),
        parameters: Map::new(),
        job_variables: Map::new(),
        tags: Vec::new(),
        flow_run_name: None,
        work_queue: None,
        at: None,
        idempotency_key: None,
        timeout: None,
        is_subflow: true,
        engine: None,
        problem: None,
    }
}

/// A run of a deployment that was not asked for yet: await it.
#[must_use = "no run is made until it is awaited"]
pub struct DeploymentRun {
    name: String,
    parameters: Map<String, Value>,
    job_variables: Map<String, Value>,
    tags: Vec<String>,
    flow_run_name: Option<String>,
    work_queue: Option<String>,
    at: Option<Timestamp>,
    idempotency_key: Option<String>,
    timeout: Option<Duration>,
    is_subflow: bool,
    engine: Option<Engine>,
    /// Why a parameter could not be written.
    problem: Option<String>,
}

impl fmt::Debug for DeploymentRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeploymentRun").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Known {
    id: Uuid,
    name: String,
    version: Option<String>,
}

#[derive(Deserialize)]
struct Made {
    id: Uuid,
}

impl DeploymentRun {
    /// Sets a parameter, over that of the deployment.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        set(&mut self.parameters, &mut self.problem, "parameter", name.into(), value);
        self
    }

    /// Sets a variable of the job, over that of the deployment.
    pub fn job_variable(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        set(&mut self.job_variables, &mut self.problem, "job variable", name.into(), value);
        self
    }

    /// Adds a tag to those of the deployment.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Names the run; without it a name is made up.
    pub fn flow_run_name(mut self, name: impl Into<String>) -> Self {
        self.flow_run_name = Some(name.into());
        self
    }

    /// Puts it into this queue of the deployment's pool.
    pub fn work_queue(mut self, name: impl Into<String>) -> Self {
        self.work_queue = Some(name.into());
        self
    }

    /// Lets it begin at this time; without it as soon as may be.
    pub fn at(mut self, time: Timestamp) -> Self {
        self.at = Some(time);
        self
    }

    /// Takes the run that was made with this key, if there is one, instead of making another.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Gives the run as it is after this time if it has not ended by then. It goes on. With 0 it is not waited for at all.
    pub fn timeout(mut self, timeout: impl Into<Seconds>) -> Self {
        self.timeout = Some(timeout.into().duration());
        self
    }

    /// Says whether the run becomes a subflow of the flow around the call, as it does unless this says `false`.
    pub fn as_subflow(mut self, is_subflow: bool) -> Self {
        self.is_subflow = is_subflow;
        self
    }

    /// Asks the server of this engine, instead of that of the flow around the call, or of the process.
    pub fn on(mut self, engine: &Engine) -> Self {
        self.engine = Some(engine.clone());
        self
    }

    async fn run(self) -> Result<FlowRun, Error> {
        if let Some(problem) = self.problem {
            return Err(Error::msg(problem));
        }
        let scope = Scope::current();
        let engine = match &self.engine {
            Some(engine) => engine.clone(),
            None => scope.engine().await?,
        };
        let deployment = self.find(&*engine.0.client).await?;
        let parent = self.parent(&engine, &scope, &deployment).await?;
        let id = match &parent {
            Some(parent) => self.child_of(parent, &engine, &deployment).await?,
            None => {
                // So that a request whose answer was lost makes no second run.
                let key = engine.0.clock.uuid().to_string();
                self.make(&engine, &deployment, json!({"idempotency_key": key})).await?
            }
        };
        ended(&engine, id, self.timeout).await
    }

    async fn find(&self, client: &dyn Client) -> Result<Known, Error> {
        let path = match (self.name.parse::<Uuid>(), self.name.split_once('/')) {
            (Ok(id), _) => format!("/deployments/{id}"),
            (Err(_), Some((flow, name))) => format!("/deployments/name/{}/{}", path_segment(flow), path_segment(name)),
            (Err(_), None) => {
                let name = &self.name;
                return Err(Error::msg(format!("`{name}` names no deployment: write `flow/deployment`, or its id")));
            }
        };
        let found = client.ask(Request::get(path, "read a deployment")).await?.read_if_found()?;
        found.ok_or_else(|| {
            Error::msg(format!("there is no deployment `{}`: `flowcore deployment ls` lists them", self.name))
        })
    }

    /// Makes the task run that stands for the call in the flow around it, if that is on the same server.
    async fn parent(&self, engine: &Engine, scope: &Scope, deployment: &Known) -> Result<Option<Parent>, Error> {
        if !self.is_subflow
            || scope.flow().is_none()
            || scope.engine().await?.0.client.api_url() != engine.0.client.api_url()
        {
            return Ok(None);
        }
        let mut hasher = blake3::Hasher::new();
        for part in [KEY.as_bytes(), self.name.as_bytes(), &serde_json::to_vec(&self.parameters)?] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let called = Called {
            key: KEY,
            digest: InputDigest(*hasher.finalize().as_bytes()),
            name: if self.name.contains('/') { self.name.clone() } else { deployment.name.clone() },
            version: deployment.version.clone(),
            tags: self.tags.clone(),
        };
        Parent::standing(engine, scope, called, TaskInputs::new()).await
    }

    /// Gives the subflow that the same call has made before, unless it has ended without success, or makes one.
    async fn child_of(&self, parent: &Parent, engine: &Engine, deployment: &Known) -> Result<FlowRunId, Error> {
        let filter =
            FlowRunFilter { parent_task_run_ids: Some(vec![parent.id()]), page: Page::ALL, ..FlowRunFilter::default() };
        let before = engine.0.client.flow_runs(&filter).await?;
        let lasts = |run: &&FlowRun| !run.state.is_terminal() || run.state.is_completed();
        if let Some(run) = before.iter().find(lasts) {
            return Ok(run.id);
        }
        engine.0.client.announce(&parent.task_run()).await?;
        // The same however often this attempt is made.
        let key = format!("{}/{}", parent.id(), before.len());
        self.make(engine, deployment, json!({"idempotency_key": key, "parent_task_run_id": parent.id()})).await
    }

    async fn make(&self, engine: &Engine, deployment: &Known, mut body: Value) -> Result<FlowRunId, Error> {
        let at = self.at.unwrap_or_else(|| engine.0.clock.now());
        body["state"] = json!({"type": "SCHEDULED", "state_details": {"scheduled_time": at}});
        body["parameters"] = json!(self.parameters);
        body["tags"] = json!(self.tags);
        if !self.job_variables.is_empty() {
            body["job_variables"] = json!(self.job_variables);
        }
        if let Some(key) = &self.idempotency_key {
            body["idempotency_key"] = json!(key);
        }
        if let Some(name) = &self.flow_run_name {
            body["name"] = json!(name);
        }
        if let Some(queue) = &self.work_queue {
            body["work_queue_name"] = json!(queue);
        }
        let path = format!("/deployments/{}/create_flow_run", deployment.id);
        let what = format!("make a run of the deployment `{}`", self.name);
        let made: Made = engine.0.client.ask(Request::post(path, what, &body)).await?.read()?;
        Ok(FlowRunId(made.id))
    }
}

/// Waits for a run's end, and gives it as it is then, or when there is no more time.
///
/// The task run that stands for it needs no word of ours: the server lets it follow.
async fn ended(engine: &Engine, id: FlowRunId, timeout: Option<Duration>) -> Result<FlowRun, Error> {
    let (client, clock) = (&engine.0.client, &engine.0.clock);
    let news = json!({
        "event": {"prefix": ["prefect.flow-run."]},
        "resource": {"id": [format!("prefect.flow-run.{id}")]},
    });
    let until = timeout.and_then(|timeout| clock.now().checked_add_signed(TimeDelta::from_std(timeout).ok()?));
    let mut feed = None;
    loop {
        let read = match client.flow_run(id).await {
            Ok(None) => return Err(Error::msg(format!("flow run {id} has been deleted meanwhile"))),
            Ok(Some(run)) => Some(run),
            // It is waited for as long as it takes, and so is a server that is away.
            Err(ClientError::Server(error)) if error.is_passing() => None,
            Err(error) => return Err(error.into()),
        };
        let left = until.map_or(PERIOD, |until| (until - clock.now()).to_std().unwrap_or_default());
        match read {
            Some(run) if run.state.is_terminal() || left.is_zero() => return Ok(run),
            None if left.is_zero() => {
                return Err(Error::msg(format!("the server did not tell of flow run {id} in time")));
            }
            _ => {}
        }
        let heard = match &mut feed {
            Some(feed) => feed,
            None => feed.insert(client.listen(news.clone()).await?),
        };
        tokio::select! {
            // None: the client was closed, which the next question tells.
            _ = heard.next() => {}
            () = clock.sleep(left.min(PERIOD)) => {}
        }
    }
}

impl IntoFuture for DeploymentRun {
    type Output = Result<FlowRun, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<FlowRun, Error>> + Send>>;

    /// Gives the run as it ended, or as it is when its time is over. It fails where there is no server, no such deployment,
    /// or where the server refuses the run: parameters that do not fit, a deployment that takes no more runs.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
