//! Why a run that waits for a worker has not been taken, or has been and does not begin.

use chrono::TimeDelta;
use flowcore::client::{blocker, clock_time};
use flowcore::model::{FlowRun, Order, Page, StateName, StateType, Timestamp};
use flowcore::orchestration::slots_taken;
use flowcore::store::query::{Selection, flow_run};
use flowcore::wire::{Blocker, BlockerKind, Cause, Why};
use uuid::Uuid;

use super::because;
use crate::deployments::Deployment;
use crate::deployments::deployment;
use crate::error::ApiError;
use crate::foreman::POLLED_LATELY;
use crate::pools::{UNDER_WAY, WorkPool, WorkQueue, Worker, pool, queue, runs_in, worker};
use crate::state::App;

/// How many of the runs that stand in the way are named.
const NAMED: u32 = 20;

/// Tells why a run that no process has does not begin; `None` where a server knows no more than a program.
pub(super) async fn explain(app: &App, run: &FlowRun) -> Result<Option<Why>, ApiError> {
    let records = app.store.records();
    let deployment: Option<Deployment> = match run.origin.deployment_id {
        Some(id) => records.first(deployment::ID.is(id)).await?,
        None => None,
    };
    let queue: Option<WorkQueue> = match run.origin.work_queue_id {
        Some(id) => records.first(queue::ID.is(id)).await?,
        None => None,
    };
    if run.state.kind == StateType::Scheduled {
        let waits_for_slot = run.state.name == StateName::AWAITING_CONCURRENCY_SLOT;
        if let Some(deployment) = deployment.as_ref().filter(|_| waits_for_slot)
            && let Some(why) = no_slot(app, run, deployment).await?
        {
            return Ok(Some(why));
        }
        if run.state.scheduled_time().is_some_and(|due| due > app.now()) {
            return Ok(None);
        }
    }
    match (queue, deployment) {
        (Some(queue), deployment) => {
            let pool: Option<WorkPool> = records.first(pool::ID.is(queue.work_pool_id)).await?;
            match pool {
                Some(pool) => in_pool(app, run, &pool, &queue, deployment.as_ref()).await.map(Some),
                None => Ok(None),
            }
        }
        (None, Some(deployment)) if run.state.kind == StateType::Scheduled => Ok(Some(served(app, run, &deployment))),
        _ => Ok(None),
    }
}

/// Tells who has the slots of a deployment's limit, if there is none left.
async fn no_slot(app: &App, run: &FlowRun, deployment: &Deployment) -> Result<Option<Why>, ApiError> {
    let limits = app.store.limits().await?;
    let Some(limit) = limits.into_iter().find(|limit| Some(limit.id.0) == deployment.concurrency_limit_id) else {
        return Ok(None);
    };
    let occupancy = app.store.occupancy(std::slice::from_ref(&limit.name)).await?;
    if slots_taken(&occupancy, &limit, app.now()) < u64::from(limit.limit) {
        return Ok(None);
    }
    let message = format!(
        "Of the deployment '{}' {} runs may be under way at once, and so many are.",
        deployment.name, limit.limit
    );
    let advice = "Wait until one of them ends, or raise the deployment's concurrency limit.".to_owned();
    let blockers = occupancy.leases.iter().map(|lease| blocker(&lease.holder)).collect();
    let again = run.state.scheduled_time();
    Ok(Some(because(run, Cause::DeploymentFull, message, advice).until(again).blocked_by(blockers)))
}

/// Tells why no worker of a pool takes a run that is due, or does not begin with one that it has taken.
async fn in_pool(
    app: &App,
    run: &FlowRun,
    pool: &WorkPool,
    queue: &WorkQueue,
    deployment: Option<&Deployment>,
) -> Result<Why, ApiError> {
    let now = app.now();
    let of_pool = || vec![Blocker::new(BlockerKind::WorkPool, pool.id, pool.name.clone())];
    let of_queue = || vec![Blocker::new(BlockerKind::WorkQueue, queue.id, queue.name.clone())];
    let workers = workers(app, pool).await?;
    let online = workers.iter().any(|worker| worker.is_online(now));
    let polled = queue.last_polled.is_some_and(|polled| now - polled < TimeDelta::seconds(POLLED_LATELY));
    let start = format!("`flowcore worker start --pool {}`", pool.name);
    if run.state.kind == StateType::Pending {
        let since = clock_time(run.state.timestamp);
        return Ok(if online {
            let message = format!(
                "A worker of the pool '{}' has taken the run at {since}, and its process has yet to begin.",
                pool.name
            );
            because(run, Cause::Taken, message, "Wait, or look at what the worker logs.".to_owned())
        } else {
            let message = format!(
                "A worker of the pool '{}' has taken the run at {since}, and no worker is there any more.",
                pool.name
            );
            let advice = format!("Start a worker ({start}), and cancel the run or set it to Scheduled.");
            because(run, Cause::WorkerGone, message, advice).blocked_by(of_pool())
        });
    }
    if pool.is_paused {
        let advice = format!("`flowcore work-pool resume {}` lets its workers go on.", pool.name);
        return Ok(because(run, Cause::PoolPaused, format!("The pool '{}' is paused.", pool.name), advice)
            .blocked_by(of_pool()));
    }
    if queue.is_paused {
        let message = format!("The queue '{}' of the pool '{}' is paused.", queue.name, pool.name);
        let advice = format!("`flowcore work-queue resume {} --pool {}` lets its runs go on.", queue.name, pool.name);
        return Ok(because(run, Cause::QueuePaused, message, advice).blocked_by(of_queue()));
    }
    for (cause, what, limit, queues) in [
        (Cause::QueueFull, "queue", queue.concurrency_limit, vec![queue.id]),
        (Cause::PoolFull, "pool", pool.concurrency_limit, queues(app, pool).await?),
    ] {
        let Some(limit) = limit else { continue };
        let sort = vec![(flow_run::ID, Order::OldestFirst)];
        let selection = Selection { condition: runs_in(queues, UNDER_WAY), sort, page: Page::ALL };
        let holders = app.store.select_flow_runs(&selection).await?;
        if holders.len() as u64 >= limit.unsigned_abs() {
            let name = if what == "queue" { &queue.name } else { &pool.name };
            let message =
                format!("Of the {what} '{name}' {limit} runs may be under way at once, and {} are.", holders.len());
            let advice = format!("Wait until one of them ends, or raise the {what}'s concurrency limit.");
            let named = holders.iter().take(NAMED as usize);
            let blockers = named.map(|run| Blocker::new(BlockerKind::FlowRun, run.id.0, run.name.clone())).collect();
            return Ok(because(run, cause, message, advice).blocked_by(blockers));
        }
    }
    if let Some(deployment) = deployment
        && let Some(why) = no_slot(app, run, deployment).await?
    {
        return Ok(why);
    }
    if !online && !polled {
        let last = workers.iter().map(|worker| worker.last_heartbeat_time).max();
        let message = format!("No worker of the pool '{}' is there{}.", pool.name, heard(last));
        return Ok(because(run, Cause::NoWorker, message, format!("Start one: {start}.")).blocked_by(of_pool()));
    }
    if !polled {
        let message = format!(
            "No worker asks for the work of the queue '{}' of the pool '{}'{}.",
            queue.name,
            pool.name,
            heard(queue.last_polled)
        );
        let advice = format!("Start a worker for it: {start} --work-queue {}.", queue.name);
        return Ok(because(run, Cause::QueueNotPolled, message, advice).blocked_by(of_queue()));
    }
    let message = format!("The run is due, and a worker of the pool '{}' takes it when it asks next.", pool.name);
    Ok(because(run, Cause::Due, message, "Wait a moment.".to_owned()))
}

fn heard(last: Option<Timestamp>) -> String {
    last.map_or_else(String::new, |last| format!(" since {}", clock_time(last)))
}

async fn queues(app: &App, pool: &WorkPool) -> Result<Vec<Uuid>, ApiError> {
    let condition = queue::WORK_POOL_ID.is(pool.id);
    let queues: Vec<WorkQueue> =
        app.store.records().list(&Selection { condition, sort: Vec::new(), page: Page::ALL }).await?;
    Ok(queues.iter().map(|queue| queue.id).collect())
}

async fn workers(app: &App, pool: &WorkPool) -> Result<Vec<Worker>, ApiError> {
    let condition = worker::WORK_POOL_ID.is(pool.id);
    Ok(app.store.records().list(&Selection { condition, sort: Vec::new(), page: Page::ALL }).await?)
}

/// Tells why nobody takes a due run of a deployment without a pool, which whoever serves it executes.
fn served(app: &App, run: &FlowRun, deployment: &Deployment) -> Why {
    let blockers = vec![Blocker::new(BlockerKind::Deployment, deployment.id, deployment.name.clone())];
    let polled = deployment.last_polled.filter(|polled| app.now() - *polled < TimeDelta::seconds(POLLED_LATELY));
    if polled.is_some() {
        let message = format!("The run is due, and whoever serves the deployment '{}' takes it soon.", deployment.name);
        return because(run, Cause::Due, message, "Wait a moment, or look at what that process logs.".to_owned());
    }
    let (cause, what) = match deployment.paused {
        true => (Cause::DeploymentPaused, "is paused, and nobody serves it"),
        false => (Cause::NobodyServes, "has no pool, and nobody serves it"),
    };
    let message = format!("The deployment '{}' {what}{}.", deployment.name, heard(deployment.last_polled));
    because(run, cause, message, "Start the program that serves it.".to_owned()).blocked_by(blockers)
}
