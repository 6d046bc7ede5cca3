//! `flowcore deployment`: what runs are made of.

mod run;

pub(super) use run::{pairs, parameters};

use clap::{Args, Subcommand};
use flowcore::client::{Request, path_segment};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::listing::{Listing, may_be_more};
use crate::arguments::{LimitArguments, OutputArguments};
use crate::confirm::confirmed;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Subcommand)]
pub(crate) enum DeploymentCommand {
    /// Lists deployments, by name.
    Ls(Ls),
    /// Shows a deployment.
    Inspect(Inspect),
    /// Makes a run of a deployment.
    Run(Box<run::Run>),
    /// Lets its schedules rest.
    Pause(Named),
    /// Lets its schedules make runs again.
    Resume(Named),
    /// Deletes a deployment. Its runs stay.
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only deployments of this flow.
    #[arg(long, value_name = "NAME")]
    flow: Option<String>,
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

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The deployment: FLOW/NAME, or its id.
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The deployment: FLOW/NAME, or its id.
    name: String,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Deserialize, Serialize)]
struct Deployment {
    id: Uuid,
    name: String,
    flow_id: Uuid,
    description: Option<String>,
    entrypoint: Option<String>,
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default)]
    schedules: Vec<Schedule>,
    work_pool_name: Option<String>,
    work_queue_name: Option<String>,
    status: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Schedule {
    active: bool,
    schedule: Map<String, Value>,
    #[serde(flatten)]
    rest: Map<String, Value>,
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

pub(super) async fn run(command: DeploymentCommand, session: &mut Session<'_>) -> Result<u8, Failure> {
    match command {
        DeploymentCommand::Ls(arguments) => ls(arguments, session).await?,
        DeploymentCommand::Inspect(Inspect { name, output }) => {
            let found = find(session, &name).await?;
            if output.json() { session.out.json(&found)? } else { show(session.out, &name, &found)? }
        }
        DeploymentCommand::Run(arguments) => return run::run(*arguments, session).await,
        DeploymentCommand::Pause(Named { name }) => rest(session, &name, "pause", "Paused").await?,
        DeploymentCommand::Resume(Named { name }) => rest(session, &name, "resume", "Resumed").await?,
        DeploymentCommand::Delete(Delete { name, yes }) => {
            let found = find(session, &name).await?;
            if yes || confirmed("a deployment", || format!("Delete the deployment '{}'?", one_line(&name)))? {
                let request = Request::delete(format!("/deployments/{}", found.id), "delete a deployment");
                session.client.ask(request).await?.accepted()?;
                session.out.line(format!("Deleted the deployment '{}'.", one_line(&name)))?;
            }
        }
    }
    Ok(0)
}

/// Finds a deployment by the name of its flow and its own, or by its id.
async fn find(session: &Session<'_>, name: &str) -> Result<Deployment, Failure> {
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

async fn ls(arguments: Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut filter = json!({"limit": arguments.limit.rows().min(200), "sort": "NAME_ASC"});
    if let Some(flow) = &arguments.flow {
        filter["flows"] = json!({"name": {"any_": [flow]}});
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
            let schedules: Vec<String> = deployment.schedules.iter().map(told).collect();
            let pool = deployment.work_pool_name.clone().unwrap_or_else(|| "-".to_owned());
            vec![format!("{flow_name}/{}", deployment.name), schedules.join("; "), pool, status(deployment)]
        },
        none: "No deployments were found. `flowcore deploy` makes one of a program's flow.".to_owned(),
        more: may_be_more(session.out, listed.len(), arguments.limit.rows(), "first"),
    };
    listing.print(session.out, arguments.output, &listed)
}

fn status(deployment: &Deployment) -> String {
    if deployment.paused { "PAUSED".to_owned() } else { deployment.status.clone().unwrap_or_else(|| "-".to_owned()) }
}

/// Writes when a schedule is due.
fn told(Schedule { active, schedule, .. }: &Schedule) -> String {
    let text = |name: &str| schedule.get(name).and_then(Value::as_str);
    let when = match (text("cron"), text("rrule"), schedule.get("interval").and_then(Value::as_f64)) {
        (Some(cron), _, _) => cron.to_owned(),
        (_, Some(rule), _) => rule.to_owned(),
        (_, _, Some(seconds)) => format!("every {seconds} s"),
        _ => Value::Object(schedule.clone()).to_string(),
    };
    let zone = text("timezone").filter(|zone| *zone != "UTC").map(|zone| format!(" ({zone})")).unwrap_or_default();
    let rests = if *active { "" } else { ", inactive" };
    format!("{when}{zone}{rests}")
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
    say("Schedules", Some(deployment.schedules.iter().map(told).collect::<Vec<_>>().join("; ")));
    if !deployment.parameters.is_empty() {
        say("Parameters", Some(Value::Object(deployment.parameters.clone()).to_string()));
    }
    out.fields(&fields)
}

async fn rest(session: &mut Session<'_>, name: &str, verb: &str, done: &str) -> Result<(), Failure> {
    let found = find(session, name).await?;
    let path = format!("/deployments/{}/{verb}_deployment", found.id);
    let request = Request::post(path, format!("{verb} a deployment"), &json!({}));
    session.client.ask(request).await?.accepted()?;
    session.out.line(format!("{done} the deployment '{}'.", one_line(name)))
}
