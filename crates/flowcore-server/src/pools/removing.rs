//! Deleting pools and queues.

use axum::http::StatusCode;
use flowcore::model::{FlowRun, Page};
use flowcore::store::FlowRunEdit;
use flowcore::store::query::{Condition, Selection, Values, flow_run};
use flowcore::store::records::Tx;
use futures_util::future::try_join_all;
use uuid::Uuid;

use super::making::queues_of;
use super::pool::{self, WorkPool};
use super::queue::{self, WorkQueue};
use super::worker;
use crate::error::ApiError;
use crate::state::App;
use crate::teardowns;

/// How many runs forget their queue at once, so that other writers get on.
const TOGETHER: u32 = 500;

/// Deletes a pool with its queues, workers and what they were to tear down; gives its queues.
pub(crate) async fn remove_pool(tx: &mut Tx<'_>, pool: &WorkPool) -> Result<Vec<WorkQueue>, ApiError> {
    let queues = queues_of(tx, pool.id).await?;
    tx.delete(worker::TABLE, worker::WORK_POOL_ID.is(pool.id)).await?;
    tx.delete(teardowns::TABLE, teardowns::WORK_POOL_ID.is(pool.id)).await?;
    tx.delete(queue::TABLE, queue::WORK_POOL_ID.is(pool.id)).await?;
    tx.delete(pool::TABLE, pool::ID.is(pool.id)).await?;
    Ok(queues)
}

/// Deletes a queue, unless it is the one that its pool needs.
pub(crate) async fn remove_queue(tx: &mut Tx<'_>, queue: &WorkQueue) -> Result<(), ApiError> {
    if tx.first::<WorkPool>(pool::DEFAULT_QUEUE_ID.is(queue.id)).await?.is_some() {
        return Err(ApiError::Refused(StatusCode::CONFLICT, "Can't delete a pool's default queue.".to_owned()));
    }
    tx.delete(queue::TABLE, queue::ID.is(queue.id)).await?;
    Ok(())
}

/// Lets the runs of queues that are gone forget them. A queue may have a million: when there are many, that goes on behind
/// the answer, and a run that still names a queue which is gone is in none.
pub(crate) async fn forget_queues(app: &App, queues: Vec<Uuid>) -> Result<(), ApiError> {
    let of_queues = flow_run::WORK_QUEUE_ID.one_of(Values::Ids(queues));
    if forget_some(app, &of_queues).await? {
        let app = app.clone();
        tokio::spawn(async move {
            loop {
                match forget_some(&app, &of_queues).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        tracing::warn!(target: "flowcore_server", "runs still name a queue that is gone: {error:?}");
                        return;
                    }
                }
            }
        });
    }
    Ok(())
}

/// Lets some runs forget their queue; tells whether there may be more.
async fn forget_some(app: &App, of_queues: &Condition) -> Result<bool, ApiError> {
    let selection = Selection { condition: of_queues.clone(), sort: Vec::new(), page: Page::first(TOGETHER) };
    let runs = app.store.select_flow_runs(&selection).await?;
    let forget = |run: &FlowRun| {
        let edit = FlowRunEdit::new(|run| run.origin.work_queue_id = None);
        app.store.edit_flow_run(run.id, edit)
    };
    try_join_all(runs.iter().map(forget)).await?;
    Ok(runs.len() == TOGETHER as usize)
}
