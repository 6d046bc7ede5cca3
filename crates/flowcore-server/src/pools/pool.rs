//! Work pools.

use flowcore::model::Timestamp;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Table};
use flowcore::store::records::{Record, Row, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use uuid::Uuid;

use super::readiness::Readiness;

pub(crate) const TABLE: Table = Table::new("work_pools");
pub(crate) const ID: Column = Column::new("id", Kind::Id, false);
pub(crate) const CREATED: Column = Column::new("created", Kind::Time, false);
pub(crate) const UPDATED: Column = Column::new("updated", Kind::Time, false);
pub(crate) const NAME: Column = Column::new("name", Kind::Text, false);
pub(crate) const DESCRIPTION: Column = Column::new("description", Kind::Text, true);
pub(crate) const TYPE: Column = Column::new("type", Kind::Text, false);
pub(crate) const BASE_JOB_TEMPLATE: Column = Column::new("base_job_template", Kind::Json, false);
pub(crate) const IS_PAUSED: Column = Column::new("is_paused", Kind::Flag, false);
pub(crate) const CONCURRENCY_LIMIT: Column = Column::new("concurrency_limit", Kind::Number, true);
pub(crate) const DEFAULT_QUEUE_ID: Column = Column::new("default_queue_id", Kind::Id, false);
pub(crate) const STATUS: Column = Column::new("status", Kind::Text, false);
pub(crate) const STORAGE_CONFIGURATION: Column = Column::new("storage_configuration", Kind::Json, false);

/// A pool: where work of one kind waits for workers of that kind.
#[derive(Clone, Debug)]
pub(crate) struct WorkPool {
    pub(crate) id: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    /// Unique.
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// Which workers take from it: `process`, `docker`, ..
    pub(crate) kind: String,
    /// How a job is described, and which variables it has; empty until a worker says so.
    pub(crate) base_job_template: Map<String, serde_json::Value>,
    pub(crate) is_paused: bool,
    /// How many runs may be under way at once.
    pub(crate) concurrency_limit: Option<i64>,
    /// The queue of runs that name none.
    pub(crate) default_queue_id: Uuid,
    pub(crate) status: Readiness,
    pub(crate) storage_configuration: StorageConfiguration,
}

/// Where the code and the results of a pool's runs are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StorageConfiguration {
    /// The step that uploads a bundle of code.
    pub(crate) bundle_upload_step: Option<Map<String, serde_json::Value>>,
    /// The step that executes one.
    pub(crate) bundle_execution_step: Option<Map<String, serde_json::Value>>,
    /// The block that keeps results.
    pub(crate) default_result_storage_block_id: Option<Uuid>,
}

impl Record for WorkPool {
    const TABLE: Table = TABLE;
    const COLUMNS: &'static [Column] = &[
        ID,
        CREATED,
        UPDATED,
        NAME,
        DESCRIPTION,
        TYPE,
        BASE_JOB_TEMPLATE,
        IS_PAUSED,
        CONCURRENCY_LIMIT,
        DEFAULT_QUEUE_ID,
        STATUS,
        STORAGE_CONFIGURATION,
    ];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(WorkPool {
            id: row.id()?,
            created: row.time()?,
            updated: row.time()?,
            name: row.text()?,
            description: row.optional_text()?,
            kind: row.text()?,
            base_job_template: row.json()?,
            is_paused: row.flag()?,
            concurrency_limit: row.optional_number()?,
            default_queue_id: row.id()?,
            status: Readiness::read(&row.text()?)?,
            storage_configuration: row.json()?,
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.created.into(),
            self.updated.into(),
            self.name.as_str().into(),
            self.description.clone().into(),
            self.kind.as_str().into(),
            Value::json(&self.base_job_template),
            self.is_paused.into(),
            self.concurrency_limit.into(),
            self.default_queue_id.into(),
            self.status.into(),
            Value::json(&self.storage_configuration),
        ]
    }
}
