//! Work queues.

use flowcore::model::Timestamp;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Relation, Table, flow_run};
use flowcore::store::records::{Record, Row, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::pool;
use super::readiness::Readiness;

pub(crate) const TABLE: Table = Table::new("work_queues");
pub(crate) const ID: Column = Column::new("id", Kind::Id, false);
pub(crate) const CREATED: Column = Column::new("created", Kind::Time, false);
pub(crate) const UPDATED: Column = Column::new("updated", Kind::Time, false);
pub(crate) const WORK_POOL_ID: Column = Column::new("work_pool_id", Kind::Id, false);
pub(crate) const NAME: Column = Column::new("name", Kind::Text, false);
pub(crate) const DESCRIPTION: Column = Column::new("description", Kind::Text, true);
pub(crate) const FILTER: Column = Column::new("filter", Kind::Json, true);
pub(crate) const IS_PAUSED: Column = Column::new("is_paused", Kind::Flag, false);
pub(crate) const CONCURRENCY_LIMIT: Column = Column::new("concurrency_limit", Kind::Number, true);
pub(crate) const PRIORITY: Column = Column::new("priority", Kind::Number, false);
pub(crate) const LAST_POLLED: Column = Column::new("last_polled", Kind::Time, true);
pub(crate) const STATUS: Column = Column::new("status", Kind::Text, false);

/// A queue's pool.
pub(crate) const POOL_OF_QUEUE: Relation = Relation::new(WORK_POOL_ID, pool::TABLE, pool::ID);
/// A flow run's queue.
pub(crate) const QUEUE_OF_FLOW_RUN: Relation = Relation::new(flow_run::WORK_QUEUE_ID, TABLE, ID);

/// A queue of a pool.
#[derive(Clone, Debug)]
pub(crate) struct WorkQueue {
    pub(crate) id: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) work_pool_id: Uuid,
    /// Unique in its pool.
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// What it took its runs by, before queues had runs of their own.
    pub(crate) filter: Option<QueueFilter>,
    pub(crate) is_paused: bool,
    /// How many of its runs may be under way at once.
    pub(crate) concurrency_limit: Option<i64>,
    /// The lower, the earlier its runs are handed out; from 1 up, unique in its pool.
    pub(crate) priority: i64,
    pub(crate) last_polled: Option<Timestamp>,
    pub(crate) status: Readiness,
}

/// Selects runs by tags and deployments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct QueueFilter {
    /// Tags that a run has all of.
    pub(crate) tags: Option<Vec<String>>,
    /// Deployments that it is a run of.
    pub(crate) deployment_ids: Option<Vec<Uuid>>,
}

impl Record for WorkQueue {
    const TABLE: Table = TABLE;
    const COLUMNS: &'static [Column] = &[
        ID,
        CREATED,
        UPDATED,
        WORK_POOL_ID,
        NAME,
        DESCRIPTION,
        FILTER,
        IS_PAUSED,
        CONCURRENCY_LIMIT,
        PRIORITY,
        LAST_POLLED,
        STATUS,
    ];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(WorkQueue {
            id: row.id()?,
            created: row.time()?,
            updated: row.time()?,
            work_pool_id: row.id()?,
            name: row.text()?,
            description: row.optional_text()?,
            filter: row.optional_json()?,
            is_paused: row.flag()?,
            concurrency_limit: row.optional_number()?,
            priority: row.number()?,
            last_polled: row.optional_time()?,
            status: Readiness::read(&row.text()?)?,
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.created.into(),
            self.updated.into(),
            self.work_pool_id.into(),
            self.name.as_str().into(),
            self.description.clone().into(),
            Value::optional_json(self.filter.as_ref()),
            self.is_paused.into(),
            self.concurrency_limit.into(),
            self.priority.into(),
            self.last_polled.into(),
            self.status.into(),
        ]
    }
}
