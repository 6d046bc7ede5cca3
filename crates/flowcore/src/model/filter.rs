//! Filters: which rows a reader wants. An absent condition selects everything.

use super::{FlowRunId, LogLevel, StateType, TaskRunId, Timestamp};

/// Which part of the selected rows to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many rows at most.
    pub limit: u32,
    /// How many rows to skip.
    pub offset: u32,
}

impl Page {
    /// Every row, up to more than a reader can want.
    pub const ALL: Page = Page { limit: i32::MAX as u32, offset: 0 };

    /// The first rows, at most this many.
    pub fn first(limit: u32) -> Self {
        Page { limit, offset: 0 }
    }
}

impl Default for Page {
    fn default() -> Self {
        Page::first(200)
    }
}

/// Selects flows, in the order of their names.
#[derive(Clone, Debug, Default)]
pub struct FlowFilter {
    /// The name contains this.
    pub name_like: Option<String>,
    /// Rows to return.
    pub page: Page,
}

/// Selects flow runs, newest first.
#[derive(Clone, Debug, Default)]
pub struct FlowRunFilter {
    /// One of these runs.
    pub ids: Option<Vec<FlowRunId>>,
    /// The flow has one of these names.
    pub flow_names: Option<Vec<String>>,
    /// The run's name contains this.
    pub name_like: Option<String>,
    /// The state has one of these types.
    pub state_types: Option<Vec<StateType>>,
    /// The state has one of these names.
    pub state_names: Option<Vec<String>>,
    /// Expected to start at this time or later.
    pub since: Option<Timestamp>,
    /// Expected to start before this time.
    pub until: Option<Timestamp>,
    /// A subflow of one of these task runs.
    pub parent_task_run_ids: Option<Vec<TaskRunId>>,
    /// Rows to return.
    pub page: Page,
}

/// Selects task runs, in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub struct TaskRunFilter {
    /// One of these runs.
    pub ids: Option<Vec<TaskRunId>>,
    /// In one of these flow runs.
    pub flow_run_ids: Option<Vec<FlowRunId>>,
    /// The run's name contains this.
    pub name_like: Option<String>,
    /// The state has one of these types.
    pub state_types: Option<Vec<StateType>>,
    /// The state has one of these names.
    pub state_names: Option<Vec<String>>,
    /// Expected to start at this time or later.
    pub since: Option<Timestamp>,
    /// Expected to start before this time.
    pub until: Option<Timestamp>,
    /// Rows to return.
    pub page: Page,
}

/// Selects log lines, oldest first.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// Logged in this flow run.
    pub flow_run_id: Option<FlowRunId>,
    /// Logged in this task run.
    pub task_run_id: Option<TaskRunId>,
    /// At least this grave.
    pub level: Option<LogLevel>,
    /// Rows to return.
    pub page: Page,
}

/// Selects artifacts, newest first.
#[derive(Clone, Debug, Default)]
pub struct ArtifactFilter {
    /// Of this key.
    pub key: Option<String>,
    /// Made in this flow run.
    pub flow_run_id: Option<FlowRunId>,
    /// Only the newest of each key.
    pub latest: bool,
    /// Rows to return.
    pub page: Page,
}

/// Selects events, oldest first.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// About this flow run or one of its task runs.
    pub flow_run_id: Option<FlowRunId>,
    /// Rows to return.
    pub page: Page,
}
