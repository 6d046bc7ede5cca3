//! Making pools and queues, and finding the queue that a run or a deployment belongs to.

use axum::http::StatusCode;
use flowcore::model::{Order, Page};
use flowcore::store::StoreError;
use flowcore::store::query::{Condition, Selection};
use flowcore::store::records::Tx;
use serde_json::Map;
use uuid::Uuid;

use super::pool::{self, StorageConfiguration, WorkPool};
use super::priority::{first_free, with_priority};
use super::queue::{self, QueueFilter, WorkQueue};
use super::readiness::Readiness;
use super::telling::{tell_made_pool, tell_made_queue};
use crate::error::ApiError;
use crate::state::App;

/// The pool of queues that name none, as there were before pools.
pub(crate) const AGENT_POOL: &str = "default-agent-pool";
/// The type of pools of which nobody says what takes from them.
pub(crate) const AGENT: &str = "prefect-agent";

impl WorkPool {
    /// Makes a pool that nobody takes from yet.
    pub(crate) fn new(app: &App, name: impl Into<String>, kind: impl Into<String>) -> Self {
        let now = app.now();
        WorkPool {
            id: app.clock.uuid(),
            created: now,
            updated: now,
            name: name.into(),
            description: None,
            kind: kind.into(),
            base_job_template: Map::new(),
            is_paused: false,
            concurrency_limit: None,
            default_queue_id: app.clock.uuid(),
            status: Readiness::NotReady,
            storage_configuration: StorageConfiguration::default(),
        }
    }

    /// Tells whether it is one of those that workers take from. What is said of others says nothing of who is there.
    pub(crate) fn has_workers(&self) -> bool {
        self.kind != AGENT
    }
}

/// Tells whether a name is one that only we may give.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("prefect"))
}

/// A queue to be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewQueue {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) filter: Option<QueueFilter>,
    pub(crate) is_paused: bool,
    pub(crate) concurrency_limit: Option<i64>,
    /// The first that is free, if absent. Others that have it are moved on.
    pub(crate) priority: Option<i64>,
}

impl NewQueue {
    pub(crate) fn named(name: impl Into<String>) -> Self {
        NewQueue { name: name.into(), description: Some(String::new()), ..NewQueue::default() }
    }
}

/// Keeps a new pool, and its default queue, which it gives.
pub(crate) async fn add_pool(tx: &mut Tx<'_>, app: &App, pool: &WorkPool) -> Result<WorkQueue, ApiError> {
    if !tx.insert_new(pool).await? {
        let why = "A work pool with this name already exists.".to_owned();
        return Err(ApiError::Refused(StatusCode::CONFLICT, why));
    }
    let description = Some("The work pool's default queue.".to_owned());
    let new = NewQueue { description, ..NewQueue::named("default") };
    let queue = WorkQueue::new(app, pool.default_queue_id, pool.id, new, 1);
    tx.insert(&queue).await?;
    Ok(queue)
}

impl WorkQueue {
    fn new(app: &App, id: Uuid, work_pool_id: Uuid, new: NewQueue, priority: i64) -> Self {
        let now = app.now();
        WorkQueue {
            id,
            created: now,
            updated: now,
            work_pool_id,
            name: new.name,
            description: new.description,
            filter: new.filter,
            is_paused: new.is_paused,
            concurrency_limit: new.concurrency_limit,
            priority,
            last_polled: None,
            status: Readiness::NotReady,
        }
    }
}

/// Lists all queues of a pool, those first whose runs are handed out first.
pub(crate) async fn queues_of(tx: &mut Tx<'_>, pool_id: Uuid) -> Result<Vec<WorkQueue>, ApiError> {
    let selection = Selection {
        condition: queue::WORK_POOL_ID.is(pool_id),
        sort: vec![(queue::PRIORITY, Order::OldestFirst)],
        page: Page::first(u32::MAX),
    };
    Ok(tx.list(&selection).await?)
}

/// Makes a queue in a pool; `None` if there is one of that name.
pub(crate) async fn add_queue(
    tx: &mut Tx<'_>,
    app: &App,
    pool_id: Uuid,
    new: NewQueue,
) -> Result<Option<WorkQueue>, ApiError> {
    // Who makes or moves queues of one pool does so one behind the other: they share its numbers.
    tx.lock_first::<WorkPool>(pool::ID.is(pool_id)).await?;
    let queues = queues_of(tx, pool_id).await?;
    let free = first_free(queues.iter().map(|queue| queue.priority));
    let wanted = new.priority;
    let queue = WorkQueue::new(app, app.clock.uuid(), pool_id, new, wanted.unwrap_or(free));
    if !tx.insert_new(&queue).await? {
        return Ok(None);
    }
    if let Some(priority) = wanted {
        move_queue(tx, &queues, queue.id, priority).await?;
    }
    Ok(Some(queue))
}

/// Gives a queue a number, and others other ones where they are in its way.
pub(crate) async fn move_queue(tx: &mut Tx<'_>, queues: &[WorkQueue], id: Uuid, priority: i64) -> Result<(), ApiError> {
    let order: Vec<(Uuid, i64)> = queues.iter().map(|queue| (queue.id, queue.priority)).collect();
    for (id, priority) in with_priority(&order, id, priority) {
        tx.update(queue::TABLE, vec![(queue::PRIORITY, priority.into())], queue::ID.is(id)).await?;
    }
    Ok(())
}

/// Finds a pool by its name.
pub(crate) async fn pool_named(tx: &mut Tx<'_>, name: &str) -> Result<WorkPool, ApiError> {
    tx.first(pool::NAME.is(name)).await?.ok_or_else(|| no_pool(name))
}

/// Says that there is no such pool.
pub(crate) fn no_pool(name: &str) -> ApiError {
    ApiError::Refused(StatusCode::NOT_FOUND, format!("Work pool \"{name}\" not found."))
}

/// A queue and its pool.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) pool: WorkPool,
    pub(crate) queue: WorkQueue,
}

/// Says that a pool has no such queue.
pub(crate) fn no_queue(pool: &str, queue: &str) -> ApiError {
    ApiError::Refused(StatusCode::NOT_FOUND, format!("Work pool queue '{pool}/{queue}' not found."))
}

const NO_DEFAULT: ApiError = ApiError::NotFound("The work pool has no default queue.");

/// Finds a pool's queue of a name, its default one without.
async fn queue_of(app: &App, pool: &WorkPool, name: Option<&str>) -> Result<Option<WorkQueue>, StoreError> {
    let this = name.map_or_else(|| queue::ID.is(pool.default_queue_id), |name| named(pool.id, name));
    app.store.records().first(this).await
}

/// Finds the place for what names a pool, and a queue of it unless it means the default one.
pub(crate) async fn place_in(app: &App, pool: &str, queue: Option<&str>) -> Result<Place, ApiError> {
    let records = app.store.records();
    let pool: WorkPool = records.first(pool::NAME.is(pool)).await?.ok_or_else(|| no_pool(pool))?;
    match queue_of(app, &pool, queue).await? {
        Some(queue) => Ok(Place { pool, queue }),
        None => Err(queue.map_or(NO_DEFAULT, |queue| no_queue(&pool.name, queue))),
    }
}

/// Finds the place for what names a pool, a queue, both or none: the pool's default queue where no queue is named, the
/// agents' pool where no pool is. A queue that is not there is made.
pub(crate) async fn place_for(app: &App, pool: Option<&str>, queue: Option<&str>) -> Result<Option<Place>, ApiError> {
    let records = app.store.records();
    let found: Option<WorkPool> = match (pool, queue) {
        (None, None) => return Ok(None),
        (Some(name), _) => Some(records.first(pool::NAME.is(name)).await?.ok_or_else(|| no_pool(name))?),
        (None, Some(_)) => records.first(pool::NAME.is(AGENT_POOL)).await?,
    };
    if let Some(pool) = found
        && let Some(queue) = queue_of(app, &pool, queue).await?
    {
        return Ok(Some(Place { pool, queue }));
    }
    let Some(queue) = queue else { return Err(NO_DEFAULT) };
    let place = make_place(app, pool.unwrap_or(AGENT_POOL), queue).await?;
    Ok(Some(place))
}

/// Makes a queue, unless somebody is faster, and the agents' pool if it is to be there.
async fn make_place(app: &App, pool: &str, queue: &str) -> Result<Place, ApiError> {
    let (pool, queue) = (pool.to_owned(), queue.to_owned());
    let records = app.store.records();
    let work = records.transact({
        let app = app.clone();
        move |tx| {
            let (app, pool, queue) = (app.clone(), pool.clone(), queue.clone());
            Box::pin(async move {
                let (pool, new_pool) = match pool.as_str() {
                    AGENT_POOL => agent_pool(tx, &app).await?,
                    name => (pool_named(tx, name).await?, None),
                };
                if let Some(made) = add_queue(tx, &app, pool.id, NewQueue::named(&queue)).await? {
                    return Ok((Place { pool, queue: made }, true, new_pool));
                }
                let queue = tx.first(named(pool.id, &queue)).await?.ok_or_else(|| no_pool(&pool.name))?;
                Ok::<_, ApiError>((Place { pool, queue }, false, new_pool))
            })
        }
    });
    let (place, is_new, default_queue) = work.await?;
    if let Some(queue) = &default_queue {
        tell_made_pool(&app.events, &place.pool, queue);
    }
    if is_new {
        tell_made_queue(&app.events, &place.queue, &place.pool);
    }
    Ok(place)
}

/// Selects a queue of a pool by its name.
pub(crate) fn named(pool: Uuid, queue: &str) -> Condition {
    Condition::All(vec![queue::WORK_POOL_ID.is(pool), queue::NAME.is(queue)])
}

/// Finds the pool of queues that name none, or makes it, and gives its default queue then.
pub(crate) async fn agent_pool(tx: &mut Tx<'_>, app: &App) -> Result<(WorkPool, Option<WorkQueue>), ApiError> {
    if let Some(known) = tx.first(pool::NAME.is(AGENT_POOL)).await? {
        return Ok((known, None));
    }
    let pool = WorkPool::new(app, AGENT_POOL, AGENT);
    let queue = add_pool(tx, app, &pool).await?;
    Ok((pool, Some(queue)))
}
