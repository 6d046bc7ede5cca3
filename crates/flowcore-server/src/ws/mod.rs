//! The websockets.

mod events_in;
mod handshake;

use crate::routes::Routes;

/// All websockets, below `/api`.
pub(crate) fn routes() -> Routes {
    Routes::new(&[]).websocket("/events/in", events_in::open)
}
