//! Serving on demand: a program is started by somebody who wants one of its flows served.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::deployment::{Collision, Deployment};
use super::schedule::Schedule;
use super::serve::Serve;
use crate::engine::definition::flows;
use crate::engine::error::Error;

/// The environment variable that tells a program to serve a flow instead of doing what it does: a [`ServeOrder`] as JSON.
pub const SERVE: &str = "FLOWCORE_SERVE_FLOW";

/// What is to be served.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServeOrder {
    /// The process that is meant. Those that it starts inherit the variable and are not.
    pub process: u32,
    /// The flow's name.
    pub flow: String,
    /// The deployment's name.
    pub name: String,
    /// What it is for; without it, what the flow is for.
    pub description: Option<String>,
    /// Its version; without it, that of the flow.
    pub version: Option<String>,
    /// Tags of its runs, beside those of the flow.
    pub tags: Vec<String>,
    /// When runs are due, as Prefect's API has it; without it, by the schedules that the server has.
    pub schedule: Option<Map<String, Value>>,
    /// How many runs the process executes at once.
    pub limit: Option<usize>,
    /// How many runs of the deployment are under way at once, wherever they are executed.
    pub global_limit: Option<u32>,
    /// Whether the deployment is paused at the end.
    pub pauses: bool,
}

impl ServeOrder {
    /// Reads the order that this process was started with, if it was.
    pub(in crate::engine) fn given() -> Result<Option<Self>, Error> {
        let Ok(text) = std::env::var(SERVE) else { return Ok(None) };
        let order: ServeOrder = serde_json::from_str(&text)
            .map_err(|error| Error::msg(format!("{SERVE} cannot be understood: {error}")))?;
        Ok(Some(order).filter(|order| order.process == std::process::id()))
    }

    /// Makes what is to be awaited.
    pub(in crate::engine) fn serve(self) -> Result<Serve, Error> {
        let Some(flow) = flows().find(|flow| flow.name() == self.flow) else {
            return Err(Error::msg(format!("this program has no flow named `{}`", self.flow)));
        };
        let mut deployment: Deployment = flow.deployment(self.name);
        for tag in self.tags {
            deployment = deployment.tag(tag);
        }
        if let Some(description) = self.description {
            deployment = deployment.description(description);
        }
        if let Some(version) = self.version {
            deployment = deployment.version(version);
        }
        if let Some(schedule) = self.schedule {
            deployment = deployment.schedule(Schedule::written(schedule));
        }
        if let Some(limit) = self.global_limit {
            deployment = deployment.concurrency_limit(limit, Collision::Enqueue);
        }
        let mut serve = deployment.serve();
        if let Some(limit) = self.limit {
            serve = serve.limit(limit);
        }
        Ok(if self.pauses { serve } else { serve.without_pause() })
    }
}
