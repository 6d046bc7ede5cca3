//! What workers of a pool are to execute, and what they are executing.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use flowcore::model::{FlowRun, Order, Page, StateType, Timestamp};
use flowcore::store::query::{Condition, Selection, Values, flow_run};
use flowcore::wire::{FlowRunBody, Moment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::find;
use crate::api::flow_runs;
use crate::deployments;
use crate::deployments::deployment::WORK_QUEUE_ID;
use crate::error::ApiError;
use crate::extract::{Body, Limit, Pages, pages};
use crate::pools::{
    Due, UNDER_WAY, WorkPool, WorkQueue, due, no_queue, occupied_of_queues, polled, pool, queue, runs_in,
};
use crate::routes::{Routes, op};
use crate::state::App;

pub(super) fn routes() -> Routes {
    Routes::new(&["Work Pools"])
        .post("/work_pools/{name}/get_scheduled_flow_runs", op("get_scheduled_flow_runs", scheduled))
        .post("/work_pools/{name}/concurrency_status", op("read_work_pool_concurrency_status", under_way))
}

#[derive(Deserialize, JsonSchema)]
struct Poll {
    work_queue_names: Option<Vec<String>>,
    scheduled_before: Option<Moment>,
    scheduled_after: Option<Moment>,
    #[serde(flatten)]
    limit: Limit,
}

/// A run for a worker.
#[derive(Serialize, JsonSchema)]
struct WorkerFlowRun {
    work_pool_id: Uuid,
    work_queue_id: Option<Uuid>,
    flow_run: FlowRunBody,
}

/// Tells what is due in a pool, or in some of its queues, and that somebody has asked.
async fn scheduled(
    State(app): State<App>,
    Path(name): Path<String>,
    Body(poll): Body<Poll>,
) -> Result<Json<Vec<WorkerFlowRun>>, ApiError> {
    let limit = poll.limit.page()?.limit;
    let pool = find(&app, &name).await?;
    let all = queues(&app, queue::WORK_POOL_ID.is(pool.id), Page::first(u32::MAX)).await?;
    let asked = match poll.work_queue_names.filter(|names| !names.is_empty()) {
        None => all.clone(),
        Some(names) => {
            let find = |wanted: &String| all.iter().find(|queue| queue.name == *wanted).cloned();
            let find = |wanted: &String| find(wanted).ok_or_else(|| no_queue(&name, wanted));
            names.iter().map(find).collect::<Result<_, _>>()?
        }
    };
    let time = |moment: Option<Moment>| moment.map(|moment| moment.0);
    let wanted = Due { before: time(poll.scheduled_before), after: time(poll.scheduled_after), limit };
    let runs = due(&app, &pool, &all, &asked, wanted).await?;
    polled(&app, &asked).await?;
    let of_queues = WORK_QUEUE_ID.one_of(Values::Ids(asked.iter().map(|queue| queue.id).collect()));
    deployments::polled(&app, of_queues).await?;
    let told = flow_runs::bodies(&app, &runs).await?.into_iter();
    let told = told.map(|run| WorkerFlowRun { work_pool_id: pool.id, work_queue_id: run.work_queue_id, flow_run: run });
    Ok(Json(told.collect()))
}

async fn queues(app: &App, condition: Condition, page: Page) -> Result<Vec<WorkQueue>, ApiError> {
    let selection = Selection { condition, sort: vec![(queue::PRIORITY, Order::OldestFirst)], page };
    Ok(app.store.records().list(&selection).await?)
}

#[derive(Deserialize, JsonSchema)]
struct Ask {
    #[serde(flatten)]
    pages: Pages,
    /// How many runs of each queue are told.
    #[serde(default = "ten")]
    #[schemars(range(min = 0, max = 200))]
    flow_run_limit: u32,
}

fn ten() -> u32 {
    10
}

/// Who takes the slots of a pool.
#[derive(Serialize, JsonSchema)]
struct UnderWay {
    active_slots: u64,
    concurrency_limit: Option<i64>,
    queues: Vec<QueueUnderWay>,
    count: u64,
    limit: u32,
    pages: u64,
    page: i64,
}

/// Who takes the slots of one queue.
#[derive(Serialize, JsonSchema)]
struct QueueUnderWay {
    queue_id: Uuid,
    queue_name: String,
    active_slots: u64,
    concurrency_limit: Option<i64>,
    flow_runs: Vec<SlotHolder>,
    flow_run_count: u64,
}

/// A run that takes a slot.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct SlotHolder {
    id: Uuid,
    name: String,
    state_type: StateType,
    state_name: String,
    start_time: Option<Moment>,
    state_timestamp: Moment,
    /// In seconds.
    time_in_current_state: f64,
}

impl SlotHolder {
    pub(in crate::api) fn new(run: &FlowRun, now: Timestamp) -> Self {
        SlotHolder {
            id: run.id.0,
            name: run.name.clone(),
            state_type: run.state.kind,
            state_name: run.state.name.to_string(),
            start_time: run.times.start_time.map(Moment),
            state_timestamp: Moment(run.state.timestamp),
            time_in_current_state: (now - run.state.timestamp).as_seconds_f64(),
        }
    }
}

/// Tells how many slots are taken, queue by queue, and by whom.
async fn under_way(
    State(app): State<App>,
    Path(name): Path<String>,
    Body(ask): Body<Ask>,
) -> Result<Json<UnderWay>, ApiError> {
    let part = ask.pages.page()?;
    let runs = Page::first(ask.flow_run_limit.min(200));
    let unknown = || ApiError::Refused(StatusCode::NOT_FOUND, format!("Work pool '{name}' not found."));
    let pool: WorkPool = app.store.records().first(pool::NAME.is(&*name)).await?.ok_or_else(unknown)?;
    let all = queues(&app, queue::WORK_POOL_ID.is(pool.id), Page::first(u32::MAX)).await?;
    let taken = occupied_of_queues(&app, all.iter().map(|queue| queue.id).collect(), UNDER_WAY).await?;
    let count = all.len() as u64;
    let now = app.now();
    let mut told = Vec::new();
    for queue in all.into_iter().skip(part.offset as usize).take(part.limit as usize) {
        let condition = runs_in(vec![queue.id], UNDER_WAY);
        let selection = Selection { condition, sort: vec![(flow_run::ID, Order::OldestFirst)], page: runs };
        let holders = app.store.select_flow_runs(&selection).await?;
        let active = taken.get(&queue.id).copied().unwrap_or_default();
        told.push(QueueUnderWay {
            queue_id: queue.id,
            queue_name: queue.name,
            active_slots: active,
            concurrency_limit: queue.concurrency_limit,
            flow_runs: holders.iter().map(|run| SlotHolder::new(run, now)).collect(),
            flow_run_count: active,
        });
    }
    Ok(Json(UnderWay {
        active_slots: taken.values().sum(),
        concurrency_limit: pool.concurrency_limit,
        queues: told,
        count,
        limit: part.limit,
        pages: pages(part, count),
        page: ask.pages.number(),
    }))
}
