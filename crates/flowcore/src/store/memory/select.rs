//! Which rows a filter selects, in which order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::model::{
    Event, EventFilter, FLOW_RUN_PREFIX, Flow, FlowFilter, FlowRun, FlowRunFilter, FlowRunId, IdRange, LogFilter,
    LogLine, Order, Page, ProcessId, State, StateCount, StateType, TASK_RUN_PREFIX, TaskRun, TaskRunFilter, TaskRunId,
    TaskRunRecord, Timestamp,
};
use crate::store::timeline::{Timeline, names_run};

use super::tables::Tables;

impl Tables {
    pub(super) fn select_flows(&self, filter: &FlowFilter) -> Vec<Flow> {
        cut(self.flows.values().filter(|flow| contains(filter.name_like.as_deref(), &flow.name)), filter.page)
    }

    pub(super) fn select_flow_runs(&self, filter: &FlowRunFilter) -> Vec<FlowRun> {
        self.newest_flow_runs(filter.page, |run| {
            one_of(filter.ids.as_deref(), &run.id)
                && within(filter.id_range, run.id.0)
                && one_of(filter.flow_names.as_deref(), &run.flow_name)
                && one_of(filter.names.as_deref(), &run.name)
                && contains(filter.name_like.as_deref(), &run.name)
                && in_state(filter.state_types.as_deref(), filter.state_names.as_deref(), &run.state)
                && between(filter.since, filter.until, run.times.expected_start_time)
                && filter
                    .parent_task_run_ids
                    .as_ref()
                    .is_none_or(|ids| run.parent_task_run_id.is_some_and(|id| ids.contains(&id)))
                && filter
                    .parent_flow_run_ids
                    .as_ref()
                    .is_none_or(|ids| self.parent_flow_run(run).is_some_and(|id| ids.contains(&id)))
        })
    }

    pub(super) fn active_flow_runs(&self) -> Vec<FlowRun> {
        self.newest_flow_runs(Page::ALL, |run| {
            run.process_id.is_some()
                && matches!(
                    run.state.kind,
                    StateType::Scheduled
                        | StateType::Pending
                        | StateType::Running
                        | StateType::Paused
                        | StateType::Cancelling
                )
        })
    }

    /// Finds the flow run that a subflow run was called in.
    fn parent_flow_run(&self, run: &FlowRun) -> Option<FlowRunId> {
        run.parent_task_run_id.and_then(|id| self.task_runs.get(&id))?.run.flow_run_id
    }

    pub(super) fn cancelling_flow_runs(&self, process: ProcessId) -> Vec<FlowRunId> {
        let runs = self.flow_runs.values().map(|row| &row.run);
        let asked = runs.filter(|run| run.process_id == Some(process) && run.state.kind == StateType::Cancelling);
        asked.map(|run| run.id).collect()
    }

    fn newest_flow_runs(&self, page: Page, selected: impl Fn(&FlowRun) -> bool) -> Vec<FlowRun> {
        let mut runs: Vec<_> = self.flow_runs.values().map(|row| &row.run).filter(|run| selected(run)).collect();
        runs.sort_by_key(|run| Reverse((run.created, run.id)));
        cut(runs, page)
    }

    pub(super) fn select_task_runs(&self, filter: &TaskRunFilter) -> Vec<TaskRun> {
        let selected = |record: &&TaskRunRecord| {
            let run = &record.run;
            one_of(filter.ids.as_deref(), &run.id)
                && within(filter.id_range, run.id.0)
                && one_of(filter.names.as_deref(), &run.name)
                && contains(filter.name_like.as_deref(), &run.name)
                && in_state(filter.state_types.as_deref(), filter.state_names.as_deref(), &run.state)
                && between(filter.since, filter.until, run.times.expected_start_time)
        };
        let Some(flow_run_ids) = &filter.flow_run_ids else {
            let rows = self.task_runs.values().map(Box::as_ref).filter(selected);
            return ordered(rows.map(|record| &record.run), filter.order, filter.page);
        };
        let of_flow_runs: BTreeSet<TaskRunId> = flow_run_ids
            .iter()
            .filter_map(|id| self.flow_runs.get(id))
            .flat_map(|row| row.task_runs.iter().copied())
            .collect();
        let rows = of_flow_runs.iter().filter_map(|id| self.task_runs.get(id)).map(Box::as_ref);
        ordered(rows.filter(selected).map(|record| &record.run), filter.order, filter.page)
    }

    pub(super) fn task_run_counts(&self, id: FlowRunId) -> Vec<StateCount> {
        let mut counts = BTreeMap::new();
        let of_run = self.flow_runs.get(&id).into_iter().flat_map(|row| &row.task_runs);
        for state in of_run.filter_map(|id| self.task_runs.get(id)).map(|record| &record.run.state) {
            *counts.entry((state.name.to_string(), state.kind.as_str(), state.kind)).or_default() += 1;
        }
        counts.into_iter().map(|((name, _, kind), count)| StateCount { kind, name, count }).collect()
    }

    pub(super) fn select_logs(&self, filter: &LogFilter) -> Vec<LogLine> {
        let selected = |line: &&LogLine| {
            filter.flow_run_id.is_none_or(|id| line.flow_run_id == Some(id))
                && filter.task_run_id.is_none_or(|id| line.task_run_id == Some(id))
                && filter.level.is_none_or(|level| line.level >= level)
        };
        ordered(self.logs.values().filter(selected), filter.order, filter.page)
    }

    pub(super) fn select_events(&self, filter: &EventFilter) -> Vec<Event> {
        let mut timeline = Timeline::new(filter);
        if filter.wants_states(FLOW_RUN_PREFIX) {
            for row in self.flow_runs.values().filter(|row| filter.flow_run_id.is_none_or(|id| row.run.id == id)) {
                timeline.flow_run(&row.run, None, &row.states);
            }
        }
        if filter.wants_states(TASK_RUN_PREFIX) {
            let of_run = |run: &TaskRun| filter.flow_run_id.is_none_or(|id| run.flow_run_id == Some(id));
            for row in self.task_runs.values().filter(|row| of_run(&row.run)) {
                timeline.task_run(&row.run, &row.states);
            }
        }
        for event in self.events.values().filter(|event| filter.flow_run_id.is_none_or(|id| names_run(event, id))) {
            timeline.event(event.clone());
        }
        timeline.into_page()
    }
}

/// Puts rows that are oldest first into an order.
fn ordered<'a, T: Clone + 'a>(rows: impl DoubleEndedIterator<Item = &'a T>, order: Order, page: Page) -> Vec<T> {
    match order {
        Order::OldestFirst => cut(rows, page),
        Order::NewestFirst => cut(rows.rev(), page),
    }
}

pub(super) fn within(range: Option<IdRange>, id: Uuid) -> bool {
    range.is_none_or(|range| range.contains(id))
}

pub(super) fn cut<'a, T: Clone + 'a>(rows: impl IntoIterator<Item = &'a T>, page: Page) -> Vec<T> {
    rows.into_iter().skip(page.offset as usize).take(page.limit as usize).cloned().collect()
}

pub(super) fn one_of<T: PartialEq>(wanted: Option<&[T]>, value: &T) -> bool {
    wanted.is_none_or(|wanted| wanted.contains(value))
}

/// Compares as the databases do: ASCII letters match in either case, all others exactly.
pub(super) fn contains(wanted: Option<&str>, text: &str) -> bool {
    wanted.is_none_or(|wanted| text.to_ascii_lowercase().contains(&wanted.to_ascii_lowercase()))
}

fn in_state(types: Option<&[StateType]>, names: Option<&[String]>, state: &State) -> bool {
    one_of(types, &state.kind) && names.is_none_or(|names| names.iter().any(|name| *name == state.name))
}

fn between(since: Option<Timestamp>, until: Option<Timestamp>, time: Timestamp) -> bool {
    since.is_none_or(|since| time >= since) && until.is_none_or(|until| time < until)
}
