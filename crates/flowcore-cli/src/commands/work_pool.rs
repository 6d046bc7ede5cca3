//! `flowcore work-pool`: the pools that workers take runs from.

pub(super) mod template;

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use flowcore::client::{Request, path_segment};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::config;
use super::listing::Listing;
use super::slots::{self, SlotsArguments};
use super::waiting::{self, PreviewArguments};
use crate::arguments::OutputArguments;
use crate::confirm::Confirmation;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Subcommand)]
pub(crate) enum WorkPoolCommand {
    /// Lists work pools, by name.
    Ls(Ls),
    /// Makes a work pool.
    Create(Create),
    /// Shows a work pool.
    Inspect(Inspect),
    /// Changes a work pool.
    Update(Update),
    /// Lists the runs that are to begin soon.
    Preview(Preview),
    /// Shows how much of its limits is taken, and by which runs.
    Slots(Slots),
    /// Lets its runs wait.
    Pause(Named),
    /// Lets its runs be executed again.
    Resume(Named),
    /// Lets so many of its runs be under way at once.
    SetConcurrencyLimit(Limited),
    /// Lets any number of its runs be under way at once.
    ClearConcurrencyLimit(Named),
    /// Prints the job template that pools of a type begin with.
    GetDefaultBaseJobTemplate(template::DefaultTemplate),
    /// Deletes a work pool with its queues. Deployments lose their place.
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Show descriptions and base job templates too.
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The name.
    name: String,
    /// What its workers start for a run.
    #[arg(long = "type", short = 't', default_value = "process", value_name = "TYPE")]
    kind: String,
    /// What it is for.
    #[arg(long)]
    description: Option<String>,
    /// Make it paused.
    #[arg(long)]
    paused: bool,
    /// Change the pool if there is one of the name.
    #[arg(long)]
    overwrite: bool,
    /// A file with the base job template, as JSON.
    #[arg(long, value_name = "FILE")]
    base_job_template: Option<PathBuf>,
    /// Let deployments that name no pool be of this one: sets deployments.default_work_pool_name in the profile that counts.
    #[arg(long)]
    set_as_default: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(
    ["base_job_template", "concurrency_limit", "description"],
))]
pub(crate) struct Update {
    /// The name.
    name: String,
    /// A file with the base job template, as JSON.
    #[arg(long, value_name = "FILE")]
    base_job_template: Option<PathBuf>,
    /// How many of its runs may be under way at once.
    #[arg(long, value_name = "N")]
    concurrency_limit: Option<u32>,
    /// What it is for.
    #[arg(long)]
    description: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// The name; without it, of all pools.
    name: Option<String>,
    #[command(flatten)]
    preview: PreviewArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Slots {
    /// The name.
    name: String,
    #[command(flatten)]
    slots: SlotsArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The name.
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Limited {
    /// The name.
    name: String,
    /// How many.
    limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The name.
    name: String,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The name.
    name: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Debug, Deserialize, Serialize)]
struct Pool {
    id: Uuid,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    description: Option<String>,
    is_paused: bool,
    concurrency_limit: Option<u32>,
    status: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

pub(super) async fn run(command: WorkPoolCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        WorkPoolCommand::Ls(arguments) => ls(&arguments, session).await,
        WorkPoolCommand::Create(create) => make(create, session).await,
        WorkPoolCommand::Inspect(Inspect { name, output }) => {
            let pool = find(session, &name).await?;
            if output.json() { session.out.json(&pool) } else { show(session.out, &pool) }
        }
        WorkPoolCommand::Pause(Named { name }) => change(session, &name, &json!({"is_paused": true}), "Paused").await,
        WorkPoolCommand::Resume(Named { name }) => {
            change(session, &name, &json!({"is_paused": false}), "Resumed").await
        }
        WorkPoolCommand::SetConcurrencyLimit(Limited { name, limit }) => {
            change(session, &name, &json!({"concurrency_limit": limit}), "Limited").await
        }
        WorkPoolCommand::ClearConcurrencyLimit(Named { name }) => {
            change(session, &name, &json!({"concurrency_limit": null}), "Took the limit off").await
        }
        WorkPoolCommand::Update(update) => change_by(update, session).await,
        WorkPoolCommand::Preview(Preview { name, preview }) => {
            let mut filter = json!({});
            if let Some(name) = &name {
                find(session, name).await?;
                filter["work_pools"] = json!({"name": {"any_": [name]}});
            }
            waiting::print(filter, Some(preview.hours), preview.output, session).await
        }
        WorkPoolCommand::Slots(Slots { name, slots }) => {
            find(session, &name).await?;
            slots::of_pool(&path(&name), slots, session).await
        }
        WorkPoolCommand::GetDefaultBaseJobTemplate(arguments) => template::print(&arguments, session).await,
        WorkPoolCommand::Delete(Delete { name, confirmation }) => {
            find(session, &name).await?;
            confirmation.ask(session.out, || format!("Delete the work pool '{}'?", one_line(&name)))?;
            let request = Request::delete(path(&name), "delete a work pool");
            session.client.ask(request).await?.accepted()?;
            session.out.line(format!("Deleted the work pool '{}'.", one_line(&name)))
        }
    }
}

fn path(name: &str) -> String {
    format!("/work_pools/{}", path_segment(name))
}

/// Refuses the name of a pool that there is not.
pub(super) async fn must_exist(session: &Session<'_>, name: &str) -> Result<(), Failure> {
    if session.client.ask(Request::get(path(name), "read a work pool")).await?.found() {
        return Ok(());
    }
    let name = one_line(name);
    Err(Failure::new(format!("there is no work pool `{name}`: make it with `flowcore work-pool create {name}`")))
}

async fn find(session: &Session<'_>, name: &str) -> Result<Pool, Failure> {
    let found = session.client.ask(Request::get(path(name), "read a work pool")).await?.read_if_found()?;
    found.ok_or_else(|| {
        Failure::new(format!("there is no work pool `{}`: list them with `flowcore work-pool ls`", one_line(name)))
    })
}

async fn ls(arguments: &Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let request = Request::post("/work_pools/filter", "list work pools", &json!({"limit": 200}));
    let pools: Vec<Pool> = session.client.ask(request).await?.read()?;
    let columns = if arguments.verbose { COLUMNS } else { &COLUMNS[..BRIEF] };
    let listing = Listing {
        columns,
        row: if arguments.verbose { verbose_row } else { row },
        none: "There are no work pools. `flowcore work-pool create NAME` makes one.".to_owned(),
        more: None,
    };
    listing.print(session.out, arguments.output, &pools)
}

/// How many of the columns there are without `--verbose`.
const BRIEF: usize = 4;

const COLUMNS: &[Column<'_>] = &[
    Column::Text("NAME"),
    Column::Text("TYPE"),
    Column::Whole("STATUS"),
    Column::Whole("LIMIT"),
    Column::Whole("ID"),
    Column::Text("DESCRIPTION"),
    Column::Text("BASE JOB TEMPLATE"),
];

fn row(_: &Output, pool: &Pool) -> Vec<String> {
    let limit = pool.concurrency_limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
    vec![pool.name.clone(), pool.kind.clone(), status(pool), limit]
}

fn verbose_row(out: &Output, pool: &Pool) -> Vec<String> {
    let mut row = row(out, pool);
    let template = pool.rest.get("base_job_template").map_or_else(|| "-".to_owned(), Value::to_string);
    row.extend([pool.id.to_string(), pool.description.clone().unwrap_or_else(|| "-".to_owned()), template]);
    row
}

fn status(pool: &Pool) -> String {
    if pool.is_paused { "PAUSED".to_owned() } else { pool.status.clone().unwrap_or_else(|| "-".to_owned()) }
}

fn show(out: &mut Output, pool: &Pool) -> Result<(), Failure> {
    let mut fields = vec![("Work pool", pool.name.clone()), ("ID", pool.id.to_string()), ("Type", pool.kind.clone())];
    fields.push(("Status", status(pool)));
    if let Some(limit) = pool.concurrency_limit {
        fields.push(("Limit", limit.to_string()));
    }
    if let Some(description) = pool.description.as_deref().filter(|text| !text.is_empty()) {
        fields.push(("Description", one_line(description)));
    }
    out.fields(&fields)
}

async fn make(create: Create, session: &mut Session<'_>) -> Result<(), Failure> {
    let Create { name, kind, description, paused, overwrite, base_job_template, set_as_default } = create;
    let mut body = json!({"name": name, "type": kind, "is_paused": paused});
    if let Some(description) = description {
        body["description"] = json!(description);
    }
    if let Some(file) = base_job_template {
        body["base_job_template"] = template::read(&file)?;
    }
    let answer = session.client.ask(Request::post("/work_pools/", "make a work pool", &body)).await?;
    if answer.is_conflict() && overwrite {
        let fields = body.as_object_mut().map(|body| {
            body.retain(|field, _| field != "name" && field != "type");
            body.clone()
        });
        change(session, &name, &json!(fields), "Changed").await?;
    } else if answer.is_conflict() {
        let name = one_line(&name);
        return Err(Failure::new(format!("there is a work pool `{name}` already: change it with --overwrite")));
    } else {
        answer.accepted()?;
        session.out.line(format!("Made the work pool '{}'.", one_line(&name)))?;
    }
    if set_as_default {
        let profile = session.settings.profile.clone();
        config::keep("deployments.default_work_pool_name", &name, profile.as_deref(), session.out)?;
    }
    Ok(())
}

async fn change_by(update: Update, session: &mut Session<'_>) -> Result<(), Failure> {
    let Update { name, base_job_template, concurrency_limit, description } = update;
    let mut body = Map::new();
    if let Some(file) = base_job_template {
        body.insert("base_job_template".to_owned(), template::read(&file)?);
    }
    body.extend(concurrency_limit.map(|limit| ("concurrency_limit".to_owned(), json!(limit))));
    body.extend(description.map(|description| ("description".to_owned(), json!(description))));
    change(session, &name, &Value::Object(body), "Changed").await
}

async fn change(session: &mut Session<'_>, name: &str, body: &Value, done: &str) -> Result<(), Failure> {
    find(session, name).await?;
    session.client.ask(Request::patch(path(name), "change a work pool", body)).await?.accepted()?;
    session.out.line(format!("{done} the work pool '{}'.", one_line(name)))
}
