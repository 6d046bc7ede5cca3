//! Events of several sources, put in the order of time and cut to a page, the same for every store.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::model::{Event, EventFilter, FlowRun, FlowRunId, Order, Page, State, TaskRun, Timestamp};

/// Collects the events that come first, as many as a page needs: memory is bounded by the page and not by the history.
pub(super) struct Timeline {
    first: BTreeMap<(Timestamp, Uuid), Event>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    order: Order,
    page: Page,
}

impl Timeline {
    /// Begins an empty timeline for what a filter says of times, order and page.
    pub(super) fn new(filter: &EventFilter) -> Self {
        let EventFilter { since, until, order, page, .. } = *filter;
        Timeline { first: BTreeMap::new(), since, until, order, page }
    }

    /// Adds what a flow run's states tell.
    pub(super) fn flow_run<'a>(&mut self, run: &FlowRun, states: impl IntoIterator<Item = &'a State>) {
        for state in states {
            self.add_with(state.timestamp, state.id.0, || Event::of_flow_run(run, state));
        }
    }

    /// Adds what a task run's states tell.
    pub(super) fn task_run<'a>(&mut self, run: &TaskRun, states: impl IntoIterator<Item = &'a State>) {
        for state in states {
            self.add_with(state.timestamp, state.id.0, || Event::of_task_run(run, state));
        }
    }

    /// Adds an event.
    pub(super) fn event(&mut self, event: Event) {
        self.add_with(event.occurred, event.id, || event);
    }

    /// Tells whether nothing can come onto the page any more that is at least as far in its order as `bound`,
    /// microseconds since 1970.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) fn is_complete(&self, bound: i64) -> bool {
        self.first.len() >= self.capacity()
            && self.last().is_none_or(|(time, _)| match self.order {
                Order::OldestFirst => bound > time.timestamp_micros(),
                Order::NewestFirst => bound < time.timestamp_micros(),
            })
    }

    /// Returns the page's events in their order; those of one time by their ids.
    pub(super) fn into_page(self) -> Vec<Event> {
        let skipped = self.page.offset as usize;
        match self.order {
            Order::OldestFirst => self.first.into_values().skip(skipped).collect(),
            Order::NewestFirst => self.first.into_values().rev().skip(skipped).collect(),
        }
    }

    /// How many events lead up to the page's end.
    fn capacity(&self) -> usize {
        self.page.offset as usize + self.page.limit as usize
    }

    /// The last in the order of what is kept.
    fn last(&self) -> Option<(Timestamp, Uuid)> {
        let last = match self.order {
            Order::OldestFirst => self.first.last_key_value(),
            Order::NewestFirst => self.first.first_key_value(),
        };
        last.map(|(key, _)| *key)
    }

    /// Makes an event only when it can be on the page: most of a long history cannot.
    fn add_with(&mut self, occurred: Timestamp, id: Uuid, event: impl FnOnce() -> Event) {
        if self.since.is_some_and(|since| occurred < since) || self.until.is_some_and(|until| occurred >= until) {
            return;
        }
        let key = (occurred, id);
        let is_behind = |last| match self.order {
            Order::OldestFirst => last <= key,
            Order::NewestFirst => key <= last,
        };
        if self.first.len() >= self.capacity() && self.last().is_none_or(is_behind) {
            return;
        }
        self.first.insert(key, event());
        if self.first.len() > self.capacity() {
            match self.order {
                Order::OldestFirst => self.first.pop_last(),
                Order::NewestFirst => self.first.pop_first(),
            };
        }
    }
}

/// Tells whether an event's resources name a flow run.
pub(super) fn names_run(event: &Event, id: FlowRunId) -> bool {
    let resource_id = run_resource(id);
    std::iter::once(&event.resource)
        .chain(&event.related)
        .any(|resource| resource.get("prefect.resource.id").is_some_and(|value| *value == resource_id))
}

/// Returns the name under which events know a flow run.
pub(super) fn run_resource(id: FlowRunId) -> String {
    format!("prefect.flow-run.{id}")
}
