//! Flow runs as answers tell them: with the queue and the pool that they are in.

use std::collections::{HashMap, HashSet};

use flowcore::model::{FlowRun, Page};
use flowcore::store::query::{Column, Selection, Values};
use flowcore::wire::FlowRunBody;
use uuid::Uuid;

use crate::error::ApiError;
use crate::pools::{WorkPool, WorkQueue, pool, queue};
use crate::state::App;

/// Tells of runs.
pub(in crate::api) async fn bodies(app: &App, runs: &[FlowRun]) -> Result<Vec<FlowRunBody>, ApiError> {
    let (queues, pools) = places_of(app, runs).await?;
    let now = app.now();
    let told = |run: &FlowRun| {
        let mut body = FlowRunBody::new(run, now);
        if let Some(queue) = run.origin.work_queue_id.and_then(|id| queues.get(&id)) {
            body.work_queue_name = Some(queue.name.clone());
            let pool = pools.get(&queue.work_pool_id);
            (body.work_pool_id, body.work_pool_name) = (pool.map(|pool| pool.id), pool.map(|pool| pool.name.clone()));
        }
        body
    };
    Ok(runs.iter().map(told).collect())
}

/// Tells of one run.
pub(in crate::api) async fn body(app: &App, run: &FlowRun) -> Result<FlowRunBody, ApiError> {
    let told = bodies(app, std::slice::from_ref(run)).await?.pop();
    Ok(told.unwrap_or_else(|| FlowRunBody::new(run, app.now())))
}

/// Finds the queues that runs are in, and their pools.
async fn places_of(
    app: &App,
    runs: &[FlowRun],
) -> Result<(HashMap<Uuid, WorkQueue>, HashMap<Uuid, WorkPool>), ApiError> {
    let these = |id: Column, ids: HashSet<Uuid>| {
        let condition = id.one_of(Values::Ids(ids.into_iter().collect()));
        Selection { condition, sort: Vec::new(), page: Page::first(u32::MAX) }
    };
    let queues: HashSet<Uuid> = runs.iter().filter_map(|run| run.origin.work_queue_id).collect();
    if queues.is_empty() {
        return Ok((HashMap::new(), HashMap::new()));
    }
    let queues: Vec<WorkQueue> = app.store.records().list(&these(queue::ID, queues)).await?;
    let pools = queues.iter().map(|queue| queue.work_pool_id).collect();
    let pools: Vec<WorkPool> = app.store.records().list(&these(pool::ID, pools)).await?;
    Ok((
        queues.into_iter().map(|queue| (queue.id, queue)).collect(),
        pools.into_iter().map(|pool| (pool.id, pool)).collect(),
    ))
}
