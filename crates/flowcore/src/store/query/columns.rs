//! What can be asked for: tables, their columns, and how rows are related.

/// A table that rows are selected from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Flows.
    Flows,
    /// Flow runs.
    FlowRuns,
    /// Task runs.
    TaskRuns,
    /// Log lines.
    Logs,
}

impl Table {
    /// Gives the table's name.
    pub fn name(self) -> &'static str {
        match self {
            Table::Flows => "flows",
            Table::FlowRuns => "flow_runs",
            Table::TaskRuns => "task_runs",
            Table::Logs => "logs",
        }
    }
}

/// What a column holds, which says what it can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An identifier.
    Id,
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// A time, in microseconds since 1970.
    Time,
    /// A JSON array of texts.
    Tags,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Whether a row may have no value there.
    pub(crate) optional: bool,
}

impl Column {
    const fn new(name: &'static str, kind: Kind, optional: bool) -> Self {
        Column { name, kind, optional }
    }

    /// Tells what it holds.
    pub fn kind(self) -> Kind {
        self.kind
    }
}

/// Tells whether a column was declared with `or none`.
macro_rules! optional {
    () => {
        false
    };
    (none) => {
        true
    };
}

macro_rules! columns {
    ($($(#[$doc:meta])* $module:ident { $($name:ident = $column:literal $kind:ident $(or $absent:ident)?,)+ })+) => {$(
        $(#[$doc])*
        pub mod $module {
            use super::{Column, Kind};

            $(
                #[doc = concat!("The column `", $column, "`.")]
                pub const $name: Column = Column::new($column, Kind::$kind, optional!($($absent)?));
            )+
        }
    )+};
}

columns! {
    /// Columns of flows.
    flow {
        ID = "id" Id,
        NAME = "name" Text,
        TAGS = "tags" Tags,
        CREATED = "created" Time,
        UPDATED = "updated" Time,
    }
    /// Columns of flow runs.
    flow_run {
        ID = "id" Id,
        FLOW_ID = "flow_id" Id,
        NAME = "name" Text,
        TAGS = "tags" Tags,
        FLOW_VERSION = "flow_version" Text or none,
        PARENT_TASK_RUN_ID = "parent_task_run_id" Id or none,
        DEPLOYMENT_ID = "deployment_id" Id or none,
        WORK_QUEUE_ID = "work_queue_id" Id or none,
        WORK_QUEUE_NAME = "work_queue_name" Text or none,
        IDEMPOTENCY_KEY = "idempotency_key" Text or none,
        RUN_COUNT = "run_count" Number,
        EXPECTED_START_TIME = "expected_start_time" Time,
        NEXT_SCHEDULED_START_TIME = "next_scheduled_start_time" Time or none,
        START_TIME = "start_time" Time or none,
        END_TIME = "end_time" Time or none,
        STARTED = "COALESCE(start_time, expected_start_time)" Time,
        STATE_TYPE = "state_type" Text,
        STATE_NAME = "state_name" Text,
        CREATED = "created" Time,
        UPDATED = "updated" Time,
    }
    /// Columns of task runs.
    task_run {
        ID = "id" Id,
        FLOW_RUN_ID = "flow_run_id" Id or none,
        TASK_KEY = "task_key" Text,
        DYNAMIC_KEY = "dynamic_key" Text,
        NAME = "name" Text,
        TAGS = "tags" Tags,
        CACHE_KEY = "cache_key" Text or none,
        RUN_COUNT = "run_count" Number,
        EXPECTED_START_TIME = "expected_start_time" Time,
        NEXT_SCHEDULED_START_TIME = "next_scheduled_start_time" Time or none,
        START_TIME = "start_time" Time or none,
        END_TIME = "end_time" Time or none,
        STARTED = "COALESCE(start_time, expected_start_time)" Time,
        STATE_TYPE = "state_type" Text,
        STATE_NAME = "state_name" Text,
    }
    /// Columns of log lines.
    log {
        ID = "id" Id,
        TIMESTAMP = "timestamp" Time,
        LEVEL = "level" Number,
        LOGGER = "logger" Text,
        MESSAGE = "message" Text,
        FLOW_RUN_ID = "flow_run_id" Id or none,
        TASK_RUN_ID = "task_run_id" Id or none,
    }
}

/// How a row is related to rows of another table, or of its own: a column of it has the value of one of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation {
    pub(crate) column: Column,
    pub(crate) to: Table,
    pub(crate) by: Column,
}

/// Relations between tables.
pub mod relation {
    use super::{Relation, Table, flow, flow_run, log, task_run};

    /// A flow run's flow.
    pub const FLOW_OF_FLOW_RUN: Relation = Relation { column: flow_run::FLOW_ID, to: Table::Flows, by: flow::ID };
    /// A flow's runs.
    pub const FLOW_RUNS_OF_FLOW: Relation = Relation { column: flow::ID, to: Table::FlowRuns, by: flow_run::FLOW_ID };
    /// A flow run's task runs.
    pub const TASK_RUNS_OF_FLOW_RUN: Relation =
        Relation { column: flow_run::ID, to: Table::TaskRuns, by: task_run::FLOW_RUN_ID };
    /// A task run's flow run.
    pub const FLOW_RUN_OF_TASK_RUN: Relation =
        Relation { column: task_run::FLOW_RUN_ID, to: Table::FlowRuns, by: flow_run::ID };
    /// The task run that stands for a subflow in its parent.
    pub const PARENT_OF_FLOW_RUN: Relation =
        Relation { column: flow_run::PARENT_TASK_RUN_ID, to: Table::TaskRuns, by: task_run::ID };
    /// The subflow that a task run stands for.
    pub const SUBFLOW_OF_TASK_RUN: Relation =
        Relation { column: task_run::ID, to: Table::FlowRuns, by: flow_run::PARENT_TASK_RUN_ID };
    /// A log line's flow run.
    pub const FLOW_RUN_OF_LOG: Relation = Relation { column: log::FLOW_RUN_ID, to: Table::FlowRuns, by: flow_run::ID };
}
