//! Events: telling of what happens on the server, and who wants to hear of it at once.
//!
//! A handler that has changed something says so with [`Events::emit`], which costs it nothing: the event is kept soon
//! after, with others, and then goes to all who listen. Changes of runs' states are not told of in this way, since they
//! are read from the runs' histories.

mod new_event;
mod outbox;

pub use new_event::NewEvent;
pub(crate) use outbox::Events;
