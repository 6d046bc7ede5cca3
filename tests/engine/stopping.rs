//! Runs that are asked to end by their id: from code, from elsewhere, in every state that they can be in.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowcore::client::{Client, RunControl};
use flowcore::model::{FlowRun, State, StateId, StateType};
use flowcore::orchestration::{Decision, Orchestrator};
use flowcore::store::Store;
use flowcore::{Error, Result, cancel_flow_run, current, flow, suspend, task};

use crate::clock::GatedClock;
use crate::gate::Gate;
use crate::world::{World, eventually, soon};

#[task]
async fn wait_at(#[resource] gate: Gate) {
    gate.pass().await;
}

/// A thread that ends when it is let go, and not before it was told to end.
#[derive(Clone)]
struct Stubborn {
    begun: Gate,
    told: Gate,
    go: Arc<Mutex<Receiver<()>>>,
}

impl Stubborn {
    fn new() -> (Self, Sender<()>) {
        let (sender, receiver) = channel();
        (Stubborn { begun: Gate::new(), told: Gate::new(), go: Arc::new(Mutex::new(receiver)) }, sender)
    }
}

#[task]
fn stubborn(#[resource] thread: Stubborn) {
    thread.begun.come();
    while !current::is_cancelled() {
        std::thread::sleep(Duration::from_millis(1));
    }
    thread.told.come();
    let _ = thread.go.lock().unwrap().recv();
}

#[flow]
async fn below_busy(#[resource] gate: Gate) -> Result<()> {
    Ok(wait_at(gate).task_run_name("below").await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_is_written_when_nothing_runs_any_more() {
    #[flow]
    async fn busy(#[resource] gate: Gate, #[resource] thread: Stubborn) -> Result<()> {
        drop(wait_at(gate.clone()).task_run_name("submitted").submit());
        drop(stubborn(thread).submit());
        below_busy(gate).await?;
        Ok(())
    }

    let (world, gate) = (World::memory(), Gate::new());
    let (thread, go) = Stubborn::new();
    let cancelled = Arc::new(AtomicU32::new(0));
    let hook = {
        let cancelled = cancelled.clone();
        move |_| {
            cancelled.fetch_add(1, Ordering::SeqCst);
            std::future::ready(())
        }
    };
    let call = busy(gate.clone(), thread.clone()).on_cancellation(hook).on(&world.engine);
    let running = tokio::spawn(call.into_future());
    for _ in 0..2 {
        gate.somebody().await;
    }
    thread.begun.somebody().await;
    let id = world.flow_run("busy").await.id;
    assert_eq!(cancel_flow_run(&world.engine, id).await.unwrap().kind, StateType::Cancelling);
    soon("the thread is told", thread.told.somebody()).await;
    let world = &world;
    eventually("the subflow has ended", || async move { world.flow_run("below-busy").await.state.is_terminal() }).await;
    assert_eq!(world.flow_history("below-busy").await, "PENDING RUNNING CANCELLED");
    // Asked once more, and nothing changes: its thread still runs.
    assert_eq!(cancel_flow_run(&world.engine, id).await.unwrap().kind, StateType::Cancelling);
    assert_eq!(world.flow_history("busy").await, "PENDING RUNNING CANCELLING");
    assert_eq!(cancelled.load(Ordering::SeqCst), 0);
    go.send(()).unwrap();
    let error = soon("the flow", running).await.unwrap().unwrap_err();
    assert!(error.to_string().ends_with("was cancelled"), "{error}");
    assert_eq!(world.flow_history("busy").await, "PENDING RUNNING CANCELLING CANCELLED");
    assert_eq!(cancelled.load(Ordering::SeqCst), 1);
    for name in ["submitted", "below", "stubborn-0"] {
        assert_eq!(world.task_history(name).await, "PENDING RUNNING CANCELLED", "{name}");
    }
    let refused = cancel_flow_run(&world.engine, id).await.unwrap_err();
    assert!(refused.to_string().ends_with("cannot be cancelled: it is Cancelled"), "{refused}");
}

/// The request stands in the store, and the process looks there.
pub(crate) async fn a_request_from_elsewhere_ends_a_run(store: Arc<dyn Store>) {
    #[flow]
    async fn watched(#[resource] gate: Gate) -> Result<()> {
        below_watched(gate).await?;
        Ok(())
    }

    #[flow]
    async fn below_watched(#[resource] gate: Gate) -> Result<()> {
        Ok(wait_at(gate).await?)
    }

    let (world, gate) = (World::on(store.clone()), Gate::new());
    let elsewhere = Orchestrator::new(store, world.clock.clone());
    let running = tokio::spawn(watched(gate.clone()).on(&world.engine).into_future());
    gate.somebody().await;
    let run = world.flow_run("watched").await;
    let asked = RunControl::cancel_flow_run(&elsewhere, &run).await.unwrap();
    assert!(matches!(asked.decision, Decision::Accept(_)), "{asked:?}");
    soon("the flow", running).await.unwrap().unwrap_err();
    assert_eq!(world.flow_history("watched").await, "PENDING RUNNING CANCELLING CANCELLED");
    assert_eq!(world.flow_history("below-watched").await, "PENDING RUNNING CANCELLED");
    assert_eq!(world.task_history("wait_at-0").await, "PENDING RUNNING CANCELLED");
}

pub(crate) async fn what_nobody_executes_is_cancelled_at_once(store: Arc<dyn Store>) {
    #[flow]
    async fn left_alone() -> Result<()> {
        suspend().await?;
        Ok(())
    }

    #[flow]
    async fn fails() -> Result<()> {
        Err(Error::msg("it does"))
    }

    let world = World::on(store);
    assert!(left_alone().on(&world.engine).await.unwrap_err().is_suspended());
    let suspended = world.flow_run("left-alone").await;
    assert_eq!(cancel_flow_run(&world.engine, suspended.id).await.unwrap().kind, StateType::Cancelled);
    assert_eq!(world.flow_history("left-alone").await, "PENDING RUNNING PAUSED:Suspended CANCELLED");

    fails().on(&world.engine).await.unwrap_err();
    let failed = world.flow_run("fails").await;
    let refused = cancel_flow_run(&world.engine, failed.id).await.unwrap_err();
    assert!(refused.to_string().ends_with("cannot be cancelled: it is Failed"), "{refused}");
    let scheduled = world.client.retry_flow_run(&failed).await.unwrap().run;
    assert_eq!(cancel_flow_run(&world.engine, scheduled.id).await.unwrap().kind, StateType::Cancelled);
    assert_eq!(world.flow_history("fails").await, "PENDING RUNNING FAILED SCHEDULED:AwaitingRetry CANCELLED");
    let nobody = flowcore::model::FlowRunId(uuid::Uuid::nil());
    assert!(cancel_flow_run(&world.engine, nobody).await.unwrap_err().to_string().starts_with("there is no flow run"));
}

#[tokio::test]
async fn a_run_that_waits_for_its_retry_is_cancelled() {
    #[flow(retries = 1, retry_delay = 86_400)]
    async fn tomorrow() -> Result<()> {
        Err(Error::msg("not today"))
    }

    let world = World::with_clock(Arc::new(GatedClock::new(Gate::new())));
    let running = tokio::spawn(tomorrow().on(&world.engine).into_future());
    let waiting = &world;
    eventually("it waits", || async move {
        let runs = waiting.client.flow_runs(&Default::default()).await.unwrap();
        runs.first().is_some_and(|run: &FlowRun| run.state.name == "AwaitingRetry")
    })
    .await;
    let id = world.flow_run("tomorrow").await.id;
    assert_eq!(cancel_flow_run(&world.engine, id).await.unwrap().kind, StateType::Cancelling);
    soon("the flow", running).await.unwrap().unwrap_err();
    let history = world.flow_history("tomorrow").await;
    assert_eq!(history, "PENDING RUNNING SCHEDULED:AwaitingRetry CANCELLING CANCELLED");
}

/// Whatever the function comes to: once it was asked to end, a run ends as Cancelled.
#[tokio::test]
async fn a_run_that_completes_while_it_is_cancelled_is_cancelled() {
    #[flow]
    async fn in_the_last_moment(#[resource] client: Arc<dyn Client>) -> Result<u32> {
        let run = client.flow_run(current::flow_run_id().unwrap()).await?.unwrap();
        client.cancel_flow_run(&run).await?;
        Ok(7)
    }

    let world = World::memory();
    let error = in_the_last_moment(world.client.clone()).on(&world.engine).await.unwrap_err();
    assert!(error.to_string().ends_with("was cancelled"), "{error}");
    assert_eq!(world.flow_history("in-the-last-moment").await, "PENDING RUNNING CANCELLING CANCELLED");
}

/// A process that dies while it ends a run has ended it.
#[tokio::test]
async fn a_cancelled_run_of_a_dead_process_is_cancelled() {
    let (world, gate) = (World::memory(), Gate::new());
    let running = tokio::spawn(below_busy(gate.clone()).on(&world.engine).into_future());
    gate.somebody().await;
    let run = world.flow_run("below-busy").await;
    let cancelling = State::new(StateType::Cancelling, StateId(uuid::Uuid::from_u128(1)), run.state.timestamp);
    world.client.set_flow_run_state(&run, cancelling).await.unwrap();
    let ended = world.client.crash_abandoned_runs(&crate::world::AllDead).await.unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(world.flow_history("below-busy").await, "PENDING RUNNING CANCELLING CANCELLED");
    running.abort();
}

/// Also when its whole engine is asked to end: should its process be killed now, it is known that it was to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_waits_for_its_threads_says_so() {
    #[flow]
    async fn lingers(#[resource] thread: Stubborn) -> Result<()> {
        Ok(stubborn(thread).await?)
    }

    let world = World::memory();
    let (thread, go) = Stubborn::new();
    let running = tokio::spawn(lingers(thread.clone()).on(&world.engine).into_future());
    thread.begun.somebody().await;
    world.engine.cancel_all();
    let waiting = &world;
    eventually("it says so", || async move { waiting.flow_run("lingers").await.state.kind == StateType::Cancelling })
        .await;
    go.send(()).unwrap();
    soon("the flow", running).await.unwrap().unwrap_err();
    assert_eq!(world.flow_history("lingers").await, "PENDING RUNNING CANCELLING CANCELLED");
}
