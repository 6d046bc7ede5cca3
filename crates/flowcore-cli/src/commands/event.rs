//! `flowcore event`: what happened.

use clap::{Args, Subcommand};
use flowcore::model::{Event, EventFilter, Page};

use super::listing::Listing;
use crate::arguments::{OrderArguments, OutputArguments};
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::select;
use crate::session::Session;
use crate::time::When;

#[derive(Debug, Subcommand)]
pub(crate) enum EventCommand {
    /// Lists events, newest first: changes of state, and what programs reported.
    Ls(Ls),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only events about this flow run and its task runs: its id, the beginning of it, or its name.
    #[arg(long, value_name = "ID")]
    flow_run: Option<String>,
    /// Only events that occurred at this time or later: 2026-05-01T12:00:00Z, or 2h or 3d for so long ago.
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Only events that occurred before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    #[command(flatten)]
    order: OrderArguments,
    /// How many to show at most.
    #[arg(long, short = 'n', default_value_t = 200, value_name = "N")]
    limit: u32,
    /// How many to skip first.
    #[arg(long, default_value_t = 0, value_name = "N")]
    offset: u32,
    #[command(flatten)]
    output: OutputArguments,
}

pub(super) async fn run(command: EventCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    let EventCommand::Ls(ls) = command;
    let flow_run_id = match &ls.flow_run {
        Some(text) => Some(select::flow_run(&*session.client, text).await?.id),
        None => None,
    };
    let now = session.out.now();
    let filter = EventFilter {
        flow_run_id,
        since: ls.since.map(|when| when.resolve(now)),
        until: ls.until.map(|when| when.resolve(now)),
        order: ls.order.order(),
        // One more than is shown tells whether there are more.
        page: Page { limit: ls.limit.saturating_add(1), offset: ls.offset },
    };
    let mut events = session.client.events(&filter).await?;
    let shown = usize::try_from(ls.limit).unwrap_or(usize::MAX);
    let next = ls.offset.saturating_add(ls.limit);
    let more = (events.len() > shown).then(|| format!("There are more events: continue with --offset {next}."));
    events.truncate(shown);
    let listing = Listing {
        columns: &[Column::Whole("OCCURRED"), Column::Whole("EVENT"), Column::Text("RESOURCE"), Column::Text("DETAIL")],
        row,
        none: "No events were found.".to_owned(),
        more,
    };
    listing.print(session.out, ls.output, &events)
}

fn row(out: &Output, event: &Event) -> Vec<String> {
    vec![out.time(event.occurred), event.event.clone(), subject(event), detail(event)]
}

/// What an event is about: its name if it has one.
fn subject(event: &Event) -> String {
    let labels = &event.resource;
    let label = labels.get("prefect.resource.name").or_else(|| labels.get("prefect.resource.id"));
    label.cloned().unwrap_or_default()
}

fn detail(event: &Event) -> String {
    match &event.payload {
        serde_json::Value::Null => event.resource.get("prefect.state-message").cloned().unwrap_or_default(),
        payload => payload.to_string(),
    }
}
