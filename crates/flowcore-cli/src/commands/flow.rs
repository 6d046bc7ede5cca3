//! `flowcore flow`: the definitions that runs belong to.

use clap::{Args, Subcommand};
use flowcore::model::FlowFilter;

use crate::arguments::{LimitArguments, OutputArguments};
use crate::failure::Failure;
use crate::output::note;
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum FlowCommand {
    /// Lists flows, by name.
    Ls(Ls),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only flows whose name contains this.
    #[arg(long, value_name = "TEXT")]
    name_like: Option<String>,
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    output: OutputArguments,
}

pub(super) async fn run(command: FlowCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    let FlowCommand::Ls(Ls { name_like, limit, output }) = command;
    let flows = session.client.flows(&FlowFilter { name_like, page: limit.page() }).await?;
    if output.json() {
        return session.out.json(&flows);
    }
    let rows: Vec<Vec<String>> = flows
        .iter()
        .map(|flow| vec![flow.id.to_string(), flow.name.clone(), flow.tags.join(", "), session.out.time(flow.created)])
        .collect();
    if rows.is_empty() {
        note("No flows were found.");
    }
    session.out.table(&["ID", "NAME", "TAGS", "CREATED"], &rows)
}
