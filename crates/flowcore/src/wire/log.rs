//! Log lines.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::time::Moment;
use crate::model::LogLine;

/// A log line to be kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LogCreate {
    /// Which part of the program logged it.
    pub name: String,
    /// How grave it is: Python's numbers, 20 for what happens, 40 for an error.
    pub level: i32,
    /// The text.
    pub message: String,
    /// When it was logged.
    pub timestamp: Moment,
    /// The flow run it was logged in.
    #[serde(default)]
    pub flow_run_id: Option<Uuid>,
    /// The task run it was logged in.
    #[serde(default)]
    pub task_run_id: Option<Uuid>,
}

/// A log line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "they are those of `LogCreate`")]
pub struct LogBody {
    pub id: Uuid,
    pub created: Option<Moment>,
    pub updated: Option<Moment>,
    pub name: String,
    pub level: i32,
    pub message: String,
    pub timestamp: Moment,
    pub flow_run_id: Option<Uuid>,
    pub task_run_id: Option<Uuid>,
}

impl From<&LogLine> for LogBody {
    fn from(line: &LogLine) -> Self {
        LogBody {
            id: line.id.0,
            created: Some(Moment(line.timestamp)),
            updated: Some(Moment(line.timestamp)),
            name: line.logger.clone(),
            level: line.level.number(),
            message: line.text(),
            timestamp: Moment(line.timestamp),
            flow_run_id: line.flow_run_id.map(|id| id.0),
            task_run_id: line.task_run_id.map(|id| id.0),
        }
    }
}
