//! A store that fails: at each of its calls in turn, for a while, or for good. No flow hangs, and nothing stays RUNNING.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use flowcore::model::{
    Artifact, ArtifactFilter, ConcurrencyLimit, Event, EventFilter, Flow, FlowFilter, FlowRun, FlowRunFilter,
    FlowRunId, FlowRunInput, FlowRunInputFilter, LogFilter, LogLine, Occupancy, Page, ProcessId, ProcessLease, State,
    StateCount, StateId, StateType, TaskRun, TaskRunFilter, TaskRunId, TaskRunRecord, Timestamp, Variable,
    VariableFilter,
};
use flowcore::orchestration::NewLimit;
use flowcore::store::memory::MemoryStore;
use flowcore::store::{
    InputStore, LimitStore, Recorded, Replace, SlotDecision, Store, StoreError, Swap, VariableStore,
};
use flowcore::{Durability, Error, Result, artifact, concurrency, each, execute_flow_run, flow, task, variable};

use crate::gate::Gate;
use crate::world::{AllDead, World, eventually, soon};

/// A store that fails when it is told to.
pub(crate) struct Broken {
    pub(crate) inner: MemoryStore,
    calls: AtomicU32,
    /// Which call fails, counted from 1; none at 0.
    fails_at: AtomicU32,
    /// Whether all calls that write the journal fail.
    pub(crate) journal_fails: AtomicBool,
    /// How many more times a flow run's state cannot be written.
    pub(crate) swaps_fail: AtomicU32,
    refused: AtomicU32,
    /// Where whoever has inserted a flow run waits before it is told so.
    inserted: Option<Gate>,
}

impl Broken {
    pub(crate) fn new(fails_at: u32) -> Self {
        Broken {
            inner: MemoryStore::new(),
            calls: AtomicU32::new(0),
            fails_at: AtomicU32::new(fails_at),
            journal_fails: AtomicBool::new(false),
            swaps_fail: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            inserted: None,
        }
    }

    fn call(&self) -> std::result::Result<(), StoreError> {
        let nth = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.fails_at.load(Ordering::SeqCst) == nth {
            true => Err(StoreError::Other(format!("call {nth} fails"))),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl LimitStore for Broken {
    async fn limits(&self) -> std::result::Result<Vec<ConcurrencyLimit>, StoreError> {
        self.call()?;
        self.inner.limits().await
    }

    async fn occupancy(&self, names: &[String]) -> std::result::Result<Occupancy, StoreError> {
        self.call()?;
        self.inner.occupancy(names).await
    }

    async fn decide_slots(&self, names: Vec<String>, decision: SlotDecision) -> std::result::Result<(), StoreError> {
        self.call()?;
        self.inner.decide_slots(names, decision).await
    }

    async fn remove_slots_of(&self, processes: &[ProcessId]) -> std::result::Result<u64, StoreError> {
        self.call()?;
        self.inner.remove_slots_of(processes).await
    }
}

/// Writes methods that may fail and otherwise do what the store in memory does.
macro_rules! may_fail {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $output:ty;)+) => {
        #[async_trait]
        impl Store for Broken {
            $(async fn $name(&self, $($argument: $kind),*) -> std::result::Result<$output, StoreError> {
                self.call()?;
                self.inner.$name($($argument),*).await
            })+

            async fn insert_flow_run(&self, run: FlowRun, states: Vec<State>) -> std::result::Result<(), StoreError> {
                self.call()?;
                self.inner.insert_flow_run(run, states).await?;
                if let Some(gate) = &self.inserted {
                    gate.pass().await;
                }
                Ok(())
            }

            async fn swap_flow_run(
                &self,
                run: FlowRun,
                expected: StateId,
            ) -> std::result::Result<Swap, StoreError> {
                self.call()?;
                let left = self.swaps_fail.load(Ordering::SeqCst);
                if left > 0 {
                    self.swaps_fail.store(left - 1, Ordering::SeqCst);
                    return Err(StoreError::Other("flow runs cannot be written".into()));
                }
                self.inner.swap_flow_run(run, expected).await
            }

            /// Leaves the store open for those who look at it later.
            async fn close(&self) -> std::result::Result<(), StoreError> {
                self.call()
            }

            async fn record_task_runs(&self, records: Vec<TaskRunRecord>) -> std::result::Result<Recorded, StoreError> {
                self.call()?;
                if self.journal_fails.load(Ordering::SeqCst) {
                    self.refused.fetch_add(1, Ordering::SeqCst);
                    return Err(StoreError::Other("the journal cannot be written".into()));
                }
                self.inner.record_task_runs(records).await
            }
        }
    };
}

#[async_trait]
impl InputStore for Broken {
    async fn append_flow_run_input(&self, input: FlowRunInput) -> std::result::Result<(), StoreError> {
        self.call()?;
        self.inner.append_flow_run_input(input).await
    }

    async fn flow_run_inputs(&self, filter: &FlowRunInputFilter) -> std::result::Result<Vec<FlowRunInput>, StoreError> {
        self.call()?;
        self.inner.flow_run_inputs(filter).await
    }
}

#[async_trait]
impl VariableStore for Broken {
    async fn put_variable(
        &self,
        variable: Variable,
        replace: Option<Replace>,
    ) -> std::result::Result<Option<Variable>, StoreError> {
        self.call()?;
        self.inner.put_variable(variable, replace).await
    }

    async fn delete_variable(&self, name: &str) -> std::result::Result<bool, StoreError> {
        self.call()?;
        self.inner.delete_variable(name).await
    }

    async fn variables(&self, filter: &VariableFilter) -> std::result::Result<Vec<Variable>, StoreError> {
        self.call()?;
        self.inner.variables(filter).await
    }
}

may_fail! {
    fn upsert_flow(flow: Flow) -> Flow;
    fn delete_flow_run(id: FlowRunId) -> bool;
    fn append_logs(lines: Vec<LogLine>) -> ();
    fn append_events(events: Vec<Event>) -> ();
    fn put_artifact(artifact: Artifact) -> ();
    fn put_process(lease: ProcessLease) -> ();
    fn remove_process(id: ProcessId) -> ();
    fn processes() -> Vec<ProcessLease>;
    fn active_flow_runs() -> Vec<FlowRun>;
    fn cancelling_flow_runs(process: ProcessId) -> Vec<FlowRunId>;
    fn end_task_runs(id: FlowRunId, attempt: i32, state: State, now: Timestamp) -> u64;
    fn flows(filter: &FlowFilter) -> Vec<Flow>;
    fn flow_run(id: FlowRunId) -> Option<FlowRun>;
    fn flow_runs(filter: &FlowRunFilter) -> Vec<FlowRun>;
    fn flow_run_states(id: FlowRunId) -> Vec<State>;
    fn task_runs(filter: &TaskRunFilter) -> Vec<TaskRun>;
    fn task_run_counts(id: FlowRunId) -> Vec<StateCount>;
    fn task_run_states(id: TaskRunId) -> Vec<State>;
    fn logs(filter: &LogFilter) -> Vec<LogLine>;
    fn artifacts(filter: &ArtifactFilter) -> Vec<Artifact>;
    fn events(filter: &EventFilter) -> Vec<Event>;
}

#[task]
async fn work(n: u32) -> u32 {
    tracing::info!("working");
    n
}

#[task]
async fn nested(n: u32) -> Result<u32> {
    Ok(work(n).submit().await?)
}

#[flow]
async fn below_everything(n: u32) -> Result<u32> {
    Ok(work(n).await?)
}

/// Does something of everything, and fails in its first attempt.
#[flow(retries = 1)]
async fn everything() -> Result<u32> {
    let mapped = work::map(each(0..5)).await?;
    let paid = work(10).durability(Durability::Committed).await?;
    artifact::markdown("a").save().await?;
    variable::set("paid", paid).overwrite().await?;
    let others = below_everything(20).submit();
    if flowcore::current::attempt() == Some(1) {
        return Err(Error::msg("the first attempt fails"));
    }
    Ok(mapped.len() as u32 + paid + others.await? + nested(30).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_call_fails_nothing_hangs_and_nothing_stays_running() {
    let (mut completed, mut failed) = (0, 0);
    for fails_at in 1.. {
        let store = Arc::new(Broken::new(fails_at));
        let world = World::on(store.clone());
        let result = soon(&format!("the flow, call {fails_at} failing"), everything().on(&world.engine)).await;
        store.fails_at.store(0, Ordering::SeqCst);
        match result {
            Ok(sum) => {
                assert_eq!(sum, 65);
                completed += 1;
            }
            Err(_) => failed += 1,
        }
        // What the failing call has left is written now.
        world.engine.flush().await.unwrap();
        world.client.crash_abandoned_runs(&AllDead).await.unwrap();
        let runs =
            world.client.flow_runs(&FlowRunFilter { page: Page::ALL, ..FlowRunFilter::default() }).await.unwrap();
        // A subflow that was scheduled for another attempt, and then not claimed, waits for one.
        let waits = |run: &FlowRun| run.state.kind == StateType::Scheduled && run.process_id.is_none();
        let open: Vec<_> = runs.iter().filter(|run| !run.state.is_terminal() && !waits(run)).collect();
        assert!(open.is_empty(), "call {fails_at}: {open:#?} go on");
        let tasks = world.all_task_runs().await;
        let open: Vec<_> =
            tasks.iter().filter(|run| !run.state.is_terminal() && run.state.name != "NotReady").collect();
        assert!(open.is_empty(), "call {fails_at}: {open:#?} go on");
        if let Some(run) = runs.iter().find(|run| run.flow_name == "everything" && !run.state.is_completed()) {
            execute_flow_run(&world.engine, run.id).await.unwrap();
            let data = serde_json::to_value(world.flow_run("everything").await.state.data).unwrap();
            assert_eq!(data["value"], 65, "call {fails_at}: it can be resumed");
            let tasks = world.all_task_runs().await;
            assert!(tasks.iter().all(|run| run.state.is_completed()), "call {fails_at}: {tasks:#?}");
        }
        if store.calls.load(Ordering::SeqCst) < fails_at {
            assert!(completed >= 1, "the one without a failing call completes");
            break;
        }
    }
    assert!(failed > 5, "{failed} failed, {completed} completed");
}

/// More tasks than the journal has room for.
const MANY: u32 = 40_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_journal_refuses_tasks_until_the_store_recovers() {
    #[flow]
    async fn many(#[resource] store: Arc<Broken>) -> Result<(usize, usize)> {
        let outcomes = work::map(each(0..MANY)).outcomes().await;
        let (done, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|outcome| outcome.result.is_ok());
        let told = refused.iter().all(|outcome| format!("{:?}", outcome.result).contains("cannot be written"));
        assert!(told, "the store's own words are given");
        store.journal_fails.store(false, Ordering::SeqCst);
        eventually("a task runs again", || async { work(MANY).await.is_ok() }).await;
        Ok((done.len(), refused.len()))
    }

    let store = Arc::new(Broken::new(0));
    store.journal_fails.store(true, Ordering::SeqCst);
    let world = World::on(store.clone());
    let (done, refused) = soon("the flow", many(store).on(&world.engine)).await.unwrap();
    assert!(done > 0 && refused > 0, "{done} done, {refused} refused");
    let tasks = world.all_task_runs().await;
    assert_eq!(tasks.len(), done + 1);
    assert!(tasks.iter().all(|run| run.state.is_completed()));
    assert_eq!(world.flow_history("many").await, "PENDING RUNNING COMPLETED");
}

/// Without another word from any task.
#[tokio::test]
async fn a_failed_write_is_tried_again_by_itself() {
    #[flow]
    async fn quiet(#[resource] gate: Gate) -> Result<u32> {
        let done = work(1).await?;
        gate.pass().await;
        Ok(done)
    }

    let (store, gate) = (Arc::new(Broken::new(0)), Gate::new());
    store.journal_fails.store(true, Ordering::SeqCst);
    let world = World::on(store.clone());
    let running = tokio::spawn(quiet(gate.clone()).on(&world.engine).into_future());
    eventually("the store refuses", || async { store.refused.load(Ordering::SeqCst) > 0 }).await;
    store.journal_fails.store(false, Ordering::SeqCst);
    eventually("the task is recorded", || async {
        let runs = store.inner.task_runs(&TaskRunFilter::default()).await.unwrap();
        runs.first().is_some_and(|run| run.state.is_completed())
    })
    .await;
    gate.open();
    assert_eq!(soon("the flow", running).await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_flow_that_is_dropped_while_its_run_is_made_ends() {
    #[flow]
    async fn barely_begun() {
        std::future::pending::<()>().await;
    }

    let gate = Gate::new();
    let store = Arc::new(Broken { inserted: Some(gate.clone()), ..Broken::new(0) });
    let world = World::on(store.clone());
    tokio::select! {
        _ = barely_begun().on(&world.engine).into_future() => unreachable!("the run's maker waits"),
        () = gate.somebody() => {}
    }
    gate.open();
    let world = &world;
    eventually("the run ends", || async move { world.flow_run("barely-begun").await.state.is_terminal() }).await;
    assert_eq!(world.flow_history("barely-begun").await, "PENDING RUNNING CANCELLED");
}

#[task(tags = ["db"])]
async fn limited(n: u32) -> Result<u32> {
    let _slot = concurrency("api", 1).await?;
    tokio::task::yield_now().await;
    Ok(n)
}

#[flow]
async fn several_limited() -> Result<usize> {
    Ok(limited::map(each(0..4)).await?.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_call_fails_no_slot_is_lost() {
    let (mut completed, mut failed) = (0, 0);
    for fails_at in 1.. {
        let store = Arc::new(Broken::new(0));
        let world = World::on(store.clone());
        for (name, slots) in [("tag:db", 2), ("api", 1)] {
            world.client.create_limit(NewLimit::new(name, slots)).await.unwrap();
        }
        store.calls.store(0, Ordering::SeqCst);
        store.fails_at.store(fails_at, Ordering::SeqCst);
        let result = soon(&format!("the flow, call {fails_at} failing"), several_limited().on(&world.engine)).await;
        match result {
            Ok(count) => {
                assert_eq!(count, 4);
                completed += 1;
            }
            Err(_) => failed += 1,
        }
        let names = ["tag:db".to_owned(), "api".to_owned()];
        eventually(&format!("all slots are free, call {fails_at} failing"), || async {
            let stands = store.inner.occupancy(&names).await.unwrap();
            stands.leases.is_empty() && stands.requests.is_empty()
        })
        .await;
        if store.calls.load(Ordering::SeqCst) < fails_at {
            assert!(completed >= 1, "the one without a failing call completes");
            break;
        }
    }
    assert!(failed > 5, "{failed} failed, {completed} completed");
}
