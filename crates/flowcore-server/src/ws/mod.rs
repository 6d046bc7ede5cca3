//! The websockets.

mod conversation;
mod events_in;
mod events_out;
mod handshake;
mod logs_out;
mod scheduled;
mod worker_channel;

use crate::routes::Routes;

/// All websockets, below `/api`.
pub(crate) fn routes() -> Routes {
    Routes::new(&[])
        .websocket("/events/in", events_in::open)
        .websocket("/events/out", events_out::open)
        .websocket("/logs/out", logs_out::open)
        .websocket("/task_runs/subscriptions/scheduled", scheduled::open)
        .websocket("/work_pools/{work_pool_name}/workers/connect", worker_channel::open)
}
