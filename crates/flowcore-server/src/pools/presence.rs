//! Who is heard of: heartbeats of workers, and polls.

use flowcore::model::Timestamp;
use flowcore::store::query::{Condition, Values};
use flowcore::store::records::Tx;
use uuid::Uuid;

use super::pool::{self, WorkPool};
use super::queue::{self, WorkQueue};
use super::readiness::Readiness;
use super::telling::tell_queue_status;
use super::worker::{self, Worker, WorkerStatus};
use crate::error::ApiError;
use crate::state::App;

/// Keeps that a worker was heard of. Gives its pool if that is ready through that, which it was not before.
pub(crate) async fn heard_of(
    tx: &mut Tx<'_>,
    app: &App,
    pool: &WorkPool,
    name: &str,
    interval: Option<i64>,
) -> Result<Option<WorkPool>, ApiError> {
    let now = app.now();
    let new = Worker {
        id: app.clock.uuid(),
        created: now,
        updated: now,
        work_pool_id: pool.id,
        name: name.to_owned(),
        last_heartbeat_time: now,
        heartbeat_interval_seconds: interval,
        status: WorkerStatus::Online,
    };
    if !tx.insert_new(&new).await? {
        let mut set = vec![
            (worker::LAST_HEARTBEAT_TIME, now.into()),
            (worker::UPDATED, now.into()),
            (worker::STATUS, WorkerStatus::Online.into()),
        ];
        set.extend(interval.map(|interval| (worker::HEARTBEAT_INTERVAL_SECONDS, interval.into())));
        let known = Condition::All(vec![worker::WORK_POOL_ID.is(pool.id), worker::NAME.is(name)]);
        tx.update(worker::TABLE, set, known).await?;
    }
    let unready = Condition::All(vec![pool::ID.is(pool.id), pool::STATUS.is(Readiness::NotReady)]);
    let ready = vec![(pool::STATUS, Readiness::Ready.into()), (pool::UPDATED, now.into())];
    let is_news = tx.update(pool::TABLE, ready, unready).await? > 0;
    Ok(is_news.then(|| WorkPool { status: Readiness::Ready, updated: now, ..pool.clone() }))
}

/// Tells whether a worker of a pool is heard of.
pub(crate) async fn is_attended(tx: &mut Tx<'_>, app: &App, pool: Uuid) -> Result<bool, ApiError> {
    let (workers, now) = (tx.lock::<Worker>(worker::WORK_POOL_ID.is(pool)).await?, app.now());
    Ok(workers.iter().any(|worker| worker.is_online(now)))
}

/// How old the time of a poll may be before it is written anew, in milliseconds: workers poll many times in a minute.
const FRESH: i64 = 5_000;

/// Keeps that queues were asked for work. Who was not ready is, and that is told of.
pub(crate) async fn polled(app: &App, queues: &[WorkQueue]) -> Result<(), ApiError> {
    let now = app.now();
    let is_old = |polled: Timestamp| (now - polled).num_milliseconds() >= FRESH;
    let stale = |queue: &&WorkQueue| queue.status == Readiness::NotReady || queue.last_polled.is_none_or(is_old);
    let stale: Vec<WorkQueue> = queues.iter().filter(stale).cloned().collect();
    if stale.is_empty() {
        return Ok(());
    }
    let records = app.store.records();
    let work = records.transact(move |tx| {
        let stale = stale.clone();
        Box::pin(async move {
            let ids: Vec<Uuid> = stale.iter().map(|queue| queue.id).collect();
            let all = queue::ID.one_of(Values::Ids(ids));
            tx.update(queue::TABLE, vec![(queue::LAST_POLLED, now.into())], all).await?;
            let mut ready = Vec::new();
            for mut queue in stale.into_iter().filter(|queue| queue.status == Readiness::NotReady) {
                let unready = Condition::All(vec![queue::ID.is(queue.id), queue::STATUS.is(Readiness::NotReady)]);
                let set = vec![(queue::STATUS, Readiness::Ready.into()), (queue::UPDATED, now.into())];
                if tx.update(queue::TABLE, set, unready).await? > 0 {
                    queue.status = Readiness::Ready;
                    let pool: Option<WorkPool> = tx.first(pool::ID.is(queue.work_pool_id)).await?;
                    ready.extend(pool.map(|pool| (pool, queue)));
                }
            }
            Ok::<_, ApiError>(ready)
        })
    });
    for (pool, queue) in work.await? {
        tell_queue_status(&app.events, &queue, &pool);
    }
    Ok(())
}
