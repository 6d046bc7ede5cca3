//! The REST API: one file a kind of object, each handler with its place.

mod admin;
mod artifacts;
mod automations;
mod block_documents;
mod block_schemas;
mod block_types;
mod bulk;
mod collections;
mod concurrency_limits;
mod concurrency_limits_v2;
mod creator;
mod decision;
mod deployments;
mod events;
mod flow_runs;
mod flows;
mod history;
mod limits;
mod logs;
mod names;
mod result_storage;
mod root;
mod saved_searches;
mod task_runs;
mod task_workers;
mod templates;
mod ui;
mod variables;
mod work_pools;
mod work_queues;

pub(crate) use admin::PREFECT_VERSION;
pub(crate) use work_pools::{WorkPoolBody, pool_body};

use crate::routes::Routes;

/// All routes below `/api`, each with its documentation.
pub(crate) fn routes() -> Routes {
    Routes::default()
        .merge(root::routes())
        .merge(admin::routes())
        .merge(result_storage::routes())
        .merge(collections::routes())
        .merge(flows::routes())
        .merge(flow_runs::routes())
        .merge(deployments::routes())
        .merge(task_runs::routes())
        .merge(task_workers::routes())
        .merge(logs::routes())
        .merge(artifacts::routes())
        .merge(block_types::routes())
        .merge(block_schemas::routes())
        .merge(block_documents::routes())
        .merge(variables::routes())
        .merge(concurrency_limits::routes())
        .merge(concurrency_limits_v2::routes())
        .merge(work_pools::routes())
        .merge(work_queues::routes())
        .merge(events::routes())
        .merge(automations::routes())
        .merge(templates::routes())
        .merge(saved_searches::routes())
        .merge(ui::routes())
}
