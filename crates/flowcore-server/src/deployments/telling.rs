//! Events about deployments.

use flowcore::model::{Flow, Page};
use flowcore::store::StoreError;
use flowcore::store::query::{Selection, flow};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::deployment::Deployment;
use crate::events::NewEvent;
use crate::pools::{WorkPool, WorkQueue, pool, queue, related_pool};
use crate::state::App;

/// What a deployment belongs to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    pub(crate) flow: Option<Flow>,
    pub(crate) queue: Option<WorkQueue>,
    pub(crate) pool: Option<WorkPool>,
}

fn of(what: &str, deployment: &Deployment, around: &Surroundings) -> NewEvent {
    let mut event = NewEvent::of(format!("prefect.deployment.{what}"), format!("prefect.deployment.{}", deployment.id))
        .name(&deployment.name);
    if let Some(flow) = &around.flow {
        event = event.related(format!("prefect.flow.{}", flow.id), "flow", Some(&flow.name));
    }
    if let Some(queue) = &around.queue {
        event = event.related(format!("prefect.work-queue.{}", queue.id), "work-queue", Some(&queue.name));
    }
    if let Some(pool) = &around.pool {
        event = event.also(related_pool(pool));
    }
    for (id, kind, role) in [
        (deployment.storage_document_id, "block-document", "storage"),
        (deployment.infrastructure_document_id, "block-document", "infrastructure"),
        (deployment.concurrency_limit_id, "concurrency-limit", "concurrency-limit"),
    ] {
        if let Some(id) = id {
            event = event.related(format!("prefect.{kind}.{id}"), role, None);
        }
    }
    event
}

/// Tells of a new deployment, of its end, or of how it stands: `created`, `deleted`, `ready`, `not-ready`.
pub(crate) fn tell(app: &App, what: &str, deployment: &Deployment, around: &Surroundings) {
    app.events.emit(of(what, deployment, around));
}

/// Tells of what has changed of a deployment, if anything has.
pub(crate) fn tell_changes(app: &App, before: &Deployment, after: &Deployment, around: &Surroundings) {
    let fields = [
        ("description", json!(before.description), json!(after.description)),
        ("tags", json!(before.tags), json!(after.tags)),
        ("parameters", json!(before.parameters), json!(after.parameters)),
        ("parameter_openapi_schema", json!(before.parameter_openapi_schema), json!(after.parameter_openapi_schema)),
        ("enforce_parameter_schema", json!(before.enforce_parameter_schema), json!(after.enforce_parameter_schema)),
        ("entrypoint", json!(before.entrypoint), json!(after.entrypoint)),
        ("path", json!(before.path), json!(after.path)),
        ("pull_steps", json!(before.pull_steps), json!(after.pull_steps)),
        ("work_queue_id", json!(before.work_queue_id), json!(after.work_queue_id)),
        ("infra_overrides", json!(before.job_variables), json!(after.job_variables)),
        ("paused", json!(before.paused), json!(after.paused)),
        ("labels", json!(before.labels), json!(after.labels)),
        ("version", json!(before.version), json!(after.version)),
        ("concurrency_limit_id", json!(before.concurrency_limit_id), json!(after.concurrency_limit_id)),
        ("concurrency_options", json!(before.concurrency_options), json!(after.concurrency_options)),
    ];
    let updates: Map<String, Value> = fields
        .into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(field, before, after)| (field.to_owned(), json!({"from": before, "to": after})))
        .collect();
    if !updates.is_empty() {
        let names: Vec<&String> = updates.keys().collect();
        app.events.emit(of("updated", after, around).payload("updated_fields", names).payload("updates", &updates));
    }
}

impl Surroundings {
    /// Finds what a deployment belongs to.
    pub(crate) async fn of(app: &App, deployment: &Deployment) -> Result<Self, StoreError> {
        let records = app.store.records();
        let queue: Option<WorkQueue> = match deployment.work_queue_id {
            Some(id) => records.first(queue::ID.is(id)).await?,
            None => None,
        };
        let pool = match &queue {
            Some(queue) => records.first(pool::ID.is(queue.work_pool_id)).await?,
            None => None,
        };
        Ok(Surroundings { flow: flow_of(app, deployment.flow_id).await?, queue, pool })
    }
}

/// Finds a flow.
pub(crate) async fn flow_of(app: &App, id: Uuid) -> Result<Option<Flow>, StoreError> {
    let selection = Selection { condition: flow::ID.is(id), sort: Vec::new(), page: Page::first(1) };
    Ok(app.store.select_flows(&selection).await?.pop())
}
