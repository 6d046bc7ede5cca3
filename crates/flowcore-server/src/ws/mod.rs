//! The websockets.

mod events_in;
mod handshake;

use axum::Router;
use axum::routing::get;

use crate::state::App;

/// All websockets, below `/api`.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/events/in", get(events_in::open))
}
