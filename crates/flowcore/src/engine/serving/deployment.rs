//! A deployment as a program describes it.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::register::{Place, register};
use super::schedule::{Schedule, set};
use super::serve::Serve;
use crate::engine::core::Engine;
use crate::engine::definition::FlowDefinition;
use crate::engine::error::Error;
use crate::engine::retry::Seconds;

/// What becomes of a run for which its deployment's limit has no slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Collision {
    /// It waits.
    #[default]
    Enqueue,
    /// It is cancelled.
    CancelNew,
}

/// A flow of this program with what its runs are made of: when they are due, with which parameters, how many at once. It is
/// made by the flow (`my_flow::deployment("name")`), and served here ([`serve`](Self::serve)) or left to the workers of a
/// pool ([`deploy`](Self::deploy)). Both take a server.
///
/// ```no_run
/// use flowcore::{Result, flow};
///
/// #[flow]
/// async fn takings(region: String) -> Result<()> {
///     Ok(())
/// }
///
/// #[flowcore::main]
/// async fn main() -> Result<()> {
///     // Until Ctrl-C or SIGTERM.
///     takings::deployment("north").parameter("region", "north").cron("*/5 * * * *").serve().await
/// }
/// ```
#[derive(Clone)]
#[must_use = "nothing is known to the server until the deployment is served or deployed"]
pub struct Deployment {
    pub(super) flow: &'static FlowDefinition,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) version: Option<String>,
    pub(super) tags: Vec<String>,
    /// None: those that the server has stay.
    pub(super) schedules: Option<Vec<Schedule>>,
    pub(super) parameters: Map<String, Value>,
    pub(super) checks_parameters: bool,
    pub(super) paused: Option<bool>,
    pub(super) limit: Option<(u32, Collision)>,
    pub(super) job_variables: Map<String, Value>,
    pub(super) work_queue: Option<String>,
    /// Why a parameter could not be written.
    pub(super) problem: Option<String>,
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment").field("name", &self.full_name()).finish_non_exhaustive()
    }
}

impl FlowDefinition {
    /// Makes a deployment of the flow. The name is unique among those of the flow.
    pub fn deployment(&'static self, name: impl Into<String>) -> Deployment {
        Deployment {
            flow: self,
            name: name.into(),
            description: None,
            version: None,
            tags: self.tags().to_vec(),
            schedules: None,
            parameters: Map::new(),
            checks_parameters: true,
            paused: None,
            limit: None,
            job_variables: Map::new(),
            work_queue: None,
            problem: None,
        }
    }
}

impl Deployment {
    /// Gives the name by which people ask for it: that of the flow, a slash, its own.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.flow.name(), self.name)
    }

    /// Makes runs by a cron expression, beside the schedules that it has already.
    pub fn cron(self, expression: impl Into<String>) -> Self {
        self.schedule(Schedule::cron(expression))
    }

    /// Makes runs every so often, likewise.
    pub fn every(self, interval: impl Into<Seconds>) -> Self {
        self.schedule(Schedule::every(interval))
    }

    /// Makes runs by a recurrence rule, likewise.
    pub fn rrule(self, rule: impl Into<String>) -> Self {
        self.schedule(Schedule::rrule(rule))
    }

    /// Makes runs by a schedule, likewise. A deployment that is given none keeps those that the server has.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedules.get_or_insert_default().push(schedule);
        self
    }

    /// Takes away the schedules that it has, also those that only the server has.
    pub fn no_schedules(mut self) -> Self {
        self.schedules = Some(Vec::new());
        self
    }

    /// Sets a parameter of its runs.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        set(&mut self.parameters, &mut self.problem, "parameter", name.into(), value);
        self
    }

    /// Lets runs be made whose parameters do not fit the flow's. They fail when they begin.
    pub fn unchecked_parameters(mut self) -> Self {
        self.checks_parameters = false;
        self
    }

    /// Says what it is for; without it, what the flow is for.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets its version; without it, that of the flow.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Adds a tag to its runs.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        let tag = tag.into();
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        self
    }

    /// Says whether its schedules rest; without it, that stays as it is.
    pub fn paused(mut self, paused: bool) -> Self {
        self.paused = Some(paused);
        self
    }

    /// Lets so many of its runs be under way at once, wherever they are executed.
    pub fn concurrency_limit(mut self, limit: u32, collision: Collision) -> Self {
        self.limit = Some((limit, collision));
        self
    }

    /// Puts its runs into this queue of the pool that it is deployed to.
    pub fn work_queue(mut self, name: impl Into<String>) -> Self {
        self.work_queue = Some(name.into());
        self
    }

    /// Sets a variable of the pool's job template for its runs.
    pub fn job_variable(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        set(&mut self.job_variables, &mut self.problem, "job variable", name.into(), value);
        self
    }

    /// Executes its runs in this process from now on. Await it.
    pub fn serve(self) -> Serve {
        Serve::new(vec![self])
    }

    /// Makes it known to the server for the workers of a pool, which start this very program from where it is now. Gives the
    /// deployment's id.
    ///
    /// # Errors
    ///
    /// There is no server, or it refuses the deployment: an unknown pool, a schedule that it cannot read, parameters that do
    /// not fit.
    pub async fn deploy(self, pool: impl Into<String>) -> Result<Uuid, Error> {
        let engine = Engine::default().await?;
        self.deploy_on(&engine, pool).await
    }

    /// Makes it known to the server of this engine, as [`deploy`](Self::deploy).
    ///
    /// # Errors
    ///
    /// As [`deploy`](Self::deploy).
    pub async fn deploy_on(self, engine: &Engine, pool: impl Into<String>) -> Result<Uuid, Error> {
        register(engine, &self, Place::Pool(pool.into())).await
    }
}
