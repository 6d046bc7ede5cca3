//! The questions that readers and the writer ask, as statements.

use std::fmt::Write as _;

use uuid::Uuid;

use crate::model::{
    FlowFilter, FlowRun, FlowRunFilter, FlowRunId, IdRange, LogFilter, Order, Page, ProcessId, StateType,
    TaskRunFilter, TaskRunId, Timestamp,
};
use crate::store::StoreError;

use super::dialect::Dialect;
use super::driver::{Arguments, Row, Statement};
use super::rows::{FLOW_COLUMNS, FLOW_RUN_COLUMNS, LOG_COLUMNS, PROCESS_COLUMNS, TASK_RUN_COLUMNS, flow_run, micros};

/// A question that grows by its conditions. Lists are one parameter each, so that there are few texts to prepare.
pub(super) struct Select {
    dialect: Dialect,
    pub(super) text: String,
    pub(super) arguments: Arguments,
    conditions: usize,
}

impl Select {
    pub(super) fn new(dialect: Dialect, columns: &str, table: &str) -> Self {
        let text = format!("SELECT {columns} FROM {table}");
        Select { dialect, text, arguments: Arguments::new(dialect), conditions: 0 }
    }

    /// Begins to delete rows instead.
    pub(super) fn delete(dialect: Dialect, table: &str) -> Self {
        let text = format!("DELETE FROM {table}");
        Select { dialect, text, arguments: Arguments::new(dialect), conditions: 0 }
    }

    pub(super) fn and(&mut self, condition: &str) {
        self.text.push_str(if self.conditions == 0 { " WHERE " } else { " AND " });
        self.text.push_str(condition);
        self.conditions += 1;
    }

    pub(super) fn next(&self) -> usize {
        self.arguments.len() + 1
    }

    pub(super) fn uuid(&mut self, column: &str, value: Option<Uuid>) {
        if let Some(value) = value {
            self.and(&format!("{column} = ${}", self.next()));
            self.arguments.uuid(value);
        }
    }

    pub(super) fn uuids<I: Copy + Into<Uuid>>(&mut self, column: &str, values: Option<&[I]>) {
        if let Some(values) = values {
            let mut list = String::with_capacity(2 + values.len() * 35);
            for value in values {
                list.push_str(if list.is_empty() { "[\"" } else { "\",\"" });
                // Writing to a text cannot fail.
                let _ = write!(list, "{}", (*value).into().simple());
            }
            list.push_str(if list.is_empty() { "[]" } else { "\"]" });
            self.and(&format!("{column} IN ({})", self.dialect.uuids(self.next())));
            self.arguments.owned(list);
        }
    }

    pub(super) fn texts<'a>(&mut self, column: &str, values: Option<impl Iterator<Item = &'a str>>) {
        if let Some(values) = values {
            let list = serde_json::Value::from_iter(values).to_string();
            self.and(&format!("{column} IN ({})", self.dialect.texts(self.next())));
            self.arguments.owned(list);
        }
    }

    /// The column is a JSON array of texts, all of these among them.
    pub(super) fn has_all(&mut self, column: &str, values: Option<&[String]>) {
        if let Some(values) = values {
            let wanted = self.dialect.texts(self.next());
            self.and(&format!("NOT EXISTS ({wanted} EXCEPT {})", self.dialect.elements(column)));
            self.arguments.owned(serde_json::Value::from_iter(values.iter().map(String::as_str)).to_string());
        }
    }

    pub(super) fn text(&mut self, column: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.and(&format!("{column} = ${}", self.next()));
            self.arguments.text(value);
        }
    }

    pub(super) fn contains(&mut self, column: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.and(&self.dialect.contains(column, self.next()));
            self.arguments.text(value);
        }
    }

    /// Selects texts that begin with this, letter for letter.
    pub(super) fn begins(&mut self, column: &str, prefix: &str) {
        let next = self.next();
        self.and(&format!("substr({column}, 1, length(${next})) = ${}", next + 1));
        self.arguments.text(prefix);
        self.arguments.text(prefix);
    }

    pub(super) fn compare(&mut self, comparison: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.and(&format!("{comparison} ${}", self.next()));
            self.arguments.int(value);
        }
    }

    pub(super) fn between(&mut self, column: &str, since: Option<Timestamp>, until: Option<Timestamp>) {
        self.compare(&format!("{column} >="), since.map(micros));
        self.compare(&format!("{column} <"), until.map(micros));
    }

    pub(super) fn id_range(&mut self, column: &str, range: Option<IdRange>) {
        let Some(IdRange { from, to }) = range.filter(|range| *range != IdRange::ALL) else { return };
        let next = self.next();
        self.and(&format!("{column} >= ${next} AND {column} <= ${}", next + 1));
        self.arguments.uuid(from);
        self.arguments.uuid(to);
    }

    fn states(&mut self, types: Option<&[StateType]>, names: Option<&[String]>) {
        self.texts("state_type", types.map(|types| types.iter().map(|kind| kind.as_str())));
        self.texts("state_name", self::names(names));
    }

    pub(super) fn page(mut self, order: &str, page: Page) -> Statement {
        self.order(order, page);
        self.end("")
    }

    pub(super) fn order(&mut self, order: &str, page: Page) {
        let limit = self.next();
        // Writing to a text cannot fail.
        let _ = write!(self.text, " ORDER BY {order} LIMIT ${limit} OFFSET ${}", limit + 1);
        self.arguments.int(i64::from(page.limit));
        self.arguments.int(i64::from(page.offset));
    }

    pub(super) fn end(mut self, tail: &str) -> Statement {
        self.text.push_str(tail);
        Statement { text: self.text.into(), arguments: self.arguments }
    }
}

pub(super) fn flows(dialect: Dialect, filter: &FlowFilter) -> Statement {
    let mut select = Select::new(dialect, FLOW_COLUMNS, "flows");
    select.contains("name", filter.name_like.as_deref());
    select.page("name", filter.page)
}

pub(super) fn flow_runs(dialect: Dialect, filter: &FlowRunFilter) -> Statement {
    let mut select = Select::new(dialect, FLOW_RUN_COLUMNS, "flow_runs");
    select.uuids("id", ids(filter.ids.as_deref(), |id: &FlowRunId| id.0).as_deref());
    select.id_range("id", filter.id_range);
    select.texts("flow_name", names(filter.flow_names.as_deref()));
    select.texts("name", names(filter.names.as_deref()));
    select.contains("name", filter.name_like.as_deref());
    select.states(filter.state_types.as_deref(), filter.state_names.as_deref());
    select.between("expected_start_time", filter.since, filter.until);
    let parents = ids(filter.parent_task_run_ids.as_deref(), |id: &TaskRunId| id.0);
    select.uuids("parent_task_run_id", parents.as_deref());
    if let Some(parents) = ids(filter.parent_flow_run_ids.as_deref(), |id: &FlowRunId| id.0) {
        // There are few subflows and many task runs, so that it begins with those.
        select.and(
            "parent_task_run_id IS NOT NULL AND EXISTS (SELECT 1 FROM task_runs t \
             WHERE t.id = flow_runs.parent_task_run_id",
        );
        select.uuids("t.flow_run_id", Some(&parents));
        select.text.push(')');
    }
    select.page("created DESC, id DESC", filter.page)
}

pub(super) fn active_flow_runs(dialect: Dialect) -> Statement {
    let mut select = Select::new(dialect, FLOW_RUN_COLUMNS, "flow_runs");
    // Word for word the condition of the index.
    select.and("process_id IS NOT NULL AND state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING')");
    select.page("created DESC, id DESC", Page::ALL)
}

pub(super) fn cancelling_flow_runs(dialect: Dialect, process: ProcessId) -> Statement {
    let mut select = Select::new(dialect, "id", "flow_runs");
    select.uuid("process_id", Some(process.0));
    // Word for word the condition of the index.
    select.and("state_type = 'CANCELLING'");
    select.end("")
}

pub(super) fn flow_runs_by_ids(dialect: Dialect, ids: &[FlowRunId]) -> Statement {
    let page = Page::ALL;
    flow_runs(dialect, &FlowRunFilter { ids: Some(ids.to_vec()), page, ..FlowRunFilter::default() })
}

pub(super) fn flow_run_by_id(dialect: Dialect, id: FlowRunId) -> Statement {
    let mut select = Select::new(dialect, FLOW_RUN_COLUMNS, "flow_runs");
    select.uuid("id", Some(id.0));
    select.end("")
}

pub(super) fn flow_run_states(dialect: Dialect, id: FlowRunId) -> Statement {
    let mut select = Select::new(dialect, "state", "flow_run_states");
    select.uuid("flow_run_id", Some(id.0));
    select.end(" ORDER BY position")
}

/// Locks flow runs against a new attempt until the transaction ends; in SQLite it only begins the transaction.
pub(super) fn lock_flow_runs(dialect: Dialect, flow_runs: &[FlowRunId]) -> Statement {
    let mut select = Select::new(dialect, "id", "flow_runs");
    select.uuids("id", ids(Some(flow_runs), |id| id.0).as_deref());
    select.end(&format!(" ORDER BY id{}", dialect.for_update()))
}

pub(super) fn run_counts(dialect: Dialect, flow_runs: &[FlowRunId]) -> Statement {
    let mut select = Select::new(dialect, "id, run_count", "flow_runs");
    select.uuids("id", ids(Some(flow_runs), |id| id.0).as_deref());
    select.end("")
}

pub(super) fn history_lengths(dialect: Dialect, task_runs: &[TaskRunId]) -> Statement {
    let mut select = Select::new(dialect, "id, history_len", "task_runs");
    select.uuids("id", ids(Some(task_runs), |id| id.0).as_deref());
    select.end("")
}

pub(super) fn unended_task_runs(dialect: Dialect, id: FlowRunId) -> Statement {
    let mut select = Select::new(dialect, TASK_RUN_COLUMNS, "task_runs");
    select.uuid("flow_run_id", Some(id.0));
    select.and("state_type NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')");
    select.end(" ORDER BY id")
}

/// How many of the task runs that come first are looked through for common ones.
const FIRST: u32 = 1000;

/// Tells whether task runs are asked for that may be common or rare.
pub(super) fn is_worth_a_try(filter: &TaskRunFilter) -> bool {
    // Those of one flow run have an index that is in their order and ends when there are enough.
    selects_by_overview(filter)
        && filter.flow_run_ids.as_ref().is_none_or(|ids| ids.len() != 1)
        && filter.page.limit.saturating_add(filter.page.offset) < FIRST
}

/// Tells whether an index has all that task runs are selected by, and the rows need not be read for it.
fn selects_by_overview(filter: &TaskRunFilter) -> bool {
    let conditions = filter.names.is_some()
        || filter.name_like.is_some()
        || filter.state_types.is_some()
        || filter.state_names.is_some();
    conditions && filter.ids.is_none() && filter.id_range.is_none() && filter.since.is_none() && filter.until.is_none()
}

/// The task runs that a filter selects.
pub(super) fn task_runs(dialect: Dialect, filter: &TaskRunFilter) -> Statement {
    let order = by_id(filter.order);
    if !selects_by_overview(filter) {
        let mut select = Select::new(dialect, TASK_RUN_COLUMNS, "task_runs");
        task_run_conditions(&mut select, filter);
        return select.page(order, filter.page);
    }
    let mut select = Select::new(dialect, TASK_RUN_COLUMNS, "task_runs");
    select.and("id IN (SELECT id FROM task_runs");
    select.text.push_str(&dialect.indexed_by("task_runs_flow_run"));
    select.conditions = 0;
    task_run_conditions(&mut select, filter);
    select.order(order, filter.page);
    select.end(&format!(") ORDER BY {order}"))
}

/// What a filter selects of the task runs that come first.
pub(super) fn first_task_runs(dialect: Dialect, filter: &TaskRunFilter) -> Statement {
    let order = by_id(filter.order);
    let mut select = Select::new(dialect, TASK_RUN_COLUMNS, "task_runs");
    let comparison = if filter.order == Order::OldestFirst { "<" } else { ">" };
    select.and(&format!("id {comparison} (SELECT id FROM task_runs ORDER BY {order} LIMIT 1 OFFSET {FIRST})"));
    task_run_conditions(&mut select, filter);
    select.page(order, filter.page)
}

fn task_run_conditions(select: &mut Select, filter: &TaskRunFilter) {
    select.uuids("id", ids(filter.ids.as_deref(), |id: &TaskRunId| id.0).as_deref());
    select.id_range("id", filter.id_range);
    match filter.flow_run_ids.as_deref() {
        // One id is the common question, and the index answers it in order.
        Some([one]) => select.uuid("flow_run_id", Some(one.0)),
        several => select.uuids("flow_run_id", ids(several, |id: &FlowRunId| id.0).as_deref()),
    }
    select.texts("name", names(filter.names.as_deref()));
    select.contains("name", filter.name_like.as_deref());
    select.states(filter.state_types.as_deref(), filter.state_names.as_deref());
    select.between("expected_start_time", filter.since, filter.until);
}

/// How many task runs of a flow run are in which state.
pub(super) fn task_run_counts(dialect: Dialect, id: FlowRunId) -> Statement {
    let mut select = Select::new(dialect, "state_type, state_name, COUNT(*)", "task_runs");
    select.uuid("flow_run_id", Some(id.0));
    select.end(" GROUP BY state_type, state_name ORDER BY state_name, state_type")
}

pub(super) fn by_id(order: Order) -> &'static str {
    match order {
        Order::OldestFirst => "id",
        Order::NewestFirst => "id DESC",
    }
}

fn by_time(order: Order) -> &'static str {
    match order {
        Order::OldestFirst => "timestamp, id",
        Order::NewestFirst => "timestamp DESC, id DESC",
    }
}

/// Locks task runs until the transaction ends, and reads them.
pub(super) fn task_runs_by_ids(dialect: Dialect, task_runs: &[TaskRunId]) -> Statement {
    let mut select = Select::new(dialect, TASK_RUN_COLUMNS, "task_runs");
    select.uuids("id", ids(Some(task_runs), |id| id.0).as_deref());
    select.end(&format!(" ORDER BY id{}", dialect.for_update()))
}

pub(super) fn task_run_by_id(dialect: Dialect, id: TaskRunId) -> Statement {
    let mut select = Select::new(dialect, TASK_RUN_COLUMNS, "task_runs");
    select.uuid("id", Some(id.0));
    select.end("")
}

pub(super) fn logs(dialect: Dialect, filter: &LogFilter) -> Statement {
    let mut select = Select::new(dialect, LOG_COLUMNS, "logs");
    select.uuid("flow_run_id", filter.flow_run_id.map(|id| id.0));
    select.uuid("task_run_id", filter.task_run_id.map(|id| id.0));
    select.compare("level >=", filter.level.map(|level| i64::from(level.number())));
    select.page(by_time(filter.order), filter.page)
}

pub(super) fn processes(dialect: Dialect) -> Statement {
    Select::new(dialect, PROCESS_COLUMNS, "processes").end(" ORDER BY id")
}

pub(super) fn read_flow_runs(rows: &[Row]) -> Result<Vec<FlowRun>, StoreError> {
    rows.iter().map(flow_run).collect()
}

pub(super) fn names(names: Option<&[String]>) -> Option<impl Iterator<Item = &str>> {
    names.map(|names| names.iter().map(String::as_str))
}

pub(super) fn ids<I>(ids: Option<&[I]>, uuid: fn(&I) -> Uuid) -> Option<Vec<Uuid>> {
    ids.map(|ids| ids.iter().map(uuid).collect())
}
