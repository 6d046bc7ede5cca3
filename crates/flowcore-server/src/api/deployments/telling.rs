//! Answers about deployments: with their schedules, their pools and their limits.

use std::collections::HashMap;

use flowcore::model::Page;
use flowcore::store::query::{Selection, Values};
use uuid::Uuid;

use super::bodies::{DeploymentResponse, GlobalConcurrencyLimitResponse, ScheduleBody};
use crate::deployments::{Deployment, schedules_of};
use crate::error::ApiError;
use crate::pools::{WorkPool, WorkQueue, pool, queue};
use crate::state::App;

/// Tells of deployments, in their order.
pub(super) async fn responses(app: &App, deployments: Vec<Deployment>) -> Result<Vec<DeploymentResponse>, ApiError> {
    let mut schedules: HashMap<Uuid, Vec<ScheduleBody>> = HashMap::new();
    for schedule in schedules_of(app, deployments.iter().map(|one| one.id).collect()).await? {
        schedules.entry(schedule.deployment_id).or_default().push(schedule.into());
    }
    let pools = pool_names(app, deployments.iter().filter_map(|one| one.work_queue_id).collect()).await?;
    let limits = limits(app, deployments.iter().filter_map(|one| one.concurrency_limit_id).collect()).await?;
    let told = deployments.into_iter().map(|deployment| {
        let schedules = schedules.remove(&deployment.id).unwrap_or_default();
        let limit = deployment.concurrency_limit_id.and_then(|id| limits.get(&id).cloned());
        let pool = deployment.work_queue_id.and_then(|id| pools.get(&id).cloned());
        DeploymentResponse::new(deployment, schedules, limit, pool)
    });
    Ok(told.collect())
}

/// Finds the names of the pools that queues are in.
async fn pool_names(app: &App, queues: Vec<Uuid>) -> Result<HashMap<Uuid, String>, ApiError> {
    if queues.is_empty() {
        return Ok(HashMap::new());
    }
    let all = |condition| Selection { condition, sort: Vec::new(), page: Page::first(u32::MAX) };
    let records = app.store.records();
    let queues: Vec<WorkQueue> = records.list(&all(queue::ID.one_of(Values::Ids(queues)))).await?;
    let ids = queues.iter().map(|queue| queue.work_pool_id).collect();
    let pools: Vec<WorkPool> = records.list(&all(pool::ID.one_of(Values::Ids(ids)))).await?;
    let names: HashMap<Uuid, String> = pools.into_iter().map(|pool| (pool.id, pool.name)).collect();
    let named = queues.into_iter().filter_map(|queue| Some((queue.id, names.get(&queue.work_pool_id)?.clone())));
    Ok(named.collect())
}

/// Finds limits by their ids, with the slots that are taken.
async fn limits(app: &App, ids: Vec<Uuid>) -> Result<HashMap<Uuid, GlobalConcurrencyLimitResponse>, ApiError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let limits: Vec<_> = app.store.limits().await?.into_iter().filter(|limit| ids.contains(&limit.id.0)).collect();
    let names: Vec<String> = limits.iter().map(|limit| limit.name.clone()).collect();
    let (now, occupancy) = (app.now(), app.store.occupancy(&names).await?);
    let held = |name: &str| {
        let held = occupancy.leases.iter().filter(|lease| lease.limit == name);
        held.filter(|lease| lease.expires.is_none_or(|expires| expires > now)).map(|lease| lease.slots).sum()
    };
    let told = limits.iter().map(|limit| (limit.id.0, GlobalConcurrencyLimitResponse::new(limit, held(&limit.name))));
    Ok(told.collect())
}
