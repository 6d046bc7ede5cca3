//! `flowcore deployment ls` and `inspect`.

use clap::Args;
use flowcore::client::Request;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::found::{Deployment, Schedule, find};
use crate::arguments::{LimitArguments, OutputArguments};
use crate::commands::listing::{Listing, may_be_more};
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only deployments of these flows.
    #[arg(value_name = "FLOW")]
    of: Vec<String>,
    /// Only deployments of this flow. May be given several times.
    #[arg(long = "flow", alias = "flow-name", value_name = "NAME")]
    flows: Vec<String>,
    /// The newest first, instead of by name.
    #[arg(long)]
    by_created: bool,
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The deployment: FLOW/NAME, or its id.
    name: String,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Deserialize)]
struct Flow {
    id: Uuid,
    name: String,
}

/// A deployment with the name of its flow.
#[derive(Serialize)]
struct Listed {
    flow_name: String,
    #[serde(flatten)]
    deployment: Deployment,
}

pub(super) async fn ls(arguments: Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let sort = if arguments.by_created { "CREATED_DESC" } else { "NAME_ASC" };
    let mut filter = json!({"limit": arguments.limit.rows().min(200), "sort": sort});
    let flows = [arguments.of, arguments.flows].concat();
    if !flows.is_empty() {
        filter["flows"] = json!({"name": {"any_": flows}});
    }
    let request = Request::post("/deployments/filter", "list deployments", &filter);
    let found: Vec<Deployment> = session.client.ask(request).await?.read()?;
    let ids: Vec<Uuid> = found.iter().map(|deployment| deployment.flow_id).collect();
    let filter = json!({"flows": {"id": {"any_": ids}}, "limit": 200});
    let flows: Vec<Flow> = session.client.ask(Request::post("/flows/filter", "list flows", &filter)).await?.read()?;
    let named = |id: Uuid| flows.iter().find(|flow| flow.id == id).map(|flow| flow.name.clone()).unwrap_or_default();
    let listed = found.into_iter().map(|deployment| Listed { flow_name: named(deployment.flow_id), deployment });
    let listed: Vec<Listed> = listed.collect();
    let listing = Listing {
        columns: &[Column::Text("NAME"), Column::Text("SCHEDULES"), Column::Text("WORK POOL"), Column::Whole("STATUS")],
        row: |_: &Output, Listed { flow_name, deployment }: &Listed| {
            let pool = deployment.work_pool_name.clone().unwrap_or_else(|| "-".to_owned());
            vec![format!("{flow_name}/{}", deployment.name), schedules(deployment), pool, status(deployment)]
        },
        none: "No deployments were found. `flowcore deploy` makes one of a program's flow.".to_owned(),
        more: may_be_more(session.out, listed.len(), arguments.limit.rows(), "first"),
    };
    listing.print(session.out, arguments.output, &listed)
}

pub(super) async fn inspect(arguments: &Inspect, session: &mut Session<'_>) -> Result<(), Failure> {
    let found = find(session, &arguments.name).await?;
    if arguments.output.json() {
        return session.out.json(&found);
    }
    show(session.out, &arguments.name, &found)
}

fn status(deployment: &Deployment) -> String {
    if deployment.paused { "PAUSED".to_owned() } else { deployment.status.clone().unwrap_or_else(|| "-".to_owned()) }
}

fn schedules(deployment: &Deployment) -> String {
    deployment.schedules.iter().map(Schedule::told).collect::<Vec<_>>().join("; ")
}

fn show(out: &mut Output, name: &str, deployment: &Deployment) -> Result<(), Failure> {
    let mut fields =
        vec![("Deployment", one_line(name)), ("ID", deployment.id.to_string()), ("Status", status(deployment))];
    let mut say = |name: &'static str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            fields.push((name, one_line(&value)));
        }
    };
    say("Description", deployment.description.clone());
    say("Entrypoint", deployment.entrypoint.clone());
    say("Work pool", deployment.work_pool_name.clone());
    say("Work queue", deployment.work_queue_name.clone());
    say("Tags", Some(deployment.tags.join(", ")));
    say("Schedules", Some(schedules(deployment)));
    if !deployment.parameters.is_empty() {
        say("Parameters", Some(Value::Object(deployment.parameters.clone()).to_string()));
    }
    out.fields(&fields)
}
