//! `flowcore event emit`.

use clap::Args;
use flowcore::clock::SystemClock;
use flowcore::model::{RESOURCE_ID, Resource};
use serde_json::{Map, Value};

use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Args)]
pub(crate) struct Emit {
    /// What happened, such as order.received.
    event: String,
    /// What it happened to: the id of a resource, such as shop.order.17.
    #[arg(long, value_name = "ID")]
    resource_id: Option<String>,
    /// A label of what it happened to, or several as a JSON object. May be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = labels)]
    resource: Vec<Resource>,
    /// What else it concerns, as a JSON object of labels: {"prefect.resource.id": "..", "prefect.resource.role": ".."}. May
    /// be given several times.
    #[arg(long, value_name = "JSON", value_parser = object)]
    related: Vec<Resource>,
    /// Anything more, as a JSON object.
    #[arg(long, value_name = "JSON", value_parser = payload)]
    payload: Option<Map<String, Value>>,
    #[command(flatten)]
    output: OutputArguments,
}

fn object(text: &str) -> Result<Resource, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON object of texts: {error}"))
}

fn labels(text: &str) -> Result<Resource, String> {
    if text.starts_with('{') {
        return object(text);
    }
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Resource::from([(key.to_owned(), value.to_owned())])),
        _ => Err("write KEY=VALUE, or a JSON object of texts".to_owned()),
    }
}

fn payload(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON object: {error}"))
}

pub(super) async fn run(arguments: Emit, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut labels: Resource = arguments.resource.into_iter().flatten().collect();
    labels.extend(arguments.resource_id.map(|id| (RESOURCE_ID.to_owned(), id)));
    if labels.get(RESOURCE_ID).is_none_or(String::is_empty) {
        return Err(Failure::Usage("say what it happened to: --resource-id ID".to_owned()));
    }
    let mut event = flowcore::event(arguments.event).payload(arguments.payload.unwrap_or_default());
    for (label, value) in labels {
        event = event.label(label, value);
    }
    for related in arguments.related {
        event = event.related_resource(related);
    }
    let event = event.build(&SystemClock).map_err(|error| Failure::Usage(error.to_string()))?;
    session.client.append_events(vec![event.clone()]).await?;
    if arguments.output.json() {
        return session.out.json(&event);
    }
    session.out.line(format!("Emitted event '{}' with id {}.", one_line(&event.event), event.id))
}
