//! Work queues by their ids, as they were before pools: those that name no pool are in the agents' pool.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use flowcore::model::{Order, StateType, Timestamp};
use flowcore::store::query::{Condition, Selection, Table, flow_run};
use flowcore::wire::{FlowRunBody, Moment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::flow_runs;
use super::names::check_object_name;
use super::work_pools::{SlotHolder, WorkQueueBody, WorkQueueCreate, WorkQueueUpdate, changed_queue, queue_bodies};
use crate::error::ApiError;
use crate::extract::{Body, Id, Limit, Pages, Paging, pages};
use crate::filter::WorkQueueFilter;
use crate::foreman::{POLLED_LATELY, settle};
use crate::pools::{
    AGENT_POOL, Due, Place, WorkPool, WorkQueue, add_queue, agent_pool, due_in_queue, forget_queues, holders, named,
    occupied, polled, pool, queue, remove_queue, tell_changed_queue, tell_gone_queue, tell_made_pool, tell_made_queue,
};
use crate::routes::{Routes, op};
use crate::state::App;

const NOT_FOUND: ApiError = ApiError::NotFound("work queue not found");

pub(super) fn routes() -> Routes {
    Routes::new(&["Work Queues"])
        .post("/work_queues/", op("create_work_queue", create).gives(StatusCode::CREATED))
        .post("/work_queues/filter", op("read_work_queues", list))
        .get("/work_queues/name/{name}", op("read_work_queue_by_name", by_name))
        .get("/work_queues/{id}", op("read_work_queue", read))
        .patch("/work_queues/{id}", op("update_work_queue", update))
        .delete("/work_queues/{id}", op("delete_work_queue", delete))
        .post("/work_queues/{id}/get_runs", op("read_work_queue_runs", runs))
        .get("/work_queues/{id}/status", op("read_work_queue_status", status))
        .post("/work_queues/{id}/concurrency_status", op("read_work_queue_concurrency_status", under_way))
}

/// Makes a queue of the agents' pool, and that pool if it is not there yet.
async fn create(
    State(app): State<App>,
    Body(new): Body<WorkQueueCreate>,
) -> Result<(StatusCode, Json<WorkQueueBody>), ApiError> {
    check_object_name("name", &new.name, &new)?;
    let records = app.store.records();
    let work = records.transact({
        let app = app.clone();
        move |tx| {
            let (app, new) = (app.clone(), new.clone());
            Box::pin(async move {
                let (pool, made) = agent_pool(tx, &app).await?;
                let queue = match &made {
                    Some(default) if default.name == new.name => Some(default.clone()),
                    _ => add_queue(tx, &app, pool.id, new.into()).await?,
                };
                Ok::<_, ApiError>((pool, made, queue))
            })
        }
    });
    let (pool, made, queue) = work.await?;
    let Some(queue) = queue else {
        let why = "A work queue with this name already exists.".to_owned();
        return Err(ApiError::Refused(StatusCode::CONFLICT, why));
    };
    if let Some(default) = &made {
        tell_made_pool(&app.events, &pool, default);
    }
    if made.is_none_or(|default| default.id != queue.id) {
        tell_made_queue(&app.events, &queue, &pool);
    }
    Ok((StatusCode::CREATED, Json(WorkQueueBody::new(queue, Some(pool.name), 0))))
}

#[derive(Deserialize, JsonSchema)]
struct List {
    work_queues: Option<WorkQueueFilter>,
    #[serde(flatten)]
    paging: Paging,
}

/// Lists queues of all pools by name.
async fn list(State(app): State<App>, Body(asked): Body<List>) -> Result<Json<Vec<WorkQueueBody>>, ApiError> {
    settle(&app).await?;
    let selection = Selection {
        condition: asked.work_queues.map_or(Condition::ALWAYS, |filter| filter.condition()),
        sort: vec![(queue::NAME, Order::OldestFirst)],
        page: asked.paging.page()?,
    };
    let queues = app.store.records().list(&selection).await?;
    Ok(Json(bodies(&app, queues).await?))
}

pub(super) async fn bodies(app: &App, queues: Vec<WorkQueue>) -> Result<Vec<WorkQueueBody>, ApiError> {
    let mut taken = HashMap::new();
    for queue in queues.iter().filter(|queue| queue.concurrency_limit.is_some()) {
        taken.insert(queue.id, occupied(app, queue).await?);
    }
    queue_bodies(app, queues, &taken).await
}

async fn body(app: &App, queue: WorkQueue) -> Result<Json<WorkQueueBody>, ApiError> {
    bodies(app, vec![queue]).await?.pop().map(Json).ok_or(NOT_FOUND)
}

/// Finds a queue of the agents' pool; of any pool if that is not there.
async fn by_name(State(app): State<App>, Path(name): Path<String>) -> Result<Json<WorkQueueBody>, ApiError> {
    settle(&app).await?;
    let records = app.store.records();
    let agents: Option<WorkPool> = records.first(pool::NAME.is(AGENT_POOL)).await?;
    let this = agents.map_or_else(|| queue::NAME.is(&name), |pool| named(pool.id, &name));
    body(&app, records.first(this).await?.ok_or(NOT_FOUND)?).await
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<WorkQueueBody>, ApiError> {
    settle(&app).await?;
    body(&app, find(&app, id).await?).await
}

async fn find(app: &App, id: Uuid) -> Result<WorkQueue, ApiError> {
    app.store.records().first(queue::ID.is(id)).await?.ok_or(NOT_FOUND)
}

async fn update(
    State(app): State<App>,
    Id(id): Id,
    Body(update): Body<WorkQueueUpdate>,
) -> Result<StatusCode, ApiError> {
    let records = app.store.records();
    let work = records.transact({
        let app = app.clone();
        move |tx| {
            let (app, update) = (app.clone(), update.clone());
            Box::pin(async move {
                let queue: WorkQueue = tx.lock_first(queue::ID.is(id)).await?.ok_or_else(|| missing(id))?;
                let pool = tx.first(pool::ID.is(queue.work_pool_id)).await?.ok_or_else(|| missing(id))?;
                let after = changed_queue(tx, &queue, update, app.now()).await?;
                Ok::<_, ApiError>((pool, queue, after))
            })
        }
    });
    let (pool, before, after) = work.await?;
    tell_changed_queue(&app.events, &before, &after, &pool);
    Ok(StatusCode::NO_CONTENT)
}

fn missing(id: Uuid) -> ApiError {
    ApiError::Refused(StatusCode::NOT_FOUND, format!("Work Queue {id} not found"))
}

async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    let records = app.store.records();
    let work = records.transact(move |tx| {
        Box::pin(async move {
            let queue: WorkQueue = tx.first(queue::ID.is(id)).await?.ok_or(NOT_FOUND)?;
            let pool: WorkPool = tx.first(pool::ID.is(queue.work_pool_id)).await?.ok_or(NOT_FOUND)?;
            remove_queue(tx, &queue).await?;
            Ok::<_, ApiError>(Place { pool, queue })
        })
    });
    let gone = work.await?;
    tell_gone_queue(&app.events, &gone.queue, &gone.pool);
    forget_queues(&app, vec![id]).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, JsonSchema)]
struct Poll {
    #[serde(flatten)]
    limit: Limit,
    scheduled_before: Option<Moment>,
}

/// Tells what is due in a queue, and that somebody has asked, unless it was somebody who only looks.
async fn runs(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
    Body(poll): Body<Poll>,
) -> Result<Json<Vec<FlowRunBody>>, ApiError> {
    let limit = poll.limit.page()?.limit;
    let found = app.store.records().first::<WorkQueue>(queue::ID.is(id)).await?;
    let queue = found.ok_or_else(|| ApiError::Unknown(format!("Work queue with id {id} not found.")))?;
    let before = poll.scheduled_before.map(|moment| moment.0);
    let runs = due_in_queue(&app, &queue, Due { before, after: None, limit }).await?;
    let only_looks = headers.get("x-prefect-ui").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    if !only_looks {
        polled(&app, std::slice::from_ref(&queue)).await?;
    }
    Ok(Json(flow_runs::bodies(&app, &runs).await?))
}

/// Whether a queue's runs are taken in time.
#[derive(Serialize, JsonSchema)]
struct Health {
    healthy: bool,
    late_runs_count: u64,
    last_polled: Option<Moment>,
    health_check_policy: HealthPolicy,
}

/// By what that is judged.
#[derive(Serialize, JsonSchema)]
struct HealthPolicy {
    maximum_late_runs: u64,
    maximum_seconds_since_last_polled: i64,
}

async fn status(State(app): State<App>, Id(id): Id) -> Result<Json<Health>, ApiError> {
    let queue = find(&app, id).await?;
    let late = Condition::All(vec![
        flow_run::WORK_QUEUE_ID.is(id),
        flow_run::STATE_TYPE.is(StateType::Scheduled.as_str()),
        flow_run::STATE_NAME.is("Late"),
    ]);
    let late = app.store.count(Table::FLOW_RUNS, &late).await?;
    let lately = |time: Timestamp| (app.now() - time).num_seconds() <= POLLED_LATELY;
    Ok(Json(Health {
        healthy: late == 0 && queue.last_polled.is_some_and(lately),
        late_runs_count: late,
        last_polled: queue.last_polled.map(Moment),
        health_check_policy: HealthPolicy { maximum_late_runs: 0, maximum_seconds_since_last_polled: POLLED_LATELY },
    }))
}

/// Who takes the slots of a queue.
#[derive(Serialize, JsonSchema)]
struct UnderWay {
    active_slots: u64,
    concurrency_limit: Option<i64>,
    flow_runs: Vec<SlotHolder>,
    count: u64,
    limit: u32,
    pages: u64,
    page: i64,
}

async fn under_way(State(app): State<App>, Id(id): Id, Body(ask): Body<Pages>) -> Result<Json<UnderWay>, ApiError> {
    let part = ask.page()?;
    let queue = find(&app, id).await?;
    let active = occupied(&app, &queue).await?;
    let selection = Selection {
        condition: Condition::Any(holders(&queue)),
        sort: vec![(flow_run::ID, Order::OldestFirst)],
        page: part,
    };
    let (runs, now) = (app.store.select_flow_runs(&selection).await?, app.now());
    Ok(Json(UnderWay {
        active_slots: active,
        concurrency_limit: queue.concurrency_limit,
        flow_runs: runs.iter().map(|run| SlotHolder::new(run, now)).collect(),
        count: active,
        limit: part.limit,
        pages: pages(part, active),
        page: ask.number(),
    }))
}
