//! Events about pools and queues.

use flowcore::model::{RESOURCE_ID, RESOURCE_NAME, RESOURCE_ROLE, Resource};
use serde_json::{Map, Value, json};

use super::pool::WorkPool;
use super::queue::WorkQueue;
use super::readiness::Readiness;
use crate::events::{Events, NewEvent};

const POOL_TYPE: &str = "prefect.work-pool.type";

impl Readiness {
    /// Gives what events call it.
    fn in_events(self) -> &'static str {
        match self {
            Readiness::Ready => "ready",
            Readiness::NotReady => "not-ready",
            Readiness::Paused => "paused",
        }
    }
}

fn of_pool(what: &str, pool: &WorkPool) -> NewEvent {
    NewEvent::of(format!("prefect.work-pool.{what}"), format!("prefect.work-pool.{}", pool.id))
        .name(&pool.name)
        .label(POOL_TYPE, &pool.kind)
        .label(RESOURCE_ROLE, "work-pool")
}

fn with_parts(event: NewEvent, pool: &WorkPool) -> NewEvent {
    let event = event.related(format!("prefect.work-queue.{}", pool.default_queue_id), "default-queue", None);
    match pool.storage_configuration.default_result_storage_block_id {
        Some(block) => event.related(format!("prefect.block-document.{block}"), "result-storage", None),
        None => event,
    }
}

/// Names the pool that something belongs to.
pub(crate) fn related_pool(pool: &WorkPool) -> Resource {
    [
        (RESOURCE_ID, format!("prefect.work-pool.{}", pool.id)),
        (RESOURCE_NAME, pool.name.clone()),
        (POOL_TYPE, pool.kind.clone()),
        (RESOURCE_ROLE, "work-pool".to_owned()),
    ]
    .map(|(label, value)| (label.to_owned(), value))
    .into()
}

fn of_queue(what: &str, queue: &WorkQueue, pool: &WorkPool) -> NewEvent {
    NewEvent::of(format!("prefect.work-queue.{what}"), format!("prefect.work-queue.{}", queue.id))
        .name(&queue.name)
        .label(RESOURCE_ROLE, "work-queue")
        .also(related_pool(pool))
}

/// Tells of a new pool and its default queue.
pub(crate) fn tell_made_pool(events: &Events, pool: &WorkPool, queue: &WorkQueue) {
    tell_made_queue(events, queue, pool);
    events.emit(with_parts(of_pool("created", pool), pool));
    tell_pool_status(events, pool);
}

/// Tells of how a pool stands.
pub(crate) fn tell_pool_status(events: &Events, pool: &WorkPool) {
    events.emit(of_pool(pool.status.in_events(), pool));
}

/// Tells of what has changed of a pool.
pub(crate) fn tell_changed_pool(events: &Events, before: &WorkPool, after: &WorkPool) {
    let changes = [
        ("description", json!(before.description), json!(after.description)),
        ("base_job_template", json!(before.base_job_template), json!(after.base_job_template)),
        ("concurrency_limit", json!(before.concurrency_limit), json!(after.concurrency_limit)),
        ("storage_configuration", json!(before.storage_configuration), json!(after.storage_configuration)),
    ];
    if let Some((fields, updates)) = differences(changes) {
        events.emit(of_pool("updated", after).payload("updated_fields", fields).payload("updates", updates));
    }
    if before.status != after.status {
        tell_pool_status(events, after);
    }
}

/// Tells of the end of a pool and its queues.
pub(crate) fn tell_gone_pool(events: &Events, pool: &WorkPool, queues: &[WorkQueue]) {
    queues.iter().for_each(|queue| tell_gone_queue(events, queue, pool));
    events.emit(with_parts(of_pool("deleted", pool), pool));
}

/// Tells of a new queue.
pub(crate) fn tell_made_queue(events: &Events, queue: &WorkQueue, pool: &WorkPool) {
    events.emit(of_queue("created", queue, pool));
}

/// Tells of how a queue stands.
pub(crate) fn tell_queue_status(events: &Events, queue: &WorkQueue, pool: &WorkPool) {
    events.emit(of_queue(queue.status.in_events(), queue, pool));
}

/// Tells of what has changed of a queue.
pub(crate) fn tell_changed_queue(events: &Events, before: &WorkQueue, after: &WorkQueue, pool: &WorkPool) {
    let changes = [
        ("name", json!(before.name), json!(after.name)),
        ("description", json!(before.description), json!(after.description)),
        ("concurrency_limit", json!(before.concurrency_limit), json!(after.concurrency_limit)),
        ("priority", json!(before.priority), json!(after.priority)),
    ];
    if let Some((fields, updates)) = differences(changes) {
        events.emit(of_queue("updated", after, pool).payload("updated_fields", fields).payload("updates", updates));
    }
    if before.status != after.status {
        tell_queue_status(events, after, pool);
    }
}

/// Tells of the end of a queue.
pub(crate) fn tell_gone_queue(events: &Events, queue: &WorkQueue, pool: &WorkPool) {
    events.emit(of_queue("deleted", queue, pool));
}

/// Lists what differs, with both values; none if nothing does.
fn differences<const N: usize>(fields: [(&str, Value, Value); N]) -> Option<(Vec<String>, Map<String, Value>)> {
    let changed = fields.into_iter().filter(|(_, before, after)| before != after);
    let updates: Map<String, Value> =
        changed.map(|(field, before, after)| (field.to_owned(), json!({"from": before, "to": after}))).collect();
    (!updates.is_empty()).then(|| (updates.keys().cloned().collect(), updates))
}
