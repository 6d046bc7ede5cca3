//! `flowcore server services`: what the server does unasked, and doing it apart from the server.

use clap::{Args, Subcommand};
use flowcore::model::LogLevel;
use flowcore::settings::{Settings, redact_url};
use flowcore_server::{Server, services};

use super::start::told_to_end;
use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::log;
use crate::output::{Column, Output, note};

#[derive(Debug, Subcommand)]
pub(crate) enum ServicesCommand {
    /// Lists what the server does unasked, and how each is switched off.
    #[command(alias = "list")]
    Ls(OutputArguments),
    /// Does what the server does unasked until it is told to end, and answers nobody.
    ///
    /// It works on the database that the setting database.url names, beside servers that were started with --no-services, or with others that do
    /// the same: each thing is done once. With SQLite all of them have to be on one machine.
    Start(StartArguments),
}

#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    /// The least grave log lines that are written, from TRACE to ERROR; the setting logging.level counts where none is said.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<LogLevel>,
}

pub(super) async fn run(command: ServicesCommand, settings: &Settings, out: &mut Output) -> Result<(), Failure> {
    match command {
        ServicesCommand::Ls(arguments) => list(arguments, settings, out),
        ServicesCommand::Start(arguments) => start(&arguments, settings, out).await,
    }
}

fn list(arguments: OutputArguments, settings: &Settings, out: &mut Output) -> Result<(), Failure> {
    let services = services(&settings.server.services);
    if arguments.json() {
        return out.json(&services);
    }
    let rows: Vec<Vec<String>> = services
        .into_iter()
        .map(|service| {
            let enabled = if service.enabled { "yes" } else { "no" };
            vec![service.name.to_owned(), enabled.to_owned(), service.off.to_owned(), service.description.to_owned()]
        })
        .collect();
    let columns = [
        Column::Whole("NAME"),
        Column::Whole("ENABLED"),
        Column::Whole("SWITCHED OFF BY"),
        Column::Text("WHAT IT DOES"),
    ];
    out.table(&columns, &rows)
}

async fn start(arguments: &StartArguments, settings: &Settings, out: &mut Output) -> Result<(), Failure> {
    let enabled: Vec<&str> = services(&settings.server.services)
        .into_iter()
        .filter_map(|service| service.enabled.then_some(service.name))
        .collect();
    if enabled.is_empty() {
        return Err(Failure::new("all services are switched off: `flowcore server services ls` says by what"));
    }
    log::begin(arguments.log_level.unwrap_or(settings.log_level), settings.server.log_format);
    let server = Server::open(&settings.store_url())
        .await
        .map_err(|error| Failure::new(format!("{error}; the database is what the setting database.url names")))?;
    let end = told_to_end();
    out.line(format!("Services on {}: {}", redact_url(&settings.database_url), enabled.join(", ")))?;
    out.flush()?;
    let server = server.with_settings(settings);
    server.serve_unasked(end).await.map_err(|error| Failure::new(error.to_string()))?;
    note("The services have ended.");
    Ok(())
}
