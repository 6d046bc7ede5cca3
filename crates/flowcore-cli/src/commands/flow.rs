//! `flowcore flow`: the definitions that runs belong to.

mod serve;

pub(crate) use serve::Serve;

use clap::{Args, Subcommand};
use flowcore::model::{Flow, FlowFilter};

use super::listing::{Listing, may_be_more};
use crate::arguments::{LimitArguments, OutputArguments};
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum FlowCommand {
    /// Lists flows, by name.
    Ls(Ls),
    /// Serves a flow of a program: has a deployment made of it, and executes its runs until Ctrl-C or SIGTERM.
    ///
    /// The program takes this command's place. It needs `#[flowcore::main]`, or a call of `flowcore::init`.
    Serve(Box<Serve>),
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
    let Ls { name_like, limit, output } = match command {
        FlowCommand::Ls(arguments) => arguments,
        FlowCommand::Serve(arguments) => return serve::run(&arguments, session).await,
    };
    let flows = session.client.flows(&FlowFilter { name_like, page: limit.page() }).await?;
    let listing = Listing {
        columns: &[Column::Whole("ID"), Column::Text("NAME"), Column::Text("TAGS"), Column::Whole("CREATED")],
        row,
        none: "No flows were found.".to_owned(),
        more: may_be_more(session.out, flows.len(), limit.rows(), "first"),
    };
    listing.print(session.out, output, &flows)
}

fn row(out: &Output, flow: &Flow) -> Vec<String> {
    vec![flow.id.to_string(), flow.name.clone(), flow.tags.join(", "), out.time(flow.created)]
}
