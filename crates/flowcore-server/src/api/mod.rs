//! The REST API: one file a kind of object, each handler with its place.

mod decision;
mod flow_runs;
mod flows;
mod logs;
mod root;
mod task_runs;

use axum::Router;

use crate::state::App;

/// All routes below `/api`, without slashes at their ends: those are taken off before.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(root::routes())
        .merge(flows::routes())
        .merge(flow_runs::routes())
        .merge(task_runs::routes())
        .merge(logs::routes())
}
