//! Events: telling of what happens on the server, and who wants to hear of it at once.
//!
//! A handler that has changed something says so with [`Events::emit`], which costs it nothing: the event is kept soon
//! after, with others, and then goes to all who listen. Changes of runs' states are not told of in this way, since they
//! are read from the runs' histories.

mod body;
mod complete;
mod count;
mod new_event;
mod outbox;
mod page_token;
mod query;
mod surroundings;

pub(crate) use body::{EventBody, ReceivedEvent, UncheckedEvent};
pub(crate) use complete::complete;
pub(crate) use count::{CountError, Countable, EventCount, TimeUnit, count_by};
pub use new_event::NewEvent;
pub(crate) use outbox::Events;
pub(crate) use page_token::PageToken;
pub(crate) use query::{count, page};
