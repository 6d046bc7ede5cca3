//! Events of several sources, put in the order of time and cut to a page, the same for every store.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use uuid::Uuid;

use crate::model::{
    Event, EventFilter, FLOW_RUN_PREFIX, FlowRun, FlowRunId, Order, RESOURCE_ID, State, TaskRun, Timestamp,
};

/// Collects the events that come first, as many as a page needs: memory is bounded by the page and not by the history.
pub(super) struct Timeline<'a> {
    first: BTreeMap<(Timestamp, Uuid), Event>,
    filter: &'a EventFilter,
    /// Who is shown all that is selected instead.
    visitor: Option<&'a mut EventVisitor<'a>>,
    /// Whether the visitor has seen enough.
    has_seen_enough: bool,
}

/// Somebody who looks at events, one after the other, until there is none left or enough has been seen.
pub type EventVisitor<'v> = dyn FnMut(Event) -> ControlFlow<()> + Send + 'v;

impl<'a> Timeline<'a> {
    /// Begins an empty timeline of what a filter selects, whatever flow run it is of.
    pub(super) fn new(filter: &'a EventFilter) -> Self {
        Timeline { first: BTreeMap::new(), filter, visitor: None, has_seen_enough: false }
    }

    /// Begins a timeline that is complete when a visitor has seen enough: all that the filter selects is shown to it, whatever
    /// the page.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) fn visiting(filter: &'a EventFilter, visitor: &'a mut EventVisitor<'a>) -> Self {
        Timeline { first: BTreeMap::new(), filter, visitor: Some(visitor), has_seen_enough: false }
    }

    /// Tells whether all that is selected is wanted, and not only a page of it.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) fn wants_all(&self) -> bool {
        self.visitor.is_some()
    }

    /// Adds what a flow run's states tell, of which the first came behind `before`.
    pub(super) fn flow_run<'s>(
        &mut self,
        run: &FlowRun,
        mut before: Option<&'s State>,
        states: impl IntoIterator<Item = &'s State>,
    ) {
        for state in states {
            self.add_with(state.timestamp, state.id.0, || Event::of_flow_run(run, before, state));
            before = Some(state);
        }
    }

    /// Adds what a task run's states tell.
    pub(super) fn task_run<'s>(&mut self, run: &TaskRun, states: impl IntoIterator<Item = &'s State>) {
        let mut before = None;
        for state in states {
            self.add_with(state.timestamp, state.id.0, || Event::of_task_run(run, before, state));
            before = Some(state);
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
        if self.wants_all() {
            return self.has_seen_enough;
        }
        self.first.len() >= self.capacity()
            && self.last().is_none_or(|(time, _)| match self.filter.order {
                Order::OldestFirst => bound > time.timestamp_micros(),
                Order::NewestFirst => bound < time.timestamp_micros(),
            })
    }

    /// Tells whether nothing can come onto the page any more that is behind this event in its order.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) fn is_complete_behind(&self, occurred: Timestamp, id: Uuid) -> bool {
        if self.wants_all() {
            return self.has_seen_enough;
        }
        self.first.len() >= self.capacity() && self.last().is_none_or(|last| self.is_behind((occurred, id), last))
    }

    /// Returns the page's events in their order; those of one time by their ids.
    pub(super) fn into_page(self) -> Vec<Event> {
        let skipped = self.filter.page.offset as usize;
        match self.filter.order {
            Order::OldestFirst => self.first.into_values().skip(skipped).collect(),
            Order::NewestFirst => self.first.into_values().rev().skip(skipped).collect(),
        }
    }

    /// How many events lead up to the page's end.
    fn capacity(&self) -> usize {
        self.filter.page.offset as usize + self.filter.page.limit as usize
    }

    /// Tells whether something comes behind something else in the order, or is the same.
    fn is_behind(&self, key: (Timestamp, Uuid), other: (Timestamp, Uuid)) -> bool {
        match self.filter.order {
            Order::OldestFirst => other <= key,
            Order::NewestFirst => key <= other,
        }
    }

    /// The last in the order of what is kept.
    fn last(&self) -> Option<(Timestamp, Uuid)> {
        let last = match self.filter.order {
            Order::OldestFirst => self.first.last_key_value(),
            Order::NewestFirst => self.first.first_key_value(),
        };
        last.map(|(key, _)| *key)
    }

    /// Makes an event only when it can be on the page: most of a long history cannot.
    fn add_with(&mut self, occurred: Timestamp, id: Uuid, event: impl FnOnce() -> Event) {
        let EventFilter { since, until, .. } = self.filter;
        if since.is_some_and(|since| occurred < since) || until.is_some_and(|until| occurred >= until) {
            return;
        }
        if !self.filter.ids.is_empty() && !self.filter.ids.contains(&id) {
            return;
        }
        if let Some(visitor) = &mut self.visitor {
            if self.has_seen_enough {
                return;
            }
            let event = event();
            if self.filter.selects(&event) {
                self.has_seen_enough = visitor(event).is_break();
            }
            return;
        }
        let key = (occurred, id);
        if self.first.len() >= self.capacity() && self.last().is_none_or(|last| self.is_behind(key, last)) {
            return;
        }
        let event = event();
        if !self.filter.selects(&event) {
            return;
        }
        self.first.insert(key, event);
        if self.first.len() > self.capacity() {
            match self.filter.order {
                Order::OldestFirst => self.first.pop_last(),
                Order::NewestFirst => self.first.pop_first(),
            };
        }
    }
}

/// Tells whether an event's resources name a flow run.
pub(super) fn names_run(event: &Event, id: FlowRunId) -> bool {
    let resource_id = run_resource(id);
    event.resources().any(|resource| resource.get(RESOURCE_ID).is_some_and(|value| *value == resource_id))
}

/// Returns the name under which events know a flow run.
pub(super) fn run_resource(id: FlowRunId) -> String {
    format!("{FLOW_RUN_PREFIX}{id}")
}
