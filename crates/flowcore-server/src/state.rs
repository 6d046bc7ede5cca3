//! What handlers work with.

use std::sync::Arc;

use axum::http::StatusCode;
use flowcore::clock::Clock;
use flowcore::model::{State, StateId, StateType, Timestamp};
use flowcore::orchestration::Orchestrator;
use flowcore::settings::ServerSettings;
use flowcore::store::{ServerStore, Store};

use crate::background::{Deliveries, Workers};
use crate::config::Config;
use crate::encryption::Keys;
use crate::error::ApiError;
use crate::events::Events;
use crate::foreman::Foreman;
use crate::heartbeats::Vigil;
use crate::live::{Feed, NewLogs};
use crate::pools::PoolNews;
use crate::services::{Pulse, Retention};
use crate::turned_away::TurnedAway;
use crate::usual_occupancy::UsualOccupancy;

/// Rules, store and clock, and whom to tell of what happens.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) orchestrator: Orchestrator,
    pub(crate) store: Arc<dyn ServerStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: Events,
    /// What encrypts blocks, once it is known.
    pub(crate) keys: Option<Keys>,
    /// Whether the block types that Prefect's clients bring along are to be there.
    pub(crate) system_blocks: bool,
    pub(crate) logs: Feed<NewLogs>,
    pub(crate) deliveries: Deliveries,
    pub(crate) workers: Workers,
    /// Pools that have changed, or are gone. Changes that workers do not go by are not told.
    pub(crate) changed_pools: PoolNews,
    /// Pools in which something is to be torn down.
    pub(crate) teardowns: PoolNews,
    pub(crate) foreman: Foreman,
    pub(crate) pulse: Pulse,
    pub(crate) vigil: Vigil,
    pub(crate) retention: Retention,
    pub(crate) usual_occupancy: UsualOccupancy,
    pub(crate) turned_away: TurnedAway,
    pub(crate) config: Arc<Config>,
}

impl App {
    pub(crate) fn new(store: Arc<dyn ServerStore>, clock: Arc<dyn Clock>) -> Self {
        let config = Arc::new(Config::new(&ServerSettings::default()));
        let rows: Arc<dyn Store> = store.clone();
        let events = Events::new(store.clone(), clock.clone());
        let deliveries = Deliveries::new(store.clone(), clock.clone());
        let logs = Feed::new(NewLogs { store: store.clone(), clock: clock.clone() });
        App {
            orchestrator: Orchestrator::new(rows, clock.clone()),
            store,
            clock,
            events,
            logs,
            deliveries,
            workers: Workers::default(),
            changed_pools: PoolNews::default(),
            teardowns: PoolNews::default(),
            foreman: Foreman::default(),
            pulse: Pulse::default(),
            vigil: Vigil::default(),
            retention: Retention::default(),
            usual_occupancy: UsualOccupancy::default(),
            turned_away: TurnedAway::default(),
            keys: None,
            system_blocks: false,
            config,
        }
    }

    /// Gives what encrypts blocks.
    pub(crate) fn keys(&self) -> Result<&Keys, ApiError> {
        self.keys.as_ref().ok_or_else(|| {
            let why = "this server was started without a key for blocks".to_owned();
            ApiError::Refused(StatusCode::INTERNAL_SERVER_ERROR, why)
        })
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
