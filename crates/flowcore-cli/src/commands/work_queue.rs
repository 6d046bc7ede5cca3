//! `flowcore work-queue`: the queues of work pools.

use clap::{Args, Subcommand};
use flowcore::client::{Request, path_segment};
use flowcore::model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::filtered;
use super::listing::Listing;
use super::slots::{self, SlotsArguments};
use super::waiting::{self, PreviewArguments};
use super::work_pool;
use crate::arguments::OutputArguments;
use crate::confirm::Confirmation;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Subcommand)]
pub(crate) enum WorkQueueCommand {
    /// Lists work queues.
    Ls(Ls),
    /// Makes a work queue.
    Create(Create),
    /// Shows a work queue.
    Inspect(Inspect),
    /// Lets its runs wait.
    Pause(Which),
    /// Lets its runs be executed again.
    Resume(Which),
    /// Lets so many of its runs be under way at once.
    SetConcurrencyLimit(Limited),
    /// Lets any number of its runs be under way at once.
    ClearConcurrencyLimit(Which),
    /// Lists the runs that are to begin soon.
    Preview(Preview),
    /// Lists the runs that wait in it, whenever they are to begin.
    ReadRuns(ReadRuns),
    /// Shows how much of its limit is taken, and by which runs.
    Slots(Slots),
    /// Deletes a work queue. Its runs and deployments lose their place.
    Delete(Delete),
}

/// Which queue is meant.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The queue: its name, or its id.
    name: String,
    /// The work pool that has it; without it, the pool of queues that were made without one.
    #[arg(long, short, value_name = "NAME")]
    pool: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// The queues of this work pool only.
    #[arg(long, short, value_name = "NAME")]
    pool: Option<String>,
    /// Only queues whose names begin so.
    #[arg(long = "match", short = 'm', value_name = "PREFIX")]
    prefix: Option<String>,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The name.
    name: String,
    /// The work pool to which it belongs; without it, the pool of queues that are made without one.
    #[arg(long, short, value_name = "NAME")]
    pool: Option<String>,
    /// How many of its runs may be under way at once.
    #[arg(long, short, value_name = "N")]
    limit: Option<u32>,
    /// Its place among the queues of the pool: the runs of 1 go first.
    #[arg(long, short = 'q', value_name = "N")]
    priority: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Limited {
    /// The queue: its name, or its id.
    name: String,
    /// How many.
    limit: u32,
    /// The work pool that has it; without it, the pool of queues that were made without one.
    #[arg(long, short, value_name = "NAME")]
    pool: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Preview {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    preview: PreviewArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ReadRuns {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Slots {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    slots: SlotsArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Debug, Deserialize, Serialize)]
struct Queue {
    id: Uuid,
    name: String,
    work_pool_name: Option<String>,
    description: Option<String>,
    priority: u32,
    concurrency_limit: Option<u32>,
    #[serde(default)]
    is_paused: bool,
    status: Option<String>,
    last_polled: Option<Timestamp>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

pub(super) async fn run(command: WorkQueueCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        WorkQueueCommand::Ls(arguments) => ls(&arguments, session).await,
        WorkQueueCommand::Create(arguments) => create(&arguments, session).await,
        WorkQueueCommand::Inspect(Inspect { which, output }) => {
            let queue = which.find(session).await?;
            if output.json() { session.out.json(&queue) } else { show(session.out, &queue) }
        }
        WorkQueueCommand::Pause(which) => change(&which, &json!({"is_paused": true}), "Paused", session).await,
        WorkQueueCommand::Resume(which) => change(&which, &json!({"is_paused": false}), "Resumed", session).await,
        WorkQueueCommand::SetConcurrencyLimit(Limited { name, limit, pool }) => {
            change(&Which { name, pool }, &json!({"concurrency_limit": limit}), "Limited", session).await
        }
        WorkQueueCommand::ClearConcurrencyLimit(which) => {
            change(&which, &json!({"concurrency_limit": null}), "Took the limit off", session).await
        }
        WorkQueueCommand::Preview(Preview { which, preview }) => {
            let filter = which.find(session).await?.runs();
            waiting::print(filter, Some(preview.hours), preview.output, session).await
        }
        WorkQueueCommand::ReadRuns(ReadRuns { which, output }) => {
            let filter = which.find(session).await?.runs();
            waiting::print(filter, None, output, session).await
        }
        WorkQueueCommand::Slots(Slots { which, slots }) => {
            let path = which.find(session).await?.path();
            slots::of_queue(&path, slots, session).await
        }
        WorkQueueCommand::Delete(Delete { which, confirmation }) => {
            let queue = which.find(session).await?;
            confirmation.ask(session.out, || format!("Delete {}?", queue.told()))?;
            session.client.ask(Request::delete(queue.path(), "delete a work queue")).await?.accepted()?;
            session.out.line(format!("Deleted {}.", queue.told()))
        }
    }
}

impl Which {
    async fn find(&self, session: &Session<'_>) -> Result<Queue, Failure> {
        let name = path_segment(&self.name);
        let path = match (self.name.parse::<Uuid>(), &self.pool) {
            (Ok(id), _) => format!("/work_queues/{id}"),
            (Err(_), Some(pool)) => {
                work_pool::must_exist(session, pool).await?;
                format!("/work_pools/{}/queues/{name}", path_segment(pool))
            }
            (Err(_), None) => format!("/work_queues/name/{name}"),
        };
        let found = session.client.ask(Request::get(path, "read a work queue")).await?.read_if_found()?;
        found.ok_or_else(|| {
            let name = one_line(&self.name);
            Failure::new(match &self.pool {
                Some(pool) => {
                    let pool = one_line(pool);
                    format!(
                        "the work pool `{pool}` has no queue `{name}`: list them with `flowcore work-queue ls --pool {pool}`"
                    )
                }
                None => format!(
                    "there is no work queue `{name}` without a work pool: name its pool with --pool; `flowcore work-queue \
                     ls` lists the queues of all pools"
                ),
            })
        })
    }
}

impl Queue {
    /// Where the API has it.
    fn path(&self) -> String {
        format!("/work_queues/{}", self.id)
    }

    /// Names it in a sentence.
    fn told(&self) -> String {
        let name = one_line(&self.name);
        match &self.work_pool_name {
            Some(pool) => format!("the work queue '{name}' of the work pool '{}'", one_line(pool)),
            None => format!("the work queue '{name}'"),
        }
    }

    /// Selects its runs.
    fn runs(&self) -> Value {
        json!({"work_pool_queues": {"id": {"any_": [self.id]}}})
    }

    fn status(&self) -> String {
        if self.is_paused { "PAUSED".to_owned() } else { self.status.clone().unwrap_or_else(|| "-".to_owned()) }
    }
}

async fn change(which: &Which, body: &Value, done: &str, session: &mut Session<'_>) -> Result<(), Failure> {
    let queue = which.find(session).await?;
    session.client.ask(Request::patch(queue.path(), "change a work queue", body)).await?.accepted()?;
    session.out.line(format!("{done} {}.", queue.told()))
}

async fn create(arguments: &Create, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut body = json!({"name": arguments.name});
    if let Some(limit) = arguments.limit {
        body["concurrency_limit"] = json!(limit);
    }
    if let Some(priority) = arguments.priority {
        body["priority"] = json!(priority);
    }
    let path = match &arguments.pool {
        Some(pool) => {
            work_pool::must_exist(session, pool).await?;
            format!("/work_pools/{}/queues", path_segment(pool))
        }
        None => "/work_queues/".to_owned(),
    };
    let answer = session.client.ask(Request::post(path, "make a work queue", &body)).await?;
    if answer.is_conflict() {
        return Err(Failure::new(format!("there is a work queue `{}` already", one_line(&arguments.name))));
    }
    let made: Queue = answer.read()?;
    session.out.line(format!("Made {}.", made.told()))
}

async fn ls(arguments: &Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let path = match &arguments.pool {
        Some(pool) => {
            work_pool::must_exist(session, pool).await?;
            format!("/work_pools/{}/queues/filter", path_segment(pool))
        }
        None => "/work_queues/filter".to_owned(),
    };
    let mut filter = json!({});
    if let Some(prefix) = &arguments.prefix {
        filter["work_queues"] = json!({"name": {"startswith_": [prefix]}});
    }
    let mut queues: Vec<Queue> = filtered::all(session, &path, "list work queues", &filter).await?;
    queues.sort_by(|one, other| (&one.work_pool_name, one.priority).cmp(&(&other.work_pool_name, other.priority)));
    let listing = Listing {
        columns: &[
            Column::Text("NAME"),
            Column::Text("WORK POOL"),
            Column::Whole("PRIORITY"),
            Column::Whole("STATUS"),
            Column::Whole("LIMIT"),
        ],
        row: |_: &Output, queue: &Queue| {
            let dash = || "-".to_owned();
            let limit = queue.concurrency_limit.map_or_else(dash, |limit| limit.to_string());
            let pool = queue.work_pool_name.clone().unwrap_or_else(dash);
            vec![queue.name.clone(), pool, queue.priority.to_string(), queue.status(), limit]
        },
        none: "There are no work queues. `flowcore work-queue create NAME --pool POOL` makes one.".to_owned(),
        more: None,
    };
    listing.print(session.out, arguments.output, &queues)
}

fn show(out: &mut Output, queue: &Queue) -> Result<(), Failure> {
    let mut fields = vec![("Work queue", queue.name.clone()), ("ID", queue.id.to_string())];
    if let Some(pool) = &queue.work_pool_name {
        fields.push(("Work pool", pool.clone()));
    }
    fields.push(("Priority", queue.priority.to_string()));
    fields.push(("Status", queue.status()));
    if let Some(limit) = queue.concurrency_limit {
        fields.push(("Limit", limit.to_string()));
    }
    if let Some(polled) = queue.last_polled {
        fields.push(("Last asked", out.time(polled)));
    }
    if let Some(description) = queue.description.as_deref().filter(|text| !text.is_empty()) {
        fields.push(("Description", one_line(description)));
    }
    out.fields(&fields)
}
