//! `flowcore concurrency-limit`: limits of the task runs with a tag, as the server keeps them for Prefect's clients.
//!
//! They are those that `flowcore concurrency` knows under the name `tag:TAG`.

use clap::{Args, Subcommand};
use flowcore::client::{Request, path_segment};
use flowcore::model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::listing::{Listing, may_be_more};
use crate::arguments::{LimitArguments, OutputArguments};
use crate::confirm::Confirmation;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Subcommand)]
pub(crate) enum ConcurrencyLimitCommand {
    /// Limits how many task runs with a tag run at once, or changes that.
    Create(Create),
    /// Shows the limit of a tag, and the task runs that have its slots.
    Inspect(Inspect),
    /// Lists the limits of tags.
    Ls(Ls),
    /// Takes all slots of a tag's limit back.
    Reset(Tag),
    /// Deletes the limit of a tag.
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The tag.
    tag: String,
    /// How many task runs with it may run at once.
    #[arg(value_name = "LIMIT")]
    limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Tag {
    /// The tag.
    tag: String,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The tag.
    tag: String,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    #[command(flatten)]
    limit: LimitArguments,
    /// How many to pass over.
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    offset: u32,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The tag.
    tag: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Debug, Deserialize, Serialize)]
struct TagLimit {
    id: Uuid,
    tag: String,
    concurrency_limit: u32,
    active_slots: Vec<Uuid>,
    created: Option<Timestamp>,
    updated: Option<Timestamp>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

pub(super) async fn run(command: ConcurrencyLimitCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        ConcurrencyLimitCommand::Create(Create { tag, limit }) => {
            let body = json!({"tag": tag, "concurrency_limit": limit});
            let request = Request::post("/concurrency_limits/", "limit a tag", &body);
            session.client.ask(request).await?.accepted()?;
            session.out.line(format!("The tag '{}' has a limit of {limit} now.", one_line(&tag)))
        }
        ConcurrencyLimitCommand::Inspect(Inspect { tag, output }) => {
            let limit = find(session, &tag).await?;
            if output.json() { session.out.json(&limit) } else { show(session.out, &limit) }
        }
        ConcurrencyLimitCommand::Ls(arguments) => ls(&arguments, session).await,
        ConcurrencyLimitCommand::Reset(Tag { tag }) => {
            find(session, &tag).await?;
            let request = Request::post(format!("{}/reset", path(&tag)), "reset the limit of a tag", &json!({}));
            session.client.ask(request).await?.accepted()?;
            session.out.line(format!("All slots of the tag '{}' are free.", one_line(&tag)))
        }
        ConcurrencyLimitCommand::Delete(Delete { tag, confirmation }) => {
            find(session, &tag).await?;
            confirmation.ask(session.out, || format!("Delete the limit of the tag '{}'?", one_line(&tag)))?;
            session.client.ask(Request::delete(path(&tag), "delete the limit of a tag")).await?.accepted()?;
            session.out.line(format!("Deleted the limit of the tag '{}'.", one_line(&tag)))
        }
    }
}

fn path(tag: &str) -> String {
    format!("/concurrency_limits/tag/{}", path_segment(tag))
}

async fn find(session: &Session<'_>, tag: &str) -> Result<TagLimit, Failure> {
    let found = session.client.ask(Request::get(path(tag), "read the limit of a tag")).await?.read_if_found()?;
    found.ok_or_else(|| {
        let tag = one_line(tag);
        Failure::new(format!("the tag `{tag}` has no limit: list those that have with `flowcore concurrency-limit ls`"))
    })
}

async fn ls(arguments: &Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let rows = arguments.limit.rows();
    let body = json!({"limit": rows, "offset": arguments.offset});
    let request = Request::post("/concurrency_limits/filter", "list the limits of tags", &body);
    let limits: Vec<TagLimit> = session.client.ask(request).await?.read()?;
    let listing = Listing {
        columns: &[Column::Text("TAG"), Column::Whole("ID"), Column::Whole("LIMIT"), Column::Whole("TASK RUNS")],
        row: |_: &Output, limit: &TagLimit| {
            let (slots, taken) = (limit.concurrency_limit.to_string(), limit.active_slots.len().to_string());
            vec![limit.tag.clone(), limit.id.to_string(), slots, taken]
        },
        none: "No tag has a limit. `flowcore concurrency-limit create TAG LIMIT` makes one.".to_owned(),
        more: may_be_more(session.out, limits.len(), rows, "first"),
    };
    listing.print(session.out, arguments.output, &limits)
}

fn show(out: &mut Output, limit: &TagLimit) -> Result<(), Failure> {
    let mut fields = vec![("Tag", one_line(&limit.tag)), ("ID", limit.id.to_string())];
    fields.push(("Limit", limit.concurrency_limit.to_string()));
    fields.push(("Created", out.time_or_dash(limit.created)));
    fields.push(("Updated", out.time_or_dash(limit.updated)));
    out.fields(&fields)?;
    if limit.active_slots.is_empty() {
        return Ok(());
    }
    out.heading("Taken by the task runs")?;
    let mut ids: Vec<Uuid> = limit.active_slots.clone();
    ids.sort_unstable();
    ids.iter().try_for_each(|id| out.line(format!("  {id}")))
}
