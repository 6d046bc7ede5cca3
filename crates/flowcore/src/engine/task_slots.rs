//! The slots that a task run takes of the limits of its tags, before it is RUNNING.

use super::cancel::Cancel;
use super::concurrency::{ask, holder};
use super::context::Scope;
use super::core::Engine;
use super::error::Error;
use super::tickets::{NotTaken, Ticket};

/// What came of the wish for slots.
pub(crate) enum TaskSlots {
    /// They are held until the ticket is dropped; without one no tag is limited.
    Taken(Option<Ticket>),
    /// The run was asked to end while it waited.
    Cancelled,
    Failed(Error),
}

/// Takes a slot of each limit that a tag of the run has; `waits` is called with the reason when it has to wait. `inside` is
/// what surrounds code inside the run.
pub(crate) async fn take_slots(
    engine: &Engine,
    tags: Vec<String>,
    inside: Scope,
    cancel: &Cancel,
    waits: impl FnOnce(String),
) -> TaskSlots {
    let limits = match engine.0.tag_limits.of(&tags).await {
        Ok(limits) if limits.is_empty() => return TaskSlots::Taken(None),
        Ok(limits) => limits,
        Err(error) => return failed(error),
    };
    let reason = format!("Waits for a slot of {}.", limits.join(", "));
    let ask = match ask(&engine.0.process, &*engine.0.clock, limits, 1, holder(&inside)).await {
        Ok(ask) => ask,
        Err(error) => return failed(error),
    };
    let taken = tokio::select! {
        biased;
        taken = engine.0.tickets.take(ask, || waits(reason)) => taken,
        () = cancel.requested() => return TaskSlots::Cancelled,
    };
    match taken {
        Ok(ticket) => TaskSlots::Taken(Some(ticket)),
        Err(NotTaken::Refused(refusal)) => failed(refusal),
        Err(NotTaken::Failed(error)) => failed(error),
    }
}

/// Not retriable: retries are counted by how often the run has run, and it has not.
fn failed(error: impl Into<Error>) -> TaskSlots {
    TaskSlots::Failed(error.into().retriable(false))
}
