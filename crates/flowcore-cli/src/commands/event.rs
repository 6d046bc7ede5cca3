//! `flowcore event`: what happened.

use clap::{Args, Subcommand};
use flowcore::model::{Event, EventFilter, Page};

use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::output::note;
use crate::select;
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum EventCommand {
    /// Lists events, oldest first: changes of state, and what programs reported.
    Ls(Ls),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only events about this flow run and its task runs: its id, the beginning of it, or its name.
    #[arg(long, value_name = "ID")]
    flow_run: Option<String>,
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
    // One more than is shown tells whether there are more.
    let page = Page { limit: ls.limit.saturating_add(1), offset: ls.offset };
    let mut events = session.client.events(&EventFilter { flow_run_id, page, ..EventFilter::default() }).await?;
    let shown = usize::try_from(ls.limit).unwrap_or(usize::MAX);
    let more = events.len() > shown;
    events.truncate(shown);
    if ls.output.json() {
        session.out.json(&events)?;
    } else {
        let rows: Vec<Vec<String>> = events
            .iter()
            .map(|event| vec![session.out.time(event.occurred), event.event.clone(), subject(event), detail(event)])
            .collect();
        session.out.table(&["OCCURRED", "EVENT", "RESOURCE", "DETAIL"], &rows)?;
    }
    if events.is_empty() {
        note("No events were found.");
    } else if more {
        let next = ls.offset.saturating_add(ls.limit);
        note(&format!("There are more events: continue with --offset {next}."));
    }
    Ok(())
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
