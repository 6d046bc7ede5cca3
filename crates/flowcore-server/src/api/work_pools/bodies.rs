//! Bodies about pools, queues and workers.

use std::num::NonZeroU32;

use flowcore::model::Timestamp;
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::pools::{
    AGENT, NewQueue, QueueFilter, Readiness, StorageConfiguration, WorkPool, WorkQueue, Worker, WorkerStatus,
};

/// Reads a field that may be null: `None` where it is left out, `Some(None)` where it is null.
fn nullable<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// A pool to be made.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkPoolCreate {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    #[serde(rename = "type", default = "agent")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) base_job_template: Map<String, Value>,
    #[serde(default)]
    pub(crate) is_paused: bool,
    pub(crate) concurrency_limit: Option<u32>,
    #[serde(default)]
    pub(crate) storage_configuration: StorageConfiguration,
}

fn agent() -> String {
    AGENT.to_owned()
}

/// What is to be changed of a pool.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WorkPoolUpdate {
    #[serde(deserialize_with = "nullable")]
    pub(crate) description: Option<Option<String>>,
    pub(crate) is_paused: Option<bool>,
    pub(crate) base_job_template: Option<Map<String, Value>>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) concurrency_limit: Option<Option<u32>>,
    pub(crate) storage_configuration: Option<StorageConfiguration>,
}

impl WorkPoolUpdate {
    /// Tells whether it changes only what may be changed of any pool.
    pub(crate) fn is_harmless(&self) -> bool {
        self.description.is_none() && self.base_job_template.is_none() && self.storage_configuration.is_none()
    }

    /// Tells whether it names something that workers go by.
    pub(crate) fn is_for_workers(&self) -> bool {
        self.is_paused.is_some()
            || self.concurrency_limit.is_some()
            || self.base_job_template.is_some()
            || self.storage_configuration.is_some()
    }
}

/// A pool.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WorkPoolBody {
    id: Uuid,
    created: Moment,
    updated: Moment,
    name: String,
    description: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    base_job_template: Map<String, Value>,
    is_paused: bool,
    concurrency_limit: Option<i64>,
    status: Readiness,
    storage_configuration: StorageConfiguration,
    default_queue_id: Uuid,
    active_slots: Option<u64>,
}

impl WorkPoolBody {
    /// Tells of a pool of which so many slots are taken, which is said of pools with a limit.
    pub(crate) fn new(pool: WorkPool, taken: u64) -> Self {
        WorkPoolBody {
            id: pool.id,
            created: Moment(pool.created),
            updated: Moment(pool.updated),
            name: pool.name,
            description: pool.description,
            kind: pool.kind,
            base_job_template: pool.base_job_template,
            is_paused: pool.is_paused,
            concurrency_limit: pool.concurrency_limit,
            status: pool.status,
            storage_configuration: pool.storage_configuration,
            default_queue_id: pool.default_queue_id,
            active_slots: pool.concurrency_limit.map(|_| taken),
        }
    }
}

/// A queue to be made.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkQueueCreate {
    pub(crate) name: String,
    #[serde(default = "empty")]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) is_paused: bool,
    pub(crate) concurrency_limit: Option<u32>,
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub(crate) priority: Option<NonZeroU32>,
    pub(crate) filter: Option<QueueFilter>,
}

#[expect(clippy::unnecessary_wraps, reason = "the field's default")]
fn empty() -> Option<String> {
    Some(String::new())
}

impl From<WorkQueueCreate> for NewQueue {
    fn from(body: WorkQueueCreate) -> Self {
        NewQueue {
            name: body.name,
            description: body.description,
            filter: body.filter,
            is_paused: body.is_paused,
            concurrency_limit: body.concurrency_limit.map(i64::from),
            priority: body.priority.map(|priority| i64::from(priority.get())),
        }
    }
}

/// What is to be changed of a queue.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WorkQueueUpdate {
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) description: Option<Option<String>>,
    pub(crate) is_paused: Option<bool>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) concurrency_limit: Option<Option<u32>>,
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub(crate) priority: Option<NonZeroU32>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) last_polled: Option<Option<Moment>>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) filter: Option<Option<QueueFilter>>,
}

/// A queue.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WorkQueueBody {
    id: Uuid,
    created: Moment,
    updated: Moment,
    name: String,
    description: Option<String>,
    is_paused: bool,
    concurrency_limit: Option<i64>,
    priority: i64,
    work_pool_id: Uuid,
    filter: Option<QueueFilter>,
    last_polled: Option<Moment>,
    work_pool_name: Option<String>,
    status: Readiness,
    active_slots: Option<u64>,
}

impl WorkQueueBody {
    /// Tells of a queue in a pool of this name, of which so many slots are taken.
    pub(crate) fn new(queue: WorkQueue, pool: Option<String>, taken: u64) -> Self {
        WorkQueueBody {
            id: queue.id,
            created: Moment(queue.created),
            updated: Moment(queue.updated),
            name: queue.name,
            description: queue.description,
            is_paused: queue.is_paused,
            concurrency_limit: queue.concurrency_limit,
            priority: queue.priority,
            work_pool_id: queue.work_pool_id,
            filter: queue.filter,
            last_polled: queue.last_polled.map(Moment),
            work_pool_name: pool,
            status: queue.status,
            active_slots: queue.concurrency_limit.map(|_| taken),
        }
    }
}

/// A worker.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WorkerBody {
    id: Uuid,
    created: Moment,
    updated: Moment,
    name: String,
    work_pool_id: Uuid,
    last_heartbeat_time: Moment,
    heartbeat_interval_seconds: Option<i64>,
    status: WorkerStatus,
}

impl WorkerBody {
    /// Tells of a worker as it stands at this time.
    pub(crate) fn new(worker: Worker, now: Timestamp) -> Self {
        let status = worker.status(now);
        WorkerBody {
            id: worker.id,
            created: Moment(worker.created),
            updated: Moment(worker.updated),
            name: worker.name,
            work_pool_id: worker.work_pool_id,
            last_heartbeat_time: Moment(worker.last_heartbeat_time),
            heartbeat_interval_seconds: worker.heartbeat_interval_seconds,
            status,
        }
    }
}
