//! The workers of a pool.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use flowcore::model::Order;
use flowcore::store::query::{Condition, Selection};
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::WorkerBody;
use super::find;
use crate::error::ApiError;
use crate::extract::{Body, Paging};
use crate::filter::WorkerFilter;
use crate::foreman::settle;
use crate::pools::{Worker, heard_of, pool_named, tell_pool_status, worker};
use crate::routes::{Routes, op};
use crate::state::App;

pub(super) fn routes() -> Routes {
    Routes::new(&["Work Pools"])
        .post("/work_pools/{work_pool_name}/workers/heartbeat", op("worker_heartbeat", heartbeat))
        .post("/work_pools/{work_pool_name}/workers/filter", op("read_workers", list))
        .delete("/work_pools/{work_pool_name}/workers/{name}", op("delete_worker", remove))
}

#[derive(Clone, Deserialize, JsonSchema)]
struct Heartbeat {
    name: String,
    heartbeat_interval_seconds: Option<i64>,
}

/// Keeps that a worker is there; it is made when it is first heard of.
async fn heartbeat(
    State(app): State<App>,
    Path(pool): Path<String>,
    Body(heartbeat): Body<Heartbeat>,
) -> Result<StatusCode, ApiError> {
    let records = app.store.records();
    let work = records.transact({
        let app = app.clone();
        move |tx| {
            let (app, pool, heartbeat) = (app.clone(), pool.clone(), heartbeat.clone());
            Box::pin(async move {
                let pool = pool_named(tx, &pool).await?;
                let seconds = heartbeat.heartbeat_interval_seconds;
                heard_of(tx, &app, &pool, &heartbeat.name, seconds).await
            })
        }
    });
    if let Some(ready) = work.await? {
        tell_pool_status(&app.events, &ready);
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, JsonSchema)]
struct List {
    workers: Option<WorkerFilter>,
    #[serde(flatten)]
    paging: Paging,
}

/// Lists workers, those first that were heard of last.
async fn list(
    State(app): State<App>,
    Path(pool): Path<String>,
    Body(asked): Body<List>,
) -> Result<Json<Vec<WorkerBody>>, ApiError> {
    let page = asked.paging.page()?;
    settle(&app).await?;
    let pool = find(&app, &pool).await?;
    let of_pool = worker::WORK_POOL_ID.is(pool.id);
    let selection = Selection {
        condition: asked.workers.map_or(Condition::ALWAYS, |filter| filter.condition()).and(of_pool),
        sort: vec![(worker::LAST_HEARTBEAT_TIME, Order::NewestFirst)],
        page,
    };
    let (workers, now): (Vec<Worker>, _) = (app.store.records().list(&selection).await?, app.now());
    Ok(Json(workers.into_iter().map(|worker| WorkerBody::new(worker, now)).collect()))
}

async fn remove(State(app): State<App>, Path((pool, name)): Path<(String, String)>) -> Result<StatusCode, ApiError> {
    let records = app.store.records();
    let work = records.transact(move |tx| {
        let (pool, name) = (pool.clone(), name.clone());
        Box::pin(async move {
            let pool = pool_named(tx, &pool).await?;
            let this = Condition::All(vec![worker::WORK_POOL_ID.is(pool.id), worker::NAME.is(name)]);
            Ok::<_, ApiError>(tx.delete(worker::TABLE, this).await?)
        })
    });
    if work.await? > 0 { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("Worker not found.")) }
}
