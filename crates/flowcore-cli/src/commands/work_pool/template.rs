//! Base job templates: reading them, and those that pools begin with.

use std::path::{Path, PathBuf};

use clap::Args;
use flowcore::client::Request;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Args)]
pub(crate) struct DefaultTemplate {
    /// The type of pools.
    #[arg(long = "type", short = 't', default_value = "process", value_name = "TYPE")]
    kind: String,
    /// Write it into this file.
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Reads a template from a file.
pub(in crate::commands) fn read(file: &Path) -> Result<Value, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::new(format!("{} cannot be used: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}

pub(super) async fn print(arguments: &DefaultTemplate, session: &mut Session<'_>) -> Result<(), Failure> {
    let request = Request::get("/collections/views/aggregate-worker-metadata", "list the types of work pools");
    // By the collections that workers come from, then by their types.
    let collections: Map<String, Value> = session.client.ask(request).await?.read()?;
    let kinds: Vec<&Map<String, Value>> = collections.values().filter_map(Value::as_object).collect();
    let Some(kind) = kinds.iter().find_map(|kinds| kinds.get(&arguments.kind)) else {
        let mut known: Vec<&str> = kinds.iter().flat_map(|kinds| kinds.keys().map(String::as_str)).collect();
        known.sort_unstable();
        let (kind, known) = (one_line(&arguments.kind), known.join(", "));
        return Err(Failure::new(format!("the server knows no work pools of the type `{kind}`; it knows: {known}")));
    };
    let template = &kind["default_base_job_configuration"];
    let Some(file) = &arguments.file else { return session.out.json(template) };
    let written = |error| Failure::new(format!("{} cannot be written: {error}", file.display()));
    std::fs::write(file, format!("{template:#}\n")).map_err(written)?;
    session.out.line(format!("Wrote the base job template to {}.", file.display()))
}
