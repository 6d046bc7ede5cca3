//! Events: merged from three tables, reading no more of each than the page needs.
//!
//! Own events and the states of flow runs have indices by time, by which they are walked in chunks. Task runs have their states in their rows, which are
//! walked in the order of their ids until none that is left can matter, and beside them the strays, whose ids do not tell
//! when their states were.

use std::iter;

use uuid::Uuid;

use crate::model::{
    Event, EventFilter, FLOW_RUN_PREFIX, FlowRunId, IdRange, Order, Page, RESOURCE_ID, TASK_RUN_PREFIX, TaskRunId,
    Timestamp,
};
use crate::store::StoreError;
use crate::store::timeline::{EventVisitor, Timeline, run_resource};

use super::dialect::Dialect;
use super::driver::{Row, Statement};
use super::read::Readers;
use super::rows::{
    EVENT_COLUMNS, FLOW_RUN_COLUMNS, FLOW_RUN_COLUMNS_READ, TASK_RUN_COLUMNS, TASK_RUN_COLUMNS_READ, event, flow_run,
    flow_run_state, micros, optional_flow_run_state, task_run_with_history,
};
use super::select::{Select, by_id};
use super::strays::{ANYWHERE, earliest, ids_within, latest};

/// How many task runs are read at a time at most.
const CHUNK: u32 = 1000;

/// Reads a page of events.
pub(super) async fn read(readers: &Readers, filter: &EventFilter) -> Result<Vec<Event>, StoreError> {
    // Every row has an event at least, so that no more rows than events are needed, unless the filter leaves some out.
    let chunk = filter.page.limit.saturating_add(filter.page.offset).clamp(16, CHUNK);
    let mut timeline = Timeline::new(filter);
    collect(readers, filter, chunk, &mut timeline).await?;
    Ok(timeline.into_page())
}

/// Shows all events that a filter selects to a visitor, each once, in no order, until it has seen enough.
pub(super) async fn visit(
    readers: &Readers,
    filter: &EventFilter,
    visitor: &mut EventVisitor<'_>,
) -> Result<(), StoreError> {
    // With this order strays are those that a walk from one end to the other does not come to.
    let filter = EventFilter { order: Order::OldestFirst, ..filter.clone() };
    collect(readers, &filter, CHUNK, &mut Timeline::visiting(&filter, visitor)).await
}

async fn collect(
    readers: &Readers,
    filter: &EventFilter,
    chunk: u32,
    timeline: &mut Timeline<'_>,
) -> Result<(), StoreError> {
    by_time(readers, filter, OwnEvents, chunk, timeline).await?;
    if filter.wants_states(FLOW_RUN_PREFIX) {
        by_time(readers, filter, FlowRunStates, chunk, timeline).await?;
    }
    if let Some(id) = only_task_run(filter) {
        return walk(readers, filter, IdRange { from: id.0, to: id.0 }, chunk, timeline).await;
    }
    if filter.wants_states(TASK_RUN_PREFIX) {
        let ids = ids_within(filter.since.map(micros), filter.until.map(micros));
        walk(readers, filter, ids, chunk, timeline).await?;
        strays(readers, filter, ids, chunk, timeline).await?;
    }
    Ok(())
}

/// Reads more at a time the longer nothing completes the page: what is selected may be rare.
fn more(chunk: u32) -> u32 {
    chunk.saturating_mul(2).min(CHUNK)
}

/// Goes through a table that has an index by time.
async fn by_time(
    readers: &Readers,
    filter: &EventFilter,
    table: impl ByTime,
    mut chunk: u32,
    timeline: &mut Timeline<'_>,
) -> Result<(), StoreError> {
    let mut behind = None;
    loop {
        let ask = |dialect| {
            let mut select = table.select(dialect, filter);
            let (time, id) = table.place();
            select.between(time, filter.since, filter.until);
            let (comparison, direction) = match filter.order {
                Order::OldestFirst => (">", ""),
                Order::NewestFirst => ("<", " DESC"),
            };
            if let Some((occurred, last)) = behind {
                let next = select.next();
                select.and(&format!("({time}, {id}) {comparison} (${next}, ${})", next + 1));
                select.arguments.int(micros(occurred));
                select.arguments.uuid(last);
            }
            select.page(&format!("{time}{direction}, {id}{direction}"), Page::first(chunk))
        };
        let rows = readers.fetch(ask).await?;
        for row in &rows {
            behind = Some(table.add(row, timeline)?);
        }
        let Some((occurred, last)) = behind.filter(|_| rows.len() >= chunk as usize) else { return Ok(()) };
        if timeline.is_complete_behind(occurred, last) {
            return Ok(());
        }
        chunk = more(chunk);
    }
}

/// A table whose rows are events, one each.
trait ByTime: Sync {
    /// Begins the question for its rows.
    fn select(&self, dialect: Dialect, filter: &EventFilter) -> Select;

    /// Names the columns of the time and of the id.
    fn place(&self) -> (&'static str, &'static str);

    /// Adds a row, and tells the time and the id of its event.
    fn add(&self, row: &Row, timeline: &mut Timeline<'_>) -> Result<(Timestamp, Uuid), StoreError>;
}

/// The events that programs told of.
struct OwnEvents;

impl ByTime for OwnEvents {
    /// Leaves out what can be told from the texts of a row not to be selected: there may be many of them.
    fn select(&self, dialect: Dialect, filter: &EventFilter) -> Select {
        let mut select = Select::new(dialect, EVENT_COLUMNS, "events");
        let id_begins = |id: &str| {
            let text = serde_json::Value::from(id).to_string();
            format!("\"{RESOURCE_ID}\":{}", text.strip_suffix('"').unwrap_or(&text))
        };
        if let Some(id) = filter.flow_run_id {
            select.contains("resource || related", Some(&id_begins(&run_resource(id))));
        }
        if let ([prefix], []) | ([], [prefix]) = (&*filter.event.prefixes, &*filter.event.names) {
            select.begins("event", prefix);
        }
        if let ([prefix], []) | ([], [prefix]) = (&*filter.resource.id_prefixes, &*filter.resource.ids) {
            select.contains("resource", Some(&id_begins(prefix)));
        }
        select
    }

    fn place(&self) -> (&'static str, &'static str) {
        ("occurred", "id")
    }

    fn add(&self, row: &Row, timeline: &mut Timeline<'_>) -> Result<(Timestamp, Uuid), StoreError> {
        let event = event(row)?;
        let place = (event.occurred, event.id);
        timeline.event(event);
        Ok(place)
    }
}

/// The states of flow runs, each with its run.
struct FlowRunStates;

impl ByTime for FlowRunStates {
    fn select(&self, dialect: Dialect, filter: &EventFilter) -> Select {
        let columns: Vec<_> = FLOW_RUN_COLUMNS.split(", ").map(|column| format!("f.{column}")).collect();
        let columns = format!("{}, s.state, b.state", columns.join(", "));
        let tables = "flow_run_states s JOIN flow_runs f ON f.id = s.flow_run_id \
                      LEFT JOIN flow_run_states b ON b.flow_run_id = s.flow_run_id AND b.position = s.position - 1";
        let mut select = Select::new(dialect, &columns, tables);
        select.uuid("s.flow_run_id", filter.flow_run_id.map(|id| id.0));
        if filter.event.prefixes.is_empty() && !filter.event.names.is_empty() {
            select
                .texts("s.name", Some(filter.event.names.iter().filter_map(|name| name.strip_prefix(FLOW_RUN_PREFIX))));
        }
        select
    }

    fn place(&self) -> (&'static str, &'static str) {
        ("s.timestamp", "s.id")
    }

    fn add(&self, row: &Row, timeline: &mut Timeline<'_>) -> Result<(Timestamp, Uuid), StoreError> {
        let state = flow_run_state(row, FLOW_RUN_COLUMNS_READ)?;
        let before = optional_flow_run_state(row, FLOW_RUN_COLUMNS_READ + 1)?;
        timeline.flow_run(&flow_run(row)?, before.as_ref(), [&state]);
        Ok((state.timestamp, state.id.0))
    }
}

/// Goes through the task runs of a range in the order of their ids.
async fn walk(
    readers: &Readers,
    filter: &EventFilter,
    mut ids: IdRange,
    mut chunk: u32,
    timeline: &mut Timeline<'_>,
) -> Result<(), StoreError> {
    loop {
        let ask = |dialect| task_runs_within(dialect, filter.flow_run_id, ids, filter.order, chunk);
        let rows = readers.fetch(ask).await?;
        let mut last = None;
        for row in &rows {
            last = Some(add(row, timeline)?);
        }
        let Some(last) = last.filter(|_| rows.len() >= chunk as usize) else { return Ok(()) };
        let bound = match filter.order {
            Order::OldestFirst => earliest(last),
            Order::NewestFirst => latest(last),
        };
        if timeline.is_complete(bound) || !step_over(&mut ids, last, filter.order) {
            return Ok(());
        }
        chunk = more(chunk);
    }
}

/// Goes through the strays that the walk in this order does not come to in time, those that reach farthest first.
///
/// A stray's first state may be long before its last. Newest first the walk may end before it comes to the stray, for which
/// its last state counts. Oldest first the walk comes to it in time, unless it began before the span of time that is asked
/// for, or may be anywhere.
async fn strays(
    readers: &Readers,
    filter: &EventFilter,
    walked: IdRange,
    mut chunk: u32,
    timeline: &mut Timeline<'_>,
) -> Result<(), StoreError> {
    let ids = match filter.order {
        Order::NewestFirst => Some(IdRange { from: IdRange::ALL.from, to: walked.to }),
        Order::OldestFirst => {
            Some(IdRange { from: IdRange::ALL.from, to: walked.from }).filter(|_| filter.since.is_some())
        }
    };
    let mut behind = None;
    loop {
        let ask = |dialect| strays_within(dialect, filter, ids, behind, chunk);
        let rows = readers.fetch(ask).await?;
        for row in &rows {
            let until = row.int(TASK_RUN_COLUMNS_READ)?;
            if filter.order == Order::NewestFirst && until != ANYWHERE && timeline.is_complete(until) {
                return Ok(());
            }
            let id = TaskRunId(row.uuid(0)?);
            // A visitor was shown those of the walk already.
            if !(timeline.wants_all() && walked.contains(id.0)) {
                add(row, timeline)?;
            }
            behind = Some(StraysBehind { until, id });
        }
        if rows.len() < chunk as usize || (timeline.wants_all() && timeline.is_complete(ANYWHERE)) {
            return Ok(());
        }
        chunk = more(chunk);
    }
}

fn add(row: &Row, timeline: &mut Timeline<'_>) -> Result<TaskRunId, StoreError> {
    let (run, history) = task_run_with_history(row)?;
    timeline.task_run(&run, &history);
    Ok(run.id)
}

/// Leaves an id and what comes before it in the order out of a range; tells whether something is left.
fn step_over(ids: &mut IdRange, TaskRunId(id): TaskRunId, order: Order) -> bool {
    let number = id.as_u128();
    let next = match order {
        Order::OldestFirst => number.checked_add(1),
        Order::NewestFirst => number.checked_sub(1),
    };
    let Some(next) = next.map(Uuid::from_u128) else { return false };
    match order {
        Order::OldestFirst => ids.from = next,
        Order::NewestFirst => ids.to = next,
    }
    ids.from <= ids.to
}

/// The task runs that come first in a range of ids, of all or of one flow run.
fn task_runs_within(
    dialect: Dialect,
    flow_run_id: Option<FlowRunId>,
    range: IdRange,
    order: Order,
    limit: u32,
) -> Statement {
    let mut select = Select::new(dialect, TASK_RUN_COLUMNS, "task_runs");
    select.uuid("flow_run_id", flow_run_id.map(|id| id.0));
    select.id_range("id", Some(range));
    select.page(by_id(order), Page::first(limit))
}

/// Up to where strays have been read.
#[derive(Clone, Copy)]
struct StraysBehind {
    until: i64,
    id: TaskRunId,
}

/// The strays in a range of ids, and those that may be anywhere: the ones that reach farthest first, behind one.
fn strays_within(
    dialect: Dialect,
    filter: &EventFilter,
    range: Option<IdRange>,
    behind: Option<StraysBehind>,
    limit: u32,
) -> Statement {
    const ORDER: &str = "stray_until DESC, id DESC";
    let mut select = Select::new(dialect, &format!("{TASK_RUN_COLUMNS}, stray_until"), "task_runs");
    // The index has all that they are selected by.
    let index = dialect.indexed_by("task_runs_strays");
    select.and(&format!("id IN (SELECT id FROM task_runs{index} WHERE stray_until IS NOT NULL"));
    select.uuid("flow_run_id", filter.flow_run_id.map(|id| id.0));
    match range {
        Some(range) => {
            select.compare("stray_until >=", filter.since.map(micros));
            if range != IdRange::ALL {
                select.and(&format!("(stray_until = {ANYWHERE} OR id <= ${})", select.next()));
                select.arguments.uuid(range.to);
            }
        }
        None => select.and(&format!("stray_until = {ANYWHERE}")),
    }
    if let Some(StraysBehind { until, id }) = behind {
        let next = select.next();
        select.and(&format!("(stray_until, id) < (${next}, ${})", next + 1));
        select.arguments.int(until);
        select.arguments.uuid(id.0);
    }
    select.order(ORDER, Page::first(limit));
    select.end(&format!(") ORDER BY {ORDER}"))
}

/// Finds the task run that all selected changes of task runs' states are of, if the filter names one.
fn only_task_run(filter: &EventFilter) -> Option<TaskRunId> {
    let mut named = iter::once(&filter.resource).chain(&filter.any_resource);
    named.find_map(|resource| match &*resource.ids {
        [id] => id.strip_prefix(TASK_RUN_PREFIX)?.parse().ok().map(TaskRunId),
        _ => None,
    })
}
