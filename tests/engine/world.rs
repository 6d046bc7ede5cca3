//! An engine on a store, and what its runs have left there, in a short form.

use std::future::Future;
use std::sync::{Arc, Once};
use std::time::Duration;

use flowcore::client::Client;
use flowcore::clock::Clock;
use flowcore::model::{FlowRun, FlowRunFilter, FlowRunId, LogFilter, LogLine, Page, State, TaskRun, TaskRunFilter};
use flowcore::orchestration::{Liveness, Orchestrator, Probe};
use flowcore::results::{KeyLocks, Storage};
use flowcore::store::Store;
use flowcore::store::memory::MemoryStore;
use flowcore::{Background, Engine, EngineParts, Limits};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock::VirtualClock;
use crate::heard::Listener;

/// A condition that is not met by then never will be.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) client: Arc<dyn Client>,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) storage: Storage,
}

impl World {
    /// Makes an engine on this store, with a storage of its own in memory.
    pub(crate) fn on(store: Arc<dyn Store>) -> Self {
        Self::with(store, Storage::memory(), Limits::default())
    }

    pub(crate) fn memory() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    pub(crate) fn with(store: Arc<dyn Store>, storage: Storage, limits: Limits) -> Self {
        static LOGS: Once = Once::new();
        LOGS.call_once(|| tracing_subscriber::registry().with(flowcore::logs::layer()).with(Listener).init());
        let clock = Arc::new(VirtualClock::new());
        Self::of(store, storage, limits, clock.clone(), clock)
    }

    /// Makes an engine that keeps its locks on keys in the store, as another process would that shares store and storage.
    pub(crate) fn with_locks_in(store: Arc<dyn Store>, storage: Storage) -> Self {
        let clock = Arc::new(VirtualClock::new());
        Self::made_of(store, storage, Limits::default(), clock.clone(), clock, None)
    }

    /// Makes an engine in memory with another clock.
    pub(crate) fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self::on_with_clock(Arc::new(MemoryStore::new()), clock)
    }

    /// Makes an engine on this store with another clock.
    pub(crate) fn on_with_clock(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let own = Arc::new(VirtualClock::new());
        Self::of(store, Storage::memory(), Limits::default(), clock, own)
    }

    fn of(
        store: Arc<dyn Store>,
        storage: Storage,
        limits: Limits,
        engines: Arc<dyn Clock>,
        clock: Arc<VirtualClock>,
    ) -> Self {
        Self::made_of(store, storage, limits, engines, clock, Some(KeyLocks::memory()))
    }

    fn made_of(
        store: Arc<dyn Store>,
        storage: Storage,
        limits: Limits,
        engines: Arc<dyn Clock>,
        clock: Arc<VirtualClock>,
        locks: Option<KeyLocks>,
    ) -> Self {
        let client: Arc<dyn Client> = Arc::new(Orchestrator::new(store, engines.clone()));
        let engine = Engine::new(EngineParts {
            client: client.clone(),
            clock: engines,
            storage: storage.clone(),
            locks,
            limits,
            ui_url: None,
            process_folder: None,
            background: Background::default(),
        });
        World { engine, client, clock, storage }
    }

    /// Finds the only run of a flow.
    pub(crate) async fn flow_run(&self, flow: &str) -> FlowRun {
        let filter = FlowRunFilter { flow_names: Some(vec![flow.to_owned()]), ..FlowRunFilter::default() };
        let mut runs = self.client.flow_runs(&filter).await.expect("flow runs");
        assert_eq!(runs.len(), 1, "one run of {flow}");
        runs.remove(0)
    }

    pub(crate) async fn flow_states(&self, flow: &str) -> Vec<State> {
        let run = self.flow_run(flow).await;
        self.client.flow_run_states(run.id).await.expect("states")
    }

    /// Tells the history of the only run of a flow.
    pub(crate) async fn flow_history(&self, flow: &str) -> String {
        history(&self.flow_states(flow).await)
    }

    /// Lists the task runs of a flow run.
    pub(crate) async fn task_runs(&self, id: FlowRunId) -> Vec<TaskRun> {
        let filter = TaskRunFilter { flow_run_ids: Some(vec![id]), page: Page::ALL, ..TaskRunFilter::default() };
        self.client.task_runs(&filter).await.expect("task runs")
    }

    /// Lists all task runs.
    pub(crate) async fn all_task_runs(&self) -> Vec<TaskRun> {
        self.engine.flush().await.expect("a journal");
        let filter = TaskRunFilter { page: Page::ALL, ..TaskRunFilter::default() };
        self.client.task_runs(&filter).await.expect("task runs")
    }

    /// Finds the only task run of this name.
    pub(crate) async fn task_run(&self, name: &str) -> TaskRun {
        let mut runs = self.all_task_runs().await;
        let names: Vec<_> = runs.iter().map(|run| run.name.clone()).collect();
        runs.retain(|run| run.name == name);
        assert_eq!(runs.len(), 1, "one task run `{name}` of {names:?}");
        runs.remove(0)
    }

    pub(crate) async fn task_states(&self, name: &str) -> Vec<State> {
        let run = self.task_run(name).await;
        self.client.task_run_states(run.id).await.expect("states")
    }

    /// Tells the history of the only task run of this name.
    pub(crate) async fn task_history(&self, name: &str) -> String {
        history(&self.task_states(name).await)
    }

    pub(crate) async fn logs(&self) -> Vec<LogLine> {
        self.engine.flush().await.expect("lines");
        self.client.logs(&LogFilter { page: Page::ALL, ..LogFilter::default() }).await.expect("lines")
    }
}

/// Says of every process that it has died.
pub(crate) struct AllDead;

impl Probe for AllDead {
    fn look(&self, _: &flowcore::model::ProcessLease) -> Liveness {
        Liveness::Dead
    }
}

/// Writes states as their types, each with its name where that says more.
pub(crate) fn history(states: &[State]) -> String {
    let words = states.iter().map(|state| match &*state.name {
        name if name == state.kind.default_name() => state.kind.to_string(),
        name => format!("{}:{name}", state.kind),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Waits until a condition is met.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let met = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, met).await.is_ok(), "{what}: not within {DEADLINE:?}");
}

/// Waits for a future that must not hang.
pub(crate) async fn soon<T>(what: &str, future: impl IntoFuture<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future.into_future()).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not within {DEADLINE:?}"),
    }
}
