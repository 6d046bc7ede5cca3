//! Deployments as rows.

use flowcore::model::{Labels, Timestamp};
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Relation, Table, flow, flow_run};
use flowcore::store::records::{Record, Row, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use uuid::Uuid;

use crate::pools::queue;

pub(crate) const TABLE: Table = Table::new("deployments");
pub(crate) const ID: Column = Column::new("id", Kind::Id, false);
pub(crate) const CREATED: Column = Column::new("created", Kind::Time, false);
pub(crate) const UPDATED: Column = Column::new("updated", Kind::Time, false);
pub(crate) const FLOW_ID: Column = Column::new("flow_id", Kind::Id, false);
pub(crate) const NAME: Column = Column::new("name", Kind::Text, false);
pub(crate) const VERSION: Column = Column::new("version", Kind::Text, true);
pub(crate) const DESCRIPTION: Column = Column::new("description", Kind::Text, true);
pub(crate) const PAUSED: Column = Column::new("paused", Kind::Flag, false);
pub(crate) const CONCURRENCY_LIMIT_ID: Column = Column::new("concurrency_limit_id", Kind::Id, true);
pub(crate) const CONCURRENCY_OPTIONS: Column = Column::new("concurrency_options", Kind::Json, true);
pub(crate) const PARAMETER_OPENAPI_SCHEMA: Column = Column::new("parameter_openapi_schema", Kind::Json, true);
pub(crate) const ENFORCE_PARAMETER_SCHEMA: Column = Column::new("enforce_parameter_schema", Kind::Flag, false);
pub(crate) const PARAMETERS: Column = Column::new("parameters", Kind::Json, false);
pub(crate) const JOB_VARIABLES: Column = Column::new("job_variables", Kind::Json, false);
pub(crate) const PULL_STEPS: Column = Column::new("pull_steps", Kind::Json, true);
pub(crate) const TAGS: Column = Column::new("tags", Kind::Tags, false);
pub(crate) const LABELS: Column = Column::new("labels", Kind::Json, false);
pub(crate) const WORK_QUEUE_ID: Column = Column::new("work_queue_id", Kind::Id, true);
pub(crate) const WORK_QUEUE_NAME: Column = Column::new("work_queue_name", Kind::Text, true);
pub(crate) const STORAGE_DOCUMENT_ID: Column = Column::new("storage_document_id", Kind::Id, true);
pub(crate) const INFRASTRUCTURE_DOCUMENT_ID: Column = Column::new("infrastructure_document_id", Kind::Id, true);
pub(crate) const PATH: Column = Column::new("path", Kind::Text, true);
pub(crate) const ENTRYPOINT: Column = Column::new("entrypoint", Kind::Text, true);
pub(crate) const LAST_POLLED: Column = Column::new("last_polled", Kind::Time, true);
pub(crate) const STATUS: Column = Column::new("status", Kind::Text, false);

/// A deployment's flow.
pub(crate) const FLOW_OF_DEPLOYMENT: Relation = Relation::new(FLOW_ID, Table::FLOWS, flow::ID);
/// A flow's deployments.
pub(crate) const DEPLOYMENTS_OF_FLOW: Relation = Relation::new(flow::ID, TABLE, FLOW_ID);
/// The deployment that a flow run is made from.
pub(crate) const DEPLOYMENT_OF_FLOW_RUN: Relation = Relation::new(flow_run::DEPLOYMENT_ID, TABLE, ID);
/// The runs of a deployment.
pub(crate) const FLOW_RUNS_OF_DEPLOYMENT: Relation = Relation::new(ID, Table::FLOW_RUNS, flow_run::DEPLOYMENT_ID);
/// The queue that the runs of a deployment go to.
pub(crate) const QUEUE_OF_DEPLOYMENT: Relation = Relation::new(WORK_QUEUE_ID, queue::TABLE, queue::ID);

/// A flow with what its runs are made of.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    pub(crate) id: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) flow_id: Uuid,
    /// Unique among those of its flow.
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) description: Option<String>,
    /// Whether its schedules rest.
    pub(crate) paused: bool,
    /// The limit that says how many of its runs are under way at once.
    pub(crate) concurrency_limit_id: Option<Uuid>,
    pub(crate) concurrency_options: Option<ConcurrencyOptions>,
    pub(crate) parameter_openapi_schema: Option<Map<String, serde_json::Value>>,
    pub(crate) enforce_parameter_schema: bool,
    pub(crate) parameters: Map<String, serde_json::Value>,
    /// What is special about the jobs that execute its runs.
    pub(crate) job_variables: Map<String, serde_json::Value>,
    pub(crate) pull_steps: Option<Vec<Map<String, serde_json::Value>>>,
    pub(crate) tags: Vec<String>,
    pub(crate) labels: Labels,
    pub(crate) work_queue_id: Option<Uuid>,
    pub(crate) work_queue_name: Option<String>,
    pub(crate) storage_document_id: Option<Uuid>,
    pub(crate) infrastructure_document_id: Option<Uuid>,
    pub(crate) path: Option<String>,
    pub(crate) entrypoint: Option<String>,
    /// When somebody last asked for its runs.
    pub(crate) last_polled: Option<Timestamp>,
    pub(crate) status: DeploymentStatus,
}

/// What becomes of a run for which the deployment's limit has no slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ConcurrencyOptions {
    pub(crate) collision_strategy: CollisionStrategy,
    /// For how long a run that has taken its slot may not begin, in seconds.
    #[serde(default)]
    #[schemars(range(min = 60, max = 86_400))]
    pub(crate) grace_period_seconds: Option<u32>,
}

/// Whether a run waits for a slot or is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(rename = "ConcurrencyLimitStrategy")]
pub(crate) enum CollisionStrategy {
    Enqueue,
    CancelNew,
}

/// Whether somebody asks for a deployment's runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum DeploymentStatus {
    Ready,
    NotReady,
}

impl DeploymentStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            DeploymentStatus::Ready => "READY",
            DeploymentStatus::NotReady => "NOT_READY",
        }
    }
}

impl Record for Deployment {
    const TABLE: Table = TABLE;
    const COLUMNS: &'static [Column] = &[
        ID,
        CREATED,
        UPDATED,
        FLOW_ID,
        NAME,
        VERSION,
        DESCRIPTION,
        PAUSED,
        CONCURRENCY_LIMIT_ID,
        CONCURRENCY_OPTIONS,
        PARAMETER_OPENAPI_SCHEMA,
        ENFORCE_PARAMETER_SCHEMA,
        PARAMETERS,
        JOB_VARIABLES,
        PULL_STEPS,
        TAGS,
        LABELS,
        WORK_QUEUE_ID,
        WORK_QUEUE_NAME,
        STORAGE_DOCUMENT_ID,
        INFRASTRUCTURE_DOCUMENT_ID,
        PATH,
        ENTRYPOINT,
        LAST_POLLED,
        STATUS,
    ];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Deployment {
            id: row.id()?,
            created: row.time()?,
            updated: row.time()?,
            flow_id: row.id()?,
            name: row.text()?,
            version: row.optional_text()?,
            description: row.optional_text()?,
            paused: row.flag()?,
            concurrency_limit_id: row.optional_id()?,
            concurrency_options: row.optional_json()?,
            parameter_openapi_schema: row.optional_json()?,
            enforce_parameter_schema: row.flag()?,
            parameters: row.json()?,
            job_variables: row.json()?,
            pull_steps: row.optional_json()?,
            tags: row.json()?,
            labels: row.json()?,
            work_queue_id: row.optional_id()?,
            work_queue_name: row.optional_text()?,
            storage_document_id: row.optional_id()?,
            infrastructure_document_id: row.optional_id()?,
            path: row.optional_text()?,
            entrypoint: row.optional_text()?,
            last_polled: row.optional_time()?,
            status: match row.text()?.as_str() {
                "READY" => DeploymentStatus::Ready,
                _ => DeploymentStatus::NotReady,
            },
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.created.into(),
            self.updated.into(),
            self.flow_id.into(),
            self.name.as_str().into(),
            self.version.clone().into(),
            self.description.clone().into(),
            self.paused.into(),
            self.concurrency_limit_id.into(),
            Value::optional_json(self.concurrency_options.as_ref()),
            Value::optional_json(self.parameter_openapi_schema.as_ref()),
            self.enforce_parameter_schema.into(),
            Value::json(&self.parameters),
            Value::json(&self.job_variables),
            Value::optional_json(self.pull_steps.as_ref()),
            Value::json(&self.tags),
            Value::json(&self.labels),
            self.work_queue_id.into(),
            self.work_queue_name.clone().into(),
            self.storage_document_id.into(),
            self.infrastructure_document_id.into(),
            self.path.clone().into(),
            self.entrypoint.clone().into(),
            self.last_polled.into(),
            self.status.as_str().into(),
        ]
    }
}
