//! `flowcore event`: what happened.

mod emit;
mod ls;
mod stream;
mod wanted;

use clap::Subcommand;
use flowcore::model::Event;

use crate::failure::Failure;
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum EventCommand {
    /// Lists events, newest first: changes of state, and what programs reported.
    Ls(ls::Ls),
    /// Follows events as they happen, until it is interrupted.
    Stream(stream::Stream),
    /// Tells of an event.
    Emit(emit::Emit),
}

pub(super) async fn run(command: EventCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        EventCommand::Ls(ls) => ls::run(&ls, session).await,
        EventCommand::Stream(stream) => stream::run(&stream, session).await,
        EventCommand::Emit(emit) => emit::run(emit, session).await,
    }
}

/// What an event is about: its name if it has one.
fn subject(event: &Event) -> String {
    event.resource.get(flowcore::model::RESOURCE_NAME).map_or(event.resource_id(), String::as_str).to_owned()
}

fn detail(event: &Event) -> String {
    match &event.payload {
        serde_json::Value::Object(nothing) if nothing.is_empty() => String::new(),
        serde_json::Value::Null => event.resource.get("prefect.state-message").cloned().unwrap_or_default(),
        payload => payload.to_string(),
    }
}
