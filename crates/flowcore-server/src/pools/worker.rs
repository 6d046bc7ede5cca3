//! Workers.

use chrono::TimeDelta;
use flowcore::model::Timestamp;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Table};
use flowcore::store::records::{Record, Row, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) const TABLE: Table = Table::new("workers");
pub(crate) const ID: Column = Column::new("id", Kind::Id, false);
pub(crate) const CREATED: Column = Column::new("created", Kind::Time, false);
pub(crate) const UPDATED: Column = Column::new("updated", Kind::Time, false);
pub(crate) const WORK_POOL_ID: Column = Column::new("work_pool_id", Kind::Id, false);
pub(crate) const NAME: Column = Column::new("name", Kind::Text, false);
pub(crate) const LAST_HEARTBEAT_TIME: Column = Column::new("last_heartbeat_time", Kind::Time, false);
pub(crate) const HEARTBEAT_INTERVAL_SECONDS: Column = Column::new("heartbeat_interval_seconds", Kind::Number, true);
pub(crate) const STATUS: Column = Column::new("status", Kind::Text, false);

/// How often a worker is heard of that does not say so, in seconds.
const USUAL_INTERVAL: i64 = 30;
/// How many heartbeats may be missing.
const PATIENCE: i64 = 3;

/// Whether a worker is heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum WorkerStatus {
    Online,
    Offline,
}

impl WorkerStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            WorkerStatus::Online => "ONLINE",
            WorkerStatus::Offline => "OFFLINE",
        }
    }
}

impl From<WorkerStatus> for Value {
    fn from(status: WorkerStatus) -> Self {
        Value::from(status.as_str())
    }
}

/// A worker: a process somewhere that takes runs out of a pool.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) id: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) work_pool_id: Uuid,
    /// Unique in its pool.
    pub(crate) name: String,
    pub(crate) last_heartbeat_time: Timestamp,
    pub(crate) heartbeat_interval_seconds: Option<i64>,
    /// What was known of it when last looked at.
    pub(crate) status: WorkerStatus,
}

impl Worker {
    /// Tells whether it was heard of in time.
    pub(crate) fn is_online(&self, now: Timestamp) -> bool {
        let interval = self.heartbeat_interval_seconds.filter(|seconds| *seconds > 0).unwrap_or(USUAL_INTERVAL);
        let patience = TimeDelta::try_seconds(interval.saturating_mul(PATIENCE)).unwrap_or(TimeDelta::MAX);
        now - self.last_heartbeat_time < patience
    }

    /// Tells what is known of it at this time.
    pub(crate) fn status(&self, now: Timestamp) -> WorkerStatus {
        if self.is_online(now) { WorkerStatus::Online } else { WorkerStatus::Offline }
    }
}

impl Record for Worker {
    const TABLE: Table = TABLE;
    const COLUMNS: &'static [Column] =
        &[ID, CREATED, UPDATED, WORK_POOL_ID, NAME, LAST_HEARTBEAT_TIME, HEARTBEAT_INTERVAL_SECONDS, STATUS];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Worker {
            id: row.id()?,
            created: row.time()?,
            updated: row.time()?,
            work_pool_id: row.id()?,
            name: row.text()?,
            last_heartbeat_time: row.time()?,
            heartbeat_interval_seconds: row.optional_number()?,
            status: if row.text()? == "ONLINE" { WorkerStatus::Online } else { WorkerStatus::Offline },
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.created.into(),
            self.updated.into(),
            self.work_pool_id.into(),
            self.name.as_str().into(),
            self.last_heartbeat_time.into(),
            self.heartbeat_interval_seconds.into(),
            self.status.into(),
        ]
    }
}
