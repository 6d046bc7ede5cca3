//! Work pools.

mod bodies;
mod queues;
mod scheduled;
mod workers;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use flowcore::model::Order;
use flowcore::store::query::{Condition, Selection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use bodies::WorkPoolBody;
use bodies::{WorkPoolCreate, WorkPoolUpdate};
pub(super) use bodies::{WorkQueueBody, WorkQueueCreate, WorkQueueUpdate};
pub(super) use queues::{bodies as queue_bodies, changed as changed_queue};
pub(super) use scheduled::SlotHolder;

use super::names::check_object_name;
use crate::error::ApiError;
use crate::extract::{Body, Paging};
use crate::filter::WorkPoolFilter;
use crate::foreman::settle;
use crate::pools::{
    Readiness, WorkPool, add_pool, check_template, forget_queues, is_attended, is_reserved, no_pool, occupied_of_pools,
    pool, pool_named, remove_pool, tell_changed_pool, tell_gone_pool, tell_made_pool,
};
use crate::routes::{Routes, op};
use crate::state::App;

pub(super) fn routes() -> Routes {
    Routes::new(&["Work Pools"])
        .post("/work_pools/", op("create_work_pool", create).gives(StatusCode::CREATED))
        .post("/work_pools/count", op("count_work_pools", count))
        .post("/work_pools/filter", op("read_work_pools", list))
        .get("/work_pools/{name}", op("read_work_pool", read))
        .patch("/work_pools/{name}", op("update_work_pool", update))
        .delete("/work_pools/{name}", op("delete_work_pool", delete))
        .merge(queues::routes())
        .merge(scheduled::routes())
        .merge(workers::routes())
}

fn check(template: Option<&serde_json::Map<String, serde_json::Value>>, body: &impl Serialize) -> Result<(), ApiError> {
    template.map_or(Ok(()), check_template).map_err(|why| {
        let body = serde_json::to_value(body).unwrap_or_default();
        ApiError::invalid("value_error", &["base_job_template".into()], format!("Value error, {why}"), body)
    })
}

fn reserved(but: &str) -> ApiError {
    let why = format!("Work pools starting with 'Prefect' are reserved for internal use{but}.");
    ApiError::Refused(StatusCode::FORBIDDEN, why)
}

/// Makes a pool and its default queue.
async fn create(
    State(app): State<App>,
    Body(new): Body<WorkPoolCreate>,
) -> Result<(StatusCode, Json<WorkPoolBody>), ApiError> {
    check_object_name("name", &new.name, &new)?;
    check(Some(&new.base_job_template), &new)?;
    if is_reserved(&new.name) {
        return Err(reserved(""));
    }
    let mut pool = WorkPool::new(&app, new.name, new.kind);
    pool.description = new.description;
    pool.base_job_template = new.base_job_template;
    pool.is_paused = new.is_paused;
    pool.concurrency_limit = new.concurrency_limit.map(i64::from);
    pool.storage_configuration = new.storage_configuration;
    if pool.is_paused && pool.has_workers() {
        pool.status = Readiness::Paused;
    }
    let records = app.store.records();
    let work = records.transact({
        let (app, pool) = (app.clone(), pool.clone());
        move |tx| {
            let (app, pool) = (app.clone(), pool.clone());
            Box::pin(async move { add_pool(tx, &app, &pool).await })
        }
    });
    let queue = work.await?;
    tell_made_pool(&app.events, &pool, &queue);
    Ok((StatusCode::CREATED, Json(WorkPoolBody::new(pool, 0))))
}

#[derive(Deserialize, JsonSchema)]
struct Count {
    work_pools: Option<WorkPoolFilter>,
}

async fn count(State(app): State<App>, Body(asked): Body<Count>) -> Result<Json<u64>, ApiError> {
    let condition = asked.work_pools.map_or(Condition::ALWAYS, |filter| filter.condition());
    Ok(Json(app.store.records().count(pool::TABLE, &condition).await?))
}

#[derive(Deserialize, JsonSchema)]
struct List {
    work_pools: Option<WorkPoolFilter>,
    #[serde(flatten)]
    paging: Paging,
}

/// Lists pools by name.
async fn list(State(app): State<App>, Body(asked): Body<List>) -> Result<Json<Vec<WorkPoolBody>>, ApiError> {
    settle(&app).await?;
    let selection = Selection {
        condition: asked.work_pools.map_or(Condition::ALWAYS, |filter| filter.condition()),
        sort: vec![(pool::NAME, Order::OldestFirst)],
        page: asked.paging.page()?,
    };
    let pools = app.store.records().list(&selection).await?;
    Ok(Json(bodies_of(&app, pools).await?))
}

async fn bodies_of(app: &App, pools: Vec<WorkPool>) -> Result<Vec<WorkPoolBody>, ApiError> {
    let limited = pools.iter().filter(|pool| pool.concurrency_limit.is_some()).map(|pool| pool.id).collect();
    let taken = occupied_of_pools(app, limited).await?;
    let body = |pool: WorkPool| {
        let taken = taken.get(&pool.id).copied().unwrap_or_default();
        WorkPoolBody::new(pool, taken)
    };
    Ok(pools.into_iter().map(body).collect())
}

async fn read(State(app): State<App>, Path(name): Path<String>) -> Result<Json<WorkPoolBody>, ApiError> {
    settle(&app).await?;
    let pool = find(&app, &name).await?;
    Ok(Json(pool_body(&app, pool).await?))
}

/// Tells of one pool.
pub(crate) async fn pool_body(app: &App, pool: WorkPool) -> Result<WorkPoolBody, ApiError> {
    let taken = match pool.concurrency_limit {
        Some(_) => occupied_of_pools(app, vec![pool.id]).await?.remove(&pool.id),
        None => None,
    };
    Ok(WorkPoolBody::new(pool, taken.unwrap_or_default()))
}

/// Finds a pool by its name.
pub(super) async fn find(app: &App, name: &str) -> Result<WorkPool, ApiError> {
    app.store.records().first(pool::NAME.is(name)).await?.ok_or_else(|| no_pool(name))
}

async fn update(
    State(app): State<App>,
    Path(name): Path<String>,
    Body(update): Body<WorkPoolUpdate>,
) -> Result<StatusCode, ApiError> {
    check(update.base_job_template.as_ref(), &update)?;
    if is_reserved(&name) && !update.is_harmless() {
        return Err(reserved(" and can only be updated to set concurrency limits or pause"));
    }
    let is_for_workers = update.is_for_workers();
    let records = app.store.records();
    let work = records.transact({
        let app = app.clone();
        move |tx| {
            let (app, name, update) = (app.clone(), name.clone(), update.clone());
            Box::pin(async move {
                let before: WorkPool = tx.lock_first(pool::NAME.is(&name)).await?.ok_or_else(|| no_pool(&name))?;
                let mut pool = before.clone();
                pool.updated = app.now();
                pool.description = update.description.unwrap_or(pool.description);
                pool.base_job_template = update.base_job_template.unwrap_or(pool.base_job_template);
                pool.storage_configuration = update.storage_configuration.unwrap_or(pool.storage_configuration);
                if let Some(limit) = update.concurrency_limit {
                    pool.concurrency_limit = limit.map(i64::from);
                }
                if let Some(paused) = update.is_paused {
                    pool.is_paused = paused;
                    if pool.has_workers() {
                        pool.status = match paused {
                            true => Readiness::Paused,
                            false if is_attended(tx, &app, pool.id).await? => Readiness::Ready,
                            false => Readiness::NotReady,
                        };
                    }
                }
                tx.put(&pool).await?;
                Ok::<_, ApiError>((before, pool))
            })
        }
    });
    let (before, after) = work.await?;
    tell_changed_pool(&app.events, &before, &after);
    if is_for_workers {
        app.changed_pools.announce(after.id);
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(State(app): State<App>, Path(name): Path<String>) -> Result<StatusCode, ApiError> {
    if is_reserved(&name) {
        return Err(reserved(" and can not be deleted"));
    }
    let records = app.store.records();
    let work = records.transact(move |tx| {
        let name = name.clone();
        Box::pin(async move {
            let pool = pool_named(tx, &name).await?;
            let queues = remove_pool(tx, &pool).await?;
            Ok::<_, ApiError>((pool, queues))
        })
    });
    let (pool, queues) = work.await?;
    tell_gone_pool(&app.events, &pool, &queues);
    app.changed_pools.announce(pool.id);
    forget_queues(&app, queues.iter().map(|queue| queue.id).collect()).await?;
    Ok(StatusCode::NO_CONTENT)
}
