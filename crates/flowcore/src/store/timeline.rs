//! Events of several sources, put in the order of time and cut to a page, the same for every store.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::model::{Event, FlowRun, FlowRunId, Page, State, TaskRun, Timestamp};

/// Collects the oldest events, as many as a page needs: memory is bounded by the page and not by the history.
pub(super) struct Timeline {
    oldest: BTreeMap<(Timestamp, Uuid), Event>,
    page: Page,
}

impl Timeline {
    /// Begins an empty timeline for a page.
    pub(super) fn new(page: Page) -> Self {
        Timeline { oldest: BTreeMap::new(), page }
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

    /// Returns the page's events, oldest first; those of one time by their ids.
    pub(super) fn into_page(self) -> Vec<Event> {
        self.oldest.into_values().skip(self.page.offset as usize).collect()
    }

    /// Makes an event only when it can be on the page: most of a long history cannot.
    fn add_with(&mut self, occurred: Timestamp, id: Uuid, event: impl FnOnce() -> Event) {
        let capacity = self.page.offset as usize + self.page.limit as usize;
        let key = (occurred, id);
        if self.oldest.len() >= capacity && self.oldest.last_key_value().is_none_or(|(last, _)| *last <= key) {
            return;
        }
        self.oldest.insert(key, event());
        if self.oldest.len() > capacity {
            self.oldest.pop_last();
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
