//! `flowcore config`: the settings.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::load_settings;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Shows every setting with its value. Passwords and secrets are not shown.
    View(View),
}

#[derive(Debug, Args)]
pub(crate) struct View {
    /// Also show where each value came from.
    #[arg(long)]
    show_sources: bool,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    value: String,
    source: String,
}

pub(super) fn run(command: &ConfigCommand, out: &mut Output) -> Result<(), Failure> {
    let ConfigCommand::View(view) = command;
    let entries = load_settings()?.entries().into_iter();
    let rows: Vec<Row> =
        entries.map(|entry| Row { name: entry.name, value: entry.value, source: entry.source.to_string() }).collect();
    if view.output.json() {
        return out.json(&rows);
    }
    for Row { name, value, source } in rows {
        let source = if view.show_sources { format!(" (from {source})") } else { String::new() };
        out.line(format!("{name}='{value}'{source}"))?;
    }
    Ok(())
}
