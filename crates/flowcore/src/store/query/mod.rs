//! Questions in the form that Prefect's API asks them: any condition on any column, also of related rows, sorted and
//! paged as one likes.
//!
//! A [`Condition`] is data: a server builds it from a request, and [`QueryStore`] answers it. The SQL stores do; the
//! memory store has the filters of [`Store`] only.

mod columns;
mod condition;

use async_trait::async_trait;

pub use columns::{Column, Kind, Relation, Table, flow, flow_run, log, relation, task_run};
pub use condition::{Condition, Selection, Test, Values};

use super::{Store, StoreError};
use crate::model::{Flow, FlowRun, LogLine, StateCount, TaskRun};

/// A store that answers conditions.
#[async_trait]
pub trait QueryStore: Store {
    /// Lists flows.
    async fn select_flows(&self, selection: &Selection) -> Result<Vec<Flow>, StoreError>;

    /// Lists flow runs.
    async fn select_flow_runs(&self, selection: &Selection) -> Result<Vec<FlowRun>, StoreError>;

    /// Lists task runs.
    async fn select_task_runs(&self, selection: &Selection) -> Result<Vec<TaskRun>, StoreError>;

    /// Lists log lines.
    async fn select_logs(&self, selection: &Selection) -> Result<Vec<LogLine>, StoreError>;

    /// Counts the rows of a table that a condition holds for.
    async fn count(&self, table: Table, condition: &Condition) -> Result<u64, StoreError>;

    /// Counts flow runs or task runs by their states.
    async fn count_states(&self, table: Table, condition: &Condition) -> Result<Vec<StateCount>, StoreError>;
}
