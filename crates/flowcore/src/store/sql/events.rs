//! Events: merged from three tables, reading no more of each than the page needs.
//!
//! Own events and the states of flow runs have indices by time. Task runs have their states in their rows, which are
//! walked in the order of their ids until none that is left can matter, and beside them the strays, whose ids do not tell
//! when their states were.

use crate::model::{Event, EventFilter, IdRange, Order, TaskRunId};
use crate::store::StoreError;
use crate::store::timeline::Timeline;

use super::driver::Row;
use super::read::Readers;
use super::rows::{TASK_RUN_COLUMNS_READ, event, flow_run, flow_run_state, micros, task_run_with_history};
use super::select::{self, StraysBehind};
use super::strays::{ANYWHERE, earliest, ids_within, latest};

/// How many task runs are read at a time at most.
const CHUNK: u32 = 1000;

/// Where the state stands behind a flow run's own columns.
const STATE_BEHIND_FLOW_RUN: usize = 22;

/// Reads a page of events.
pub(super) async fn read(readers: &Readers, filter: &EventFilter) -> Result<Vec<Event>, StoreError> {
    let mut timeline = Timeline::new(filter);
    for row in readers.fetch(|dialect| select::events(dialect, filter)).await? {
        timeline.event(event(&row)?);
    }
    for row in readers.fetch(|dialect| select::states_with_flow_runs(dialect, filter)).await? {
        timeline.flow_run(&flow_run(&row)?, [&flow_run_state(&row, STATE_BEHIND_FLOW_RUN)?]);
    }
    // Every row has a state at least, so that no more rows than events are needed.
    let chunk = filter.page.limit.saturating_add(filter.page.offset).clamp(16, CHUNK);
    let ids = ids_within(filter.since.map(micros), filter.until.map(micros));
    walk(readers, filter, ids, chunk, &mut timeline).await?;
    strays(readers, filter, ids, chunk, &mut timeline).await?;
    Ok(timeline.into_page())
}

/// Goes through the task runs of a range in the order of their ids.
async fn walk(
    readers: &Readers,
    filter: &EventFilter,
    mut ids: IdRange,
    chunk: u32,
    timeline: &mut Timeline,
) -> Result<(), StoreError> {
    loop {
        let ask = |dialect| select::task_runs_within(dialect, filter.flow_run_id, ids, filter.order, chunk);
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
    chunk: u32,
    timeline: &mut Timeline,
) -> Result<(), StoreError> {
    let ids = match filter.order {
        Order::NewestFirst => Some(IdRange { from: IdRange::ALL.from, to: walked.to }),
        Order::OldestFirst => {
            Some(IdRange { from: IdRange::ALL.from, to: walked.from }).filter(|_| filter.since.is_some())
        }
    };
    let mut behind = None;
    loop {
        let ask = |dialect| select::strays(dialect, filter, ids, behind, chunk);
        let rows = readers.fetch(ask).await?;
        for row in &rows {
            let until = row.int(TASK_RUN_COLUMNS_READ)?;
            if filter.order == Order::NewestFirst && until != ANYWHERE && timeline.is_complete(until) {
                return Ok(());
            }
            behind = Some(StraysBehind { until, id: add(row, timeline)? });
        }
        if rows.len() < chunk as usize {
            return Ok(());
        }
    }
}

fn add(row: &Row, timeline: &mut Timeline) -> Result<TaskRunId, StoreError> {
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
    let Some(next) = next.map(uuid::Uuid::from_u128) else { return false };
    match order {
        Order::OldestFirst => ids.from = next,
        Order::NewestFirst => ids.to = next,
    }
    ids.from <= ids.to
}
