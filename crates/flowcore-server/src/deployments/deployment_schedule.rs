//! Schedules of deployments as rows.

use flowcore::model::Timestamp;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Table};
use flowcore::store::records::{Record, Row, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use uuid::Uuid;

use crate::schedules::Schedule;

pub(crate) const TABLE: Table = Table::new("deployment_schedules");
pub(crate) const ID: Column = Column::new("id", Kind::Id, false);
const CREATED: Column = Column::new("created", Kind::Time, false);
pub(crate) const UPDATED: Column = Column::new("updated", Kind::Time, false);
pub(crate) const DEPLOYMENT_ID: Column = Column::new("deployment_id", Kind::Id, false);
const SCHEDULE: Column = Column::new("schedule", Kind::Json, false);
pub(crate) const ACTIVE: Column = Column::new("active", Kind::Flag, false);
const MAX_SCHEDULED_RUNS: Column = Column::new("max_scheduled_runs", Kind::Number, true);
const PARAMETERS: Column = Column::new("parameters", Kind::Json, false);
const SLUG: Column = Column::new("slug", Kind::Text, true);
const CATCH_UP: Column = Column::new("catch_up", Kind::Text, true);

/// When the scheduler is to look at it again, in microseconds since 1970; 0 for at once.
pub(crate) const SCHEDULER_DUE: Column = Column::new("scheduler_due", Kind::Number, false);
/// When it or its deployment was changed, likewise, by which a look that was under way sees that it is out of date.
pub(crate) const SCHEDULER_CHANGED: Column = Column::new("scheduler_changed", Kind::Number, false);
/// From when on a look at once makes runs, likewise: those of later times have been taken back.
pub(crate) const SCHEDULER_FROM: Column = Column::new("scheduler_from", Kind::Number, false);

/// What becomes of the times that pass while nobody makes runs of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CatchUp {
    /// Each has its run, as soon as runs are made again.
    All,
    /// The last of them has one.
    Latest,
    /// None has one, as if nothing were said.
    None,
}

impl CatchUp {
    fn as_str(self) -> &'static str {
        match self {
            CatchUp::All => "all",
            CatchUp::Latest => "latest",
            CatchUp::None => "none",
        }
    }

    fn read(text: &str) -> Result<Self, StoreError> {
        let found = [CatchUp::All, CatchUp::Latest, CatchUp::None].into_iter().find(|policy| policy.as_str() == text);
        found.ok_or_else(|| StoreError::Other(format!("a schedule's catch-up policy is `{text}`, which is none")))
    }
}

/// A schedule by which runs of a deployment are made.
#[derive(Clone, Debug)]
pub(crate) struct DeploymentSchedule {
    pub(crate) id: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) deployment_id: Uuid,
    pub(crate) schedule: Schedule,
    pub(crate) active: bool,
    pub(crate) max_scheduled_runs: Option<i64>,
    /// What its runs have instead of the deployment's parameters.
    pub(crate) parameters: Map<String, serde_json::Value>,
    /// Unique among those of its deployment.
    pub(crate) slug: Option<String>,
    /// What becomes of the times that passed while nobody made its runs; as `CatchUp::None` if nothing is said.
    pub(crate) catch_up: Option<CatchUp>,
}

impl Record for DeploymentSchedule {
    const TABLE: Table = TABLE;
    const COLUMNS: &'static [Column] =
        &[ID, CREATED, UPDATED, DEPLOYMENT_ID, SCHEDULE, ACTIVE, MAX_SCHEDULED_RUNS, PARAMETERS, SLUG, CATCH_UP];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(DeploymentSchedule {
            id: row.id()?,
            created: row.time()?,
            updated: row.time()?,
            deployment_id: row.id()?,
            schedule: row.json()?,
            active: row.flag()?,
            max_scheduled_runs: row.optional_number()?,
            parameters: row.json()?,
            slug: row.optional_text()?,
            catch_up: row.optional_text()?.as_deref().map(CatchUp::read).transpose()?,
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.created.into(),
            self.updated.into(),
            self.deployment_id.into(),
            Value::json(&self.schedule),
            self.active.into(),
            self.max_scheduled_runs.into(),
            Value::json(&self.parameters),
            self.slug.clone().into(),
            self.catch_up.map(CatchUp::as_str).map(str::to_owned).into(),
        ]
    }
}
