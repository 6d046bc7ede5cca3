//! Changes that a server makes for its clients, beside those that the rules of orchestration judge.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::deletes::DeleteStore;
use super::query::QueryStore;
use super::records::{RecordStore, Records};
use super::totals::TotalsStore;
use super::{Store, StoreError, Swap, WatchStore};
use crate::model::{FlowRun, FlowRunId, State, StateId, TaskRun};

/// A store that takes what clients report.
#[async_trait]
pub trait EditStore: Store {
    /// Changes a flow run as it stands, all but its id, its state and what that says of it, and returns it; none if there
    /// is no such run.
    async fn edit_flow_run(&self, id: FlowRunId, edit: FlowRunEdit) -> Result<Option<FlowRun>, StoreError>;

    /// Keeps task runs as somebody has seen them, each in the state that it entered then. Reports may come in any order
    /// and more than once: a history is sorted by the times of its states, a state is kept once, and a run is as its
    /// newest state found it.
    async fn observe_task_runs(&self, seen: Vec<TaskRun>) -> Result<(), StoreError>;

    /// Puts a task run into the state that it is given in, if it still is in the state `expected`: of several who judge what it may
    /// enter next one is right. The state is the newest of its history, also if it was entered by a clock that is behind.
    async fn swap_task_run(&self, run: TaskRun, expected: StateId) -> Result<Swap<TaskRun>, StoreError>;

    /// Deletes everything.
    async fn clear(&self) -> Result<(), StoreError>;
}

/// A store that can do all that a server needs.
pub trait ServerStore: QueryStore + EditStore + DeleteStore + RecordStore + TotalsStore + WatchStore {
    /// Gives access to the rows of any table.
    fn records(&self) -> Records<'_>;
}

impl<S: QueryStore + EditStore + DeleteStore + RecordStore + TotalsStore + WatchStore> ServerStore for S {
    fn records(&self) -> Records<'_> {
        Records::new(self)
    }
}

/// What is to be done to a flow run, inside the transaction that writes it; it may be done more than once.
#[derive(Clone)]
pub struct FlowRunEdit(Arc<dyn Fn(&mut FlowRun) + Send + Sync>);

impl FlowRunEdit {
    /// Makes an edit of a function.
    pub fn new(edit: impl Fn(&mut FlowRun) + Send + Sync + 'static) -> Self {
        FlowRunEdit(Arc::new(edit))
    }

    /// Edits a run.
    pub(super) fn apply(&self, run: &mut FlowRun) {
        (self.0)(run);
    }
}

impl fmt::Debug for FlowRunEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlowRunEdit")
    }
}

/// A task run with its history, as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) run: TaskRun,
    pub(super) history: Vec<State>,
}

impl Known {
    /// Begins with what was seen first.
    pub(super) fn new(seen: TaskRun) -> Self {
        Known { history: vec![seen.state.clone()], run: seen }
    }

    /// Adds what was seen; tells whether it was news. Of states of one time the one that comes later is taken to be later.
    pub(super) fn observe(&mut self, seen: TaskRun) -> bool {
        if self.history.iter().any(|state| state.id == seen.state.id) {
            return false;
        }
        let place = self.history.partition_point(|state| state.timestamp <= seen.state.timestamp);
        let newest = place == self.history.len();
        self.history.insert(place, seen.state.clone());
        if newest {
            self.run = seen;
        }
        true
    }

    /// Moves it on from the state in which it is expected to be; tells whether it was.
    pub(super) fn swap(&mut self, mut next: TaskRun, expected: StateId) -> bool {
        if self.run.state.id != expected {
            return false;
        }
        let last = self.history.iter().map(|state| state.timestamp).max();
        next.state.timestamp = last.map_or(next.state.timestamp, |last| last.max(next.state.timestamp));
        self.observe(next)
    }
}
