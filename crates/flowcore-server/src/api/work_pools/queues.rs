//! The queues of a pool.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::TimeDelta;
use flowcore::model::{Order, Page, Timestamp};
use flowcore::store::StoreError;
use flowcore::store::query::{Condition, Selection, Values};
use flowcore::store::records::Tx;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::bodies::{WorkQueueBody, WorkQueueCreate, WorkQueueUpdate};
use super::find;
use crate::api::names::check_object_name;
use crate::error::ApiError;
use crate::extract::{Body, Paging};
use crate::filter::WorkQueueFilter;
use crate::foreman::{POLLED_LATELY, settle};
use crate::pools::{
    Place, Readiness, UNDER_WAY, WorkPool, WorkQueue, add_queue, forget_queues, move_queue, named, no_queue,
    occupied_of_queues, pool, pool_named, queue, queues_of, remove_queue, tell_changed_queue, tell_gone_queue,
    tell_made_queue,
};
use crate::routes::{Routes, op};
use crate::state::App;

pub(super) fn routes() -> Routes {
    Routes::new(&["Work Pools"])
        .post("/work_pools/{work_pool_name}/queues", op("create_work_queue", create).gives(StatusCode::CREATED))
        .post("/work_pools/{work_pool_name}/queues/filter", op("read_work_queues", list))
        .get("/work_pools/{work_pool_name}/queues/{name}", op("read_work_queue", read))
        .patch("/work_pools/{work_pool_name}/queues/{name}", op("update_work_queue", update))
        .delete("/work_pools/{work_pool_name}/queues/{name}", op("delete_work_queue", delete))
}

async fn create(
    State(app): State<App>,
    Path(pool): Path<String>,
    Body(new): Body<WorkQueueCreate>,
) -> Result<(StatusCode, Json<WorkQueueBody>), ApiError> {
    check_object_name("name", &new.name, &new)?;
    let records = app.store.records();
    let work = records.transact({
        let (app, pool) = (app.clone(), pool.clone());
        move |tx| {
            let (app, pool, new) = (app.clone(), pool.clone(), new.clone());
            Box::pin(async move {
                let pool = pool_named(tx, &pool).await?;
                let queue = add_queue(tx, &app, pool.id, new.into()).await?;
                Ok::<_, ApiError>(queue.map(|queue| Place { pool, queue }))
            })
        }
    });
    let Some(Place { pool: of, queue }) = work.await? else {
        let why = format!("A work queue with this name already exists in work pool '{pool}'.");
        return Err(ApiError::Refused(StatusCode::CONFLICT, why));
    };
    tell_made_queue(&app.events, &queue, &of);
    Ok((StatusCode::CREATED, Json(WorkQueueBody::new(queue, Some(pool), 0))))
}

async fn read(
    State(app): State<App>,
    Path((pool, name)): Path<(String, String)>,
) -> Result<Json<WorkQueueBody>, ApiError> {
    settle(&app).await?;
    let of = find(&app, &pool).await.map_err(|_| no_queue(&pool, &name))?;
    let found = app.store.records().first(named(of.id, &name)).await?;
    let found = found.ok_or_else(|| no_queue(&pool, &name))?;
    told(&app, vec![found]).await?.pop().map(Json).ok_or_else(|| no_queue(&pool, &name))
}

/// Tells of queues of pools.
async fn told(app: &App, queues: Vec<WorkQueue>) -> Result<Vec<WorkQueueBody>, ApiError> {
    let limited = queues.iter().filter(|queue| queue.concurrency_limit.is_some()).map(|queue| queue.id).collect();
    let taken = occupied_of_queues(app, limited, UNDER_WAY).await?;
    bodies(app, queues, &taken).await
}

/// Tells of queues with their pools' names, where so much of them is taken.
pub(in crate::api) async fn bodies(
    app: &App,
    queues: Vec<WorkQueue>,
    taken: &HashMap<Uuid, u64>,
) -> Result<Vec<WorkQueueBody>, ApiError> {
    let mut pools: Vec<Uuid> = queues.iter().map(|queue| queue.work_pool_id).collect();
    pools.sort_unstable();
    pools.dedup();
    let condition = pool::ID.one_of(Values::Ids(pools));
    let selection = Selection { condition, sort: Vec::new(), page: Page::first(u32::MAX) };
    let pools: Vec<WorkPool> = app.store.records().list(&selection).await?;
    let names: HashMap<Uuid, String> = pools.into_iter().map(|pool| (pool.id, pool.name)).collect();
    let body = |queue: WorkQueue| {
        let (pool, taken) = (names.get(&queue.work_pool_id).cloned(), taken.get(&queue.id).copied());
        WorkQueueBody::new(queue, pool, taken.unwrap_or_default())
    };
    Ok(queues.into_iter().map(body).collect())
}

#[derive(Deserialize, JsonSchema)]
struct List {
    work_queues: Option<WorkQueueFilter>,
    #[serde(flatten)]
    paging: Paging,
}

/// Lists the queues of a pool, those first whose runs are handed out first.
async fn list(
    State(app): State<App>,
    Path(pool): Path<String>,
    Body(asked): Body<List>,
) -> Result<Json<Vec<WorkQueueBody>>, ApiError> {
    let page = asked.paging.page()?;
    settle(&app).await?;
    let of_pool = queue::WORK_POOL_ID.is(find(&app, &pool).await?.id);
    let selection = Selection {
        condition: asked.work_queues.map_or(Condition::ALWAYS, |filter| filter.condition()).and(of_pool),
        sort: vec![(queue::PRIORITY, Order::OldestFirst)],
        page,
    };
    Ok(Json(told(&app, app.store.records().list(&selection).await?).await?))
}

async fn update(
    State(app): State<App>,
    Path((pool, name)): Path<(String, String)>,
    Body(update): Body<WorkQueueUpdate>,
) -> Result<StatusCode, ApiError> {
    let records = app.store.records();
    let work = records.transact({
        let app = app.clone();
        move |tx| {
            let (app, pool, name, update) = (app.clone(), pool.clone(), name.clone(), update.clone());
            Box::pin(async move {
                let of = pool_named(tx, &pool).await?;
                let queue = tx.lock_first(named(of.id, &name)).await?.ok_or_else(|| no_queue(&pool, &name))?;
                let after = changed(tx, &queue, update, app.now()).await?;
                Ok::<_, ApiError>((of, queue, after))
            })
        }
    });
    let (of, before, after) = work.await?;
    tell_changed_queue(&app.events, &before, &after, &of);
    Ok(StatusCode::NO_CONTENT)
}

/// Changes a queue. Others are moved on where they are in the way of its priority.
pub(in crate::api) async fn changed(
    tx: &mut Tx<'_>,
    before: &WorkQueue,
    update: WorkQueueUpdate,
    now: Timestamp,
) -> Result<WorkQueue, ApiError> {
    let mut queue = before.clone();
    queue.updated = now;
    queue.name = update.name.unwrap_or(queue.name);
    queue.description = update.description.unwrap_or(queue.description);
    queue.filter = update.filter.unwrap_or(queue.filter);
    if let Some(limit) = update.concurrency_limit {
        queue.concurrency_limit = limit.map(i64::from);
    }
    if let Some(time) = update.last_polled {
        queue.last_polled = time.map(|time| time.0);
    }
    if let Some(paused) = update.is_paused {
        queue.is_paused = paused;
        let lately = |time| now - time <= TimeDelta::seconds(POLLED_LATELY);
        queue.status = match (paused, queue.status) {
            (true, _) => Readiness::Paused,
            (false, Readiness::Paused) if queue.last_polled.is_some_and(lately) => Readiness::Ready,
            (false, Readiness::Paused) => Readiness::NotReady,
            (false, status) => status,
        };
    }
    if let Some(priority) = update.priority.map(|priority| i64::from(priority.get())) {
        tx.lock_first::<WorkPool>(pool::ID.is(queue.work_pool_id)).await?;
        let queues = queues_of(tx, queue.work_pool_id).await?;
        move_queue(tx, &queues, queue.id, priority).await?;
        queue.priority = priority;
    }
    tx.put(&queue).await.map_err(|error| match error {
        StoreError::Exists(_) => {
            ApiError::Refused(StatusCode::CONFLICT, "A work queue with this name already exists.".to_owned())
        }
        error => error.into(),
    })?;
    Ok(queue)
}

async fn delete(State(app): State<App>, Path((pool, name)): Path<(String, String)>) -> Result<StatusCode, ApiError> {
    let records = app.store.records();
    let work = records.transact(move |tx| {
        let (pool, name) = (pool.clone(), name.clone());
        Box::pin(async move {
            let of = pool_named(tx, &pool).await?;
            let queue: WorkQueue = tx.first(named(of.id, &name)).await?.ok_or_else(|| no_queue(&pool, &name))?;
            remove_queue(tx, &queue).await?;
            Ok::<_, ApiError>(Place { pool: of, queue })
        })
    });
    let gone = work.await?;
    tell_gone_queue(&app.events, &gone.queue, &gone.pool);
    forget_queues(&app, vec![gone.queue.id]).await?;
    Ok(StatusCode::NO_CONTENT)
}
