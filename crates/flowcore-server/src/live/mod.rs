//! What happens, handed on as it happens: events and log lines.
//!
//! A [`Feed`] has two sources. What this server writes is announced as soon as it is committed. What others have written
//! into the same database, programs and other servers, is looked for again and again while somebody listens. What comes
//! both ways is handed on once.

mod feed;
mod sources;

pub(crate) use feed::{Feed, Source};
pub(crate) use sources::{NewEvents, NewLogs};
