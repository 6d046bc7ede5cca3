//! Runs that are asked to end, or whose futures are dropped: they end, and say so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowcore::store::Store;
use flowcore::{Error, Result, flow, task};

use crate::clock::GatedClock;
use crate::gate::Gate;
use crate::world::{World, eventually, soon};

/// Waits for a gate that stays shut.
#[task]
async fn wait_at(#[resource] gate: Gate) {
    gate.pass().await;
}

#[task]
async fn wrap(#[resource] gate: Gate) -> Result<()> {
    let submitted = wait_at(gate.clone()).task_run_name("submitted inside").submit();
    wait_at(gate).task_run_name("awaited inside").await?;
    Ok(submitted.await?)
}

pub(crate) async fn a_task_is_cancelled_by_its_future(store: Arc<dyn Store>) {
    #[flow]
    async fn fickle(#[resource] gate: Gate) -> Result<bool> {
        let running = wait_at(gate.clone()).task_run_name("running").submit();
        gate.somebody().await;
        let dependent = wait_at(gate.clone()).wait_for(&running).task_run_name("dependent").submit();
        running.cancel();
        let error = running.await.unwrap_err();
        assert!(dependent.await.is_err());
        let nested = wrap(gate.clone()).submit();
        gate.somebody().await;
        gate.somebody().await;
        nested.cancel();
        Ok(nested.await.is_err() && error.to_string().ends_with("was cancelled"))
    }

    let world = World::on(store);
    assert!(soon("the flow", fickle(Gate::new()).on(&world.engine)).await.unwrap());
    for name in ["running", "wrap-0", "submitted inside", "awaited inside"] {
        assert_eq!(world.task_history(name).await, "PENDING RUNNING CANCELLED", "{name}");
    }
    assert_eq!(world.flow_history("fickle").await, "PENDING RUNNING COMPLETED");
    assert_eq!(world.task_run("running").await.state.message.as_deref(), Some("The task was asked to end."));
}

#[tokio::test]
async fn a_task_whose_awaited_future_is_dropped_is_cancelled() {
    #[flow]
    async fn impatient(#[resource] gate: Gate) {
        tokio::select! {
            _ = wait_at(gate.clone()).into_future() => {}
            () = gate.somebody() => {}
        }
        let call = wait_at(gate.clone()).into_future();
        assert!(tokio::time::timeout(Duration::from_millis(5), call).await.is_err());
    }

    let world = World::memory();
    soon("the flow", impatient(Gate::new()).on(&world.engine)).await.unwrap();
    for name in ["wait_at-0", "wait_at-1"] {
        assert_eq!(world.task_history(name).await, "PENDING RUNNING CANCELLED");
        let message = world.task_run(name).await.state.message;
        assert_eq!(message.as_deref(), Some("The task's future was dropped before it ended."));
    }
}

pub(crate) async fn a_flow_whose_future_is_dropped_is_cancelled(store: Arc<dyn Store>) {
    #[flow]
    async fn dropped(#[resource] gate: Gate) -> Result<()> {
        drop(wait_at(gate.clone()).task_run_name("submitted").submit());
        drop(below_dropped(gate.clone()).submit());
        Ok(wait_at(gate).task_run_name("awaited").await?)
    }

    #[flow]
    async fn below_dropped(#[resource] gate: Gate) -> Result<()> {
        Ok(wait_at(gate).task_run_name("below").await?)
    }

    let (world, gate) = (World::on(store), Gate::new());
    let running = dropped(gate.clone()).on(&world.engine).into_future();
    tokio::select! {
        _ = running => unreachable!("the gate is shut"),
        () = async { for _ in 0..3 { gate.somebody().await } } => {}
    }
    let world = &world;
    eventually("the run has ended", || async move { world.flow_run("dropped").await.state.is_terminal() }).await;
    assert_eq!(world.flow_history("dropped").await, "PENDING RUNNING CANCELLED");
    assert_eq!(world.flow_history("below-dropped").await, "PENDING RUNNING CANCELLED");
    for name in ["submitted", "awaited", "below", "below-dropped-0"] {
        assert_eq!(world.task_history(name).await, "PENDING RUNNING CANCELLED", "{name}");
    }
}

#[tokio::test]
async fn everything_on_an_engine_is_cancelled_at_once() {
    #[flow]
    async fn one_of_many(n: u32, #[resource] gate: Gate) -> Result<()> {
        Ok(wait_at(gate).task_run_name(format!("of {n}")).submit().await?)
    }

    let (world, gate, called) = (World::memory(), Gate::new(), Arc::new(AtomicU32::new(0)));
    let runs: Vec<_> = (0..3)
        .map(|n| {
            let called = called.clone();
            let count = move |_| {
                called.fetch_add(1, Ordering::SeqCst);
                std::future::ready(())
            };
            let call = one_of_many(n, gate.clone()).flow_run_name(format!("run {n}")).on_cancellation(count);
            tokio::spawn(call.on(&world.engine).into_future())
        })
        .collect();
    for _ in &runs {
        gate.somebody().await;
    }
    world.engine.cancel_all();
    for (n, run) in runs.into_iter().enumerate() {
        let error = soon("the flow", run).await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), format!("flow run `run {n}` was cancelled"));
        assert_eq!(world.task_history(&format!("of {n}")).await, "PENDING RUNNING CANCELLED");
    }
    assert_eq!(called.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn runs_that_wait_for_a_retry_are_cancelled_too() {
    #[task(retries = 1, retry_delay = 3600)]
    async fn tomorrow() -> Result<()> {
        Err(Error::msg("not today"))
    }

    #[flow]
    async fn waits_for_a_task() -> Result<()> {
        Ok(tomorrow().await?)
    }

    #[flow(retries = 1, retry_delay = 3600)]
    async fn waits_itself() -> Result<()> {
        Err(Error::msg("not today"))
    }

    let world = World::with_clock(Arc::new(GatedClock::new(Gate::new())));
    let called = Arc::new(AtomicU32::new(0));
    let count = {
        let called = called.clone();
        move |_| {
            called.fetch_add(1, Ordering::SeqCst);
            std::future::ready(())
        }
    };
    let calls = [waits_for_a_task(), waits_itself()].map(|call| call.on_cancellation(count.clone()).on(&world.engine));
    let runs = calls.map(|call| tokio::spawn(call.into_future()));
    let waiting = &world;
    eventually("both wait", || async move {
        waiting.engine.flush().await.unwrap();
        waiting.client.flow_runs(&Default::default()).await.unwrap().len() == 2
            && waiting.flow_run("waits-itself").await.state.name == "AwaitingRetry"
            && waiting.all_task_runs().await.iter().any(|run| run.state.name == "AwaitingRetry")
    })
    .await;
    world.engine.cancel_all();
    for run in runs {
        assert!(soon("the flow", run).await.unwrap().unwrap_err().to_string().ends_with("was cancelled"));
    }
    assert_eq!(world.flow_history("waits-itself").await, "PENDING RUNNING SCHEDULED:AwaitingRetry CANCELLED");
    assert_eq!(world.flow_history("waits-for-a-task").await, "PENDING RUNNING CANCELLED");
    assert_eq!(world.task_history("tomorrow-0").await, "PENDING RUNNING SCHEDULED:AwaitingRetry CANCELLED");
    assert_eq!(called.load(Ordering::SeqCst), 2);
}
