//! An engine for one test.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::clock::{VirtualClock, beginning, frozen_runtime};
use super::faulty_store::FaultyStore;
use super::injection::{Injection, Injections};
use crate::clock::Clock;
use crate::engine::background::Background;
use crate::engine::core::{Engine, EngineParts, Limits};
use crate::model::Timestamp;
use crate::orchestration::Orchestrator;
use crate::results::{KeyLocks, Storage};
use crate::store::Store;
use crate::store::memory::MemoryStore;

/// An engine for one test, with a store and a result storage in memory, virtual time, and failures when they are wanted.
///
/// It is an [`Engine`] to whatever takes one: `flow(..).on(&engine)`, `resume_flow_run(&engine, ..)`.
///
/// Time is that of tokio, frozen. It moves on when everything waits for it, to the next moment for which something waits, and
/// so an hour takes no time. While the thread of a plain function runs, time stands still: its timeout does not end it, and
/// if it waits for time to pass, as `rate_limit(..).blocking()` does, it waits for ever. Time starts with the year 2026. Task
/// runners are left aside: async functions run on the test's thread, plain ones on the blocking pool.
///
/// Log lines of runs are kept, unless the program has installed a `tracing` subscriber of its own, which then needs the layer of
/// flowcore's module `logs`.
pub struct TestEngine {
    engine: Engine,
    store: Arc<FaultyStore>,
    clock: Arc<VirtualClock>,
    injections: Arc<Injections>,
}

/// What an engine for tests is made of.
pub(super) struct Making {
    pub(super) store: FaultyStore,
    pub(super) storage: Storage,
    pub(super) injections: Arc<Injections>,
    pub(super) start: Timestamp,
    pub(super) seed: u64,
    /// Whether nobody else uses the store.
    pub(super) alone: bool,
}

impl Making {
    fn on(store: Arc<dyn Store>, alone: bool) -> Self {
        Making {
            store: FaultyStore::new(store),
            storage: Storage::memory(),
            injections: Arc::default(),
            start: beginning(),
            seed: 0,
            alone,
        }
    }
}

impl TestEngine {
    /// Makes an engine with a store of its own, in the current runtime, and freezes that runtime's time.
    ///
    /// Nobody else is thought to change anything in this store: what is to happen to its runs from outside has to go through
    /// functions that take the engine, such as [`cancel_flow_run`](crate::cancel_flow_run), and not through its client.
    ///
    /// # Panics
    ///
    /// There is no runtime, or it has several threads: the test should have `#[tokio::test]` without a `flavor`.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "it belongs to the runtime in which it is made")]
    pub fn new() -> Self {
        Self::make(Making::on(Arc::new(MemoryStore::new()), true))
    }

    /// Makes an engine on a store that other engines use as well, as another process would be. It looks several times in a
    /// second of virtual time for what the others ask, so that long times take longer.
    ///
    /// # Panics
    ///
    /// As [`TestEngine::new`].
    #[track_caller]
    pub fn on(store: Arc<dyn Store>) -> Self {
        Self::make(Making::on(store, false))
    }

    /// Puts an engine together in the current runtime.
    #[track_caller]
    pub(super) fn make(making: Making) -> Self {
        #[cfg(feature = "logs")]
        crate::engine::log_layer::keep_in_this_thread();
        let runtime = frozen_runtime();
        let background = Background::on(runtime.clone());
        let clock = Arc::new(VirtualClock::new(runtime, making.start, making.seed));
        let (store, injections) = (Arc::new(making.store), making.injections);
        let parts = EngineParts {
            client: Arc::new(Orchestrator::new(store.clone(), clock.clone())),
            clock: clock.clone(),
            storage: making.storage,
            locks: Some(KeyLocks::memory()),
            limits: Limits::default(),
            ui_url: None,
            process_folder: None,
            background: if making.alone { background.alone() } else { background },
        };
        let engine = Engine::with_interference(parts, injections.clone());
        TestEngine { engine, store, clock, injections }
    }

    /// Lets something happen to executions of a task from now on.
    pub fn inject(&self, injection: Injection) {
        self.injections.add(injection);
    }

    /// Tells how often the function of the task of this name was executed, or a failure injected in its place. Results that came
    /// from a cache or from an earlier attempt do not count.
    pub fn executions(&self, task: &str) -> usize {
        self.injections.executions(task)
    }

    /// Gives the store, which fails if it is told to.
    pub fn store(&self) -> &FaultyStore {
        &self.store
    }

    /// Tells the time, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tells how much virtual time has passed since the engine was made.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }
}

impl Deref for TestEngine {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl fmt::Debug for TestEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestEngine").field("now", &self.now()).field("store", &self.store).finish_non_exhaustive()
    }
}
