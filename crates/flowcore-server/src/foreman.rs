//! Who is not heard of any more. What workers, pools, queues and deployments were when something happened to them is in
//! their rows; that nothing happens any more is noticed here, and written down and told of then.
//!
//! That is a service, and is done before statuses are read as well, so that nobody reads one that is not true any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use flowcore::model::{Page, Timestamp};
use flowcore::store::StoreError;
use flowcore::store::query::{Condition, Relation, Selection, Test, Values};
use flowcore::store::records::Tx;
use uuid::Uuid;

use crate::deployments::deployment::{self, Deployment, DeploymentStatus};
use crate::deployments::{Surroundings, tell};
use crate::pools::{
    Readiness, WorkPool, WorkQueue, Worker, WorkerStatus, pool, queue, tell_pool_status, tell_queue_status, worker,
};
use crate::state::App;

/// How long a look holds, in microseconds: lists that are read one after the other need no look each.
const HOLDS: i64 = 1_000_000;

/// How long after a poll a queue or a deployment is ready, in seconds.
pub(crate) const POLLED_LATELY: i64 = 60;

/// The workers of a pool.
const WORKERS_OF_POOL: Relation = Relation::new(pool::ID, worker::TABLE, worker::WORK_POOL_ID);

/// When it was last looked. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Foreman(Arc<AtomicI64>);

/// Looks, unless it was looked just now. Tells how many are not ready any more.
pub(crate) async fn settle(app: &App) -> Result<usize, StoreError> {
    let now = app.now();
    let looked = app.foreman.0.swap(now.timestamp_micros(), Ordering::Relaxed);
    if (0..HOLDS).contains(&(now.timestamp_micros() - looked)) {
        // That look holds for as long as it would have.
        app.foreman.0.store(looked, Ordering::Relaxed);
        return Ok(0);
    }
    let silent = silent_workers(app, now).await?;
    if silent.is_empty() && !is_any_left(app, now).await? {
        return Ok(0);
    }
    let work = app.store.records().transact(move |tx| {
        let silent = silent.clone();
        Box::pin(async move { Changes::make(tx, silent, now).await })
    });
    work.await?.tell(app).await
}

fn everything(condition: Condition) -> Selection {
    Selection { condition, sort: Vec::new(), page: Page::first(u32::MAX) }
}

/// Lists workers that are said to be there and were not heard of in time.
async fn silent_workers(app: &App, now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
    let online: Vec<Worker> = app.store.records().list(&everything(worker::STATUS.is(WorkerStatus::Online))).await?;
    Ok(online.into_iter().filter(|worker| !worker.is_online(now)).map(|worker| worker.id).collect())
}

/// Tells whether something is said to be ready that is not.
async fn is_any_left(app: &App, now: Timestamp) -> Result<bool, StoreError> {
    let records = app.store.records();
    Ok(records.first::<WorkPool>(pools_without_workers()).await?.is_some()
        || records.first::<WorkQueue>(queues_not_polled(now)).await?.is_some()
        || records.first::<Deployment>(deployments_not_polled(now)).await?.is_some())
}

fn pools_without_workers() -> Condition {
    let online = Condition::Related(WORKERS_OF_POOL, Box::new(worker::STATUS.is(WorkerStatus::Online)));
    Condition::All(vec![pool::STATUS.is(Readiness::Ready), Condition::Not(Box::new(online))])
}

/// Gives the time of the last poll that does not count any more.
fn long_ago(now: Timestamp) -> i64 {
    (now - TimeDelta::seconds(POLLED_LATELY)).timestamp_micros()
}

fn queues_not_polled(now: Timestamp) -> Condition {
    let old = Condition::Column(queue::LAST_POLLED, Test::AtMost(long_ago(now)));
    Condition::All(vec![queue::STATUS.is(Readiness::Ready), old])
}

/// Selects deployments that neither are polled themselves nor have a queue that is.
fn deployments_not_polled(now: Timestamp) -> Condition {
    let old = Condition::Column(deployment::LAST_POLLED, Test::AtMost(long_ago(now)));
    let lately = Condition::Column(queue::LAST_POLLED, Test::AtLeast(long_ago(now) + 1));
    let queue_is_polled = Condition::Related(deployment::QUEUE_OF_DEPLOYMENT, Box::new(lately));
    let ready = deployment::STATUS.is(DeploymentStatus::Ready.as_str());
    Condition::All(vec![ready, old, Condition::Not(Box::new(queue_is_polled))])
}

/// What was ready and is not any more.
#[derive(Clone, Default)]
struct Changes {
    pools: Vec<WorkPool>,
    queues: Vec<(WorkQueue, Option<WorkPool>)>,
    deployments: Vec<Deployment>,
}

impl Changes {
    /// Writes down what is not as it was. What has been heard of meanwhile stays as it is.
    async fn make(tx: &mut Tx<'_>, silent: Vec<Uuid>, now: Timestamp) -> Result<Self, StoreError> {
        let silent: Vec<Worker> = tx.lock(worker::ID.one_of(Values::Ids(silent))).await?;
        let silent = silent.into_iter().filter(|worker| !worker.is_online(now)).map(|worker| worker.id).collect();
        let offline = vec![(worker::STATUS, WorkerStatus::Offline.into()), (worker::UPDATED, now.into())];
        tx.update(worker::TABLE, offline, worker::ID.one_of(Values::Ids(silent))).await?;

        let mut changes = Changes::default();
        for mut pool in tx.lock::<WorkPool>(pools_without_workers()).await? {
            (pool.status, pool.updated) = (Readiness::NotReady, now);
            tx.put(&pool).await?;
            changes.pools.push(pool);
        }
        for mut queue in tx.lock::<WorkQueue>(queues_not_polled(now)).await? {
            (queue.status, queue.updated) = (Readiness::NotReady, now);
            tx.put(&queue).await?;
            let pool = tx.first(pool::ID.is(queue.work_pool_id)).await?;
            changes.queues.push((queue, pool));
        }
        for mut deployment in tx.lock::<Deployment>(deployments_not_polled(now)).await? {
            // The time of the last change stays, since nobody has changed anything.
            deployment.status = DeploymentStatus::NotReady;
            tx.put(&deployment).await?;
            changes.deployments.push(deployment);
        }
        Ok(changes)
    }

    /// Tells of them, and how many they are.
    async fn tell(self, app: &App) -> Result<usize, StoreError> {
        for pool in &self.pools {
            tell_pool_status(&app.events, pool);
        }
        for (queue, pool) in &self.queues {
            if let Some(pool) = pool {
                tell_queue_status(&app.events, queue, pool);
            }
        }
        for deployment in &self.deployments {
            let around = Surroundings::of(app, deployment).await?;
            tell(app, "not-ready", deployment, &around);
        }
        Ok(self.pools.len() + self.queues.len() + self.deployments.len())
    }
}
