//! Taking runs out of pools and queues with limits: only while fewer are under way than may be.
//!
//! There is nothing to keep for it: a run takes a place as long as its state says so. Workers are told of no more runs than there are places
//! for, but several may be told of the same places, and of runs that are due soon.

use flowcore::model::{FlowRun, Page, StateId};
use flowcore::store::query::{Selection, Table};
use flowcore::store::{StoreError, Swap};
use uuid::Uuid;

use super::occupied::{NOT_YET_ENDED, runs_in};
use super::pool::{self, WorkPool};
use super::queue::{self, WorkQueue};
use crate::state::App;

const POOL_FULL: &str = "Work pool concurrency limit reached.";
const QUEUE_FULL: &str = "Work queue concurrency limit reached.";

/// What became of a run that was to be taken.
pub(crate) enum Taking {
    /// It was tried.
    Tried(Swap),
    /// There is no place, for this reason.
    Full(&'static str),
}

/// Puts a run into the state that it is given in, in which it is under way, if it still is in the state `expected` and there is room for it.
pub(crate) async fn take(app: &App, next: &FlowRun, expected: StateId) -> Result<Taking, StoreError> {
    match limited_pool(app, next).await? {
        Some((pool, queue)) => take_of(app, pool, queue, next.clone(), expected).await,
        None => app.store.swap_flow_run(next.clone(), expected).await.map(Taking::Tried),
    }
}

/// Finds the pool and the queue of a run, if one of them has a limit. What a queue of old finds by a filter takes no places in it.
async fn limited_pool(app: &App, run: &FlowRun) -> Result<Option<(Uuid, Uuid)>, StoreError> {
    let Some(queue) = run.origin.work_queue_id else { return Ok(None) };
    let Some(queue) = app.store.records().first::<WorkQueue>(queue::ID.is(queue)).await? else { return Ok(None) };
    let pool = app.store.records().first::<WorkPool>(pool::ID.is(queue.work_pool_id)).await?;
    let is_limited = queue.concurrency_limit.is_some() || pool.is_some_and(|pool| pool.concurrency_limit.is_some());
    Ok(is_limited.then_some((queue.work_pool_id, queue.id)))
}

async fn take_of(app: &App, pool: Uuid, queue: Uuid, next: FlowRun, expected: StateId) -> Result<Taking, StoreError> {
    let work = app.store.records().transact(move |tx| {
        let next = next.clone();
        Box::pin(async move {
            // Those who take runs of a pool do so one after the other, in all servers.
            let pool: Option<WorkPool> = tx.lock_first(pool::ID.is(pool)).await?;
            let condition = queue::WORK_POOL_ID.is(pool.as_ref().map(|pool| pool.id));
            let queues: Vec<WorkQueue> =
                tx.list(&Selection { condition, sort: Vec::new(), page: Page::first(u32::MAX) }).await?;
            let all = queues.iter().map(|queue| queue.id).collect();
            let of_queue = queues.iter().find(|one| one.id == queue).and_then(|queue| queue.concurrency_limit);
            let limits =
                [(pool.and_then(|pool| pool.concurrency_limit), all, POOL_FULL), (of_queue, vec![queue], QUEUE_FULL)];
            for (limit, queues, full) in limits {
                if let Some(limit) = limit
                    && tx.count(Table::FLOW_RUNS, &runs_in(queues, NOT_YET_ENDED)).await? >= limit.unsigned_abs()
                {
                    return Ok(Taking::Full(full));
                }
            }
            tx.swap_flow_run(next, expected).await.map(Taking::Tried)
        })
    });
    work.await
}
