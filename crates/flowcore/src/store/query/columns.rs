//! What can be asked for: tables, their columns, and how rows are related.

use super::condition::{Condition, Test, Values};
use crate::store::records::Value;

/// A table of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    name: &'static str,
}

impl Table {
    /// Flows.
    pub const FLOWS: Table = Table::new("flows");
    /// Flow runs.
    pub const FLOW_RUNS: Table = Table::new("flow_runs");
    /// Task runs.
    pub const TASK_RUNS: Table = Table::new("task_runs");
    /// Log lines.
    pub const LOGS: Table = Table::new("logs");

    /// Names a table of the schema.
    pub const fn new(name: &'static str) -> Self {
        Table { name }
    }

    /// Gives the table's name.
    pub fn name(self) -> &'static str {
        self.name
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
    /// Yes or no, as 1 or 0.
    Flag,
    /// A number that need not be whole.
    Real,
    /// JSON.
    Json,
    /// Bytes.
    Bytes,
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
    /// Names a column of the schema, tells what it holds, and whether it may hold nothing.
    pub const fn new(name: &'static str, kind: Kind, optional: bool) -> Self {
        Column { name, kind, optional }
    }

    /// Gives the column's name.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Asks for this value; an absent one asks for its absence.
    pub fn is(self, value: impl Into<Value>) -> Condition {
        let value = value.into();
        Condition::Column(self, if value.is_null() { Test::IsNull(true) } else { Test::Is(value) })
    }

    /// Asks for one of these values.
    pub fn one_of(self, values: Values) -> Condition {
        Condition::Column(self, Test::OneOf(values))
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
        CREATED_BY_ID = "created_by_id" Id or none,
        CREATED_BY_TYPE = "created_by_type" Text or none,
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
    /// Whether few rows have a value in the column.
    pub(crate) few: bool,
    /// Whether every row has its related row.
    pub(crate) always: bool,
}

impl Relation {
    /// Relates rows whose `column` has the value that rows of another table have in the column `by`.
    pub const fn new(column: Column, to: Table, by: Column) -> Self {
        Relation { column, to, by, few: false, always: false }
    }
}

/// Relations between tables.
pub mod relation {
    use super::{Relation, Table, flow, flow_run, log, task_run};

    /// A flow run's flow.
    pub const FLOW_OF_FLOW_RUN: Relation =
        Relation { always: true, ..Relation::new(flow_run::FLOW_ID, Table::FLOWS, flow::ID) };
    /// A flow's runs.
    pub const FLOW_RUNS_OF_FLOW: Relation = Relation::new(flow::ID, Table::FLOW_RUNS, flow_run::FLOW_ID);
    /// A flow run's task runs.
    pub const TASK_RUNS_OF_FLOW_RUN: Relation = Relation::new(flow_run::ID, Table::TASK_RUNS, task_run::FLOW_RUN_ID);
    /// A task run's flow run.
    pub const FLOW_RUN_OF_TASK_RUN: Relation = Relation::new(task_run::FLOW_RUN_ID, Table::FLOW_RUNS, flow_run::ID);
    /// The task run that stands for a subflow in its parent.
    pub const PARENT_OF_FLOW_RUN: Relation =
        Relation { few: true, ..Relation::new(flow_run::PARENT_TASK_RUN_ID, Table::TASK_RUNS, task_run::ID) };
    /// The subflow that a task run stands for.
    pub const SUBFLOW_OF_TASK_RUN: Relation =
        Relation::new(task_run::ID, Table::FLOW_RUNS, flow_run::PARENT_TASK_RUN_ID);
    /// A log line's flow run.
    pub const FLOW_RUN_OF_LOG: Relation = Relation::new(log::FLOW_RUN_ID, Table::FLOW_RUNS, flow_run::ID);
}
