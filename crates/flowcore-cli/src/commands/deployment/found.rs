//! Deployments as the server tells of them, and finding the one that is meant.

use clap::Args;
use flowcore::client::{Request, path_segment};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::commands::filtered;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::one_line;

/// Which deployment is meant.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The deployment: FLOW/NAME, or its id.
    #[arg(required_unless_present = "id")]
    pub(super) name: Option<String>,
    /// The deployment's id.
    #[arg(long, value_name = "ID", conflicts_with = "name")]
    pub(super) id: Option<Uuid>,
}

impl Which {
    /// Gives what was written on the command line.
    pub(super) fn text(&self) -> String {
        self.id.map(|id| id.to_string()).or_else(|| self.name.clone()).unwrap_or_default()
    }

    /// Finds it.
    pub(super) async fn find(&self, session: &Session<'_>) -> Result<Deployment, Failure> {
        find(session, &self.text()).await
    }
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Deployment {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) flow_id: Uuid,
    pub(super) description: Option<String>,
    pub(super) entrypoint: Option<String>,
    #[serde(default)]
    pub(super) paused: bool,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    #[serde(default)]
    pub(super) parameters: Map<String, Value>,
    #[serde(default)]
    pub(super) schedules: Vec<Schedule>,
    pub(super) work_pool_name: Option<String>,
    pub(super) work_queue_name: Option<String>,
    pub(super) status: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Schedule {
    pub(super) id: Uuid,
    pub(super) active: bool,
    schedule: Map<String, Value>,
    pub(super) slug: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Schedule {
    /// Writes when it is due.
    pub(super) fn due(&self) -> String {
        let text = |name: &str| self.schedule.get(name).and_then(Value::as_str);
        let when = match (text("cron"), text("rrule"), self.schedule.get("interval").and_then(Value::as_f64)) {
            (Some(cron), _, _) => cron.to_owned(),
            (_, Some(rule), _) => rule.to_owned(),
            (_, _, Some(seconds)) => format!("every {seconds} s"),
            _ => Value::Object(self.schedule.clone()).to_string(),
        };
        let zone = text("timezone").filter(|zone| *zone != "UTC").map(|zone| format!(" ({zone})")).unwrap_or_default();
        format!("{when}{zone}")
    }

    /// Writes when it is due, and whether it rests.
    pub(super) fn told(&self) -> String {
        format!("{}{}", self.due(), if self.active { "" } else { ", inactive" })
    }
}

/// Finds a deployment by the name of its flow and its own, or by its id.
pub(super) async fn find(session: &Session<'_>, name: &str) -> Result<Deployment, Failure> {
    let path = match (name.parse::<Uuid>(), name.split_once('/')) {
        (Ok(id), _) => format!("/deployments/{id}"),
        (Err(_), Some((flow, name))) => format!("/deployments/name/{}/{}", path_segment(flow), path_segment(name)),
        (Err(_), None) => {
            let name = one_line(name);
            return Err(Failure::Usage(format!("`{name}` names no deployment: write FLOW/NAME, or its id")));
        }
    };
    let found = session.client.ask(Request::get(path, "read a deployment")).await?.read_if_found()?;
    found.ok_or_else(|| {
        Failure::new(format!("there is no deployment `{}`: list them with `flowcore deployment ls`", one_line(name)))
    })
}

/// Lists all deployments.
pub(super) async fn all(session: &Session<'_>) -> Result<Vec<Deployment>, Failure> {
    filtered::all(session, "/deployments/filter", "list deployments", &json!({"sort": "NAME_ASC"})).await
}
