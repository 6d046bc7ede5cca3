//! What handlers work with.

use std::sync::Arc;

use flowcore::clock::Clock;
use flowcore::model::{State, StateId, StateType, Timestamp};
use flowcore::orchestration::Orchestrator;
use flowcore::store::{ServerStore, Store};

/// Rules, store and clock.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) orchestrator: Orchestrator,
    pub(crate) store: Arc<dyn ServerStore>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl App {
    pub(crate) fn new(store: Arc<dyn ServerStore>, clock: Arc<dyn Clock>) -> Self {
        let rows: Arc<dyn Store> = store.clone();
        App { orchestrator: Orchestrator::new(rows, clock.clone()), store, clock }
    }

    /// Tells the time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes a state that is entered now.
    pub(crate) fn state(&self, kind: StateType) -> State {
        State::new(kind, StateId(self.clock.uuid()), self.now())
    }
}
