//! Ends of flow runs that the store does not take at first, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flowcore::model::StateType;
use flowcore::orchestration::{Liveness, Probe};
use flowcore::store::Store;
use flowcore::testing::{FaultyStore, StoreFault};
use flowcore::{Result, flow, task};

use crate::broken::{faulty, refused};
use crate::gate::Gate;
use crate::world::{World, eventually, soon};

#[task]
async fn work(n: u32) -> u32 {
    n
}

#[flow]
async fn working(#[resource] store: Arc<FaultyStore>, #[resource] failures: u32) -> Result<u32> {
    let done = work(3).await?;
    store.inject(StoreFault::of(["swap_flow_run"]).first(failures).with(refused()));
    Ok(done)
}

#[tokio::test]
async fn an_end_that_cannot_be_written_is_tried_again() {
    let store = faulty();
    let world = World::on(store.clone());
    assert_eq!(soon("the flow", working(store, 4).on(&world.engine)).await.unwrap(), 3);
    assert_eq!(world.flow_history("working").await, "PENDING RUNNING COMPLETED");
    let slept = world.clock.slept();
    assert_eq!(slept.len(), 4, "{slept:?}");
    assert!(slept.is_sorted() && slept[3] > slept[0], "the waits grow: {slept:?}");
}

/// Finds every process alive that has a lease.
struct AllAlive;

impl Probe for AllAlive {
    fn look(&self, _: &flowcore::model::ProcessLease) -> Liveness {
        Liveness::Alive
    }
}

#[tokio::test]
async fn an_end_that_is_never_written_is_given_up_and_the_run_is_found_by_the_next_start() {
    let store = faulty();
    let world = World::on(store.clone());
    let error = soon("the flow", working(store.clone(), u32::MAX).on(&world.engine)).await.unwrap_err();
    let text = format!("{error:?}");
    for part in ["came to Completed", "stands as Running", "it cannot be written"] {
        assert!(text.contains(part), "`{part}` in {text}");
    }
    let slept: Duration = world.clock.slept().iter().sum();
    assert!((30..=120).contains(&slept.as_secs()), "for a bounded time: {slept:?}");
    store.heal();
    assert_eq!(world.flow_history("working").await, "PENDING RUNNING");
    assert!(world.client.crash_abandoned_runs(&AllAlive).await.unwrap().is_empty(), "the process lives");
    world.engine.close().await.unwrap();
    let crashed = world.client.crash_abandoned_runs(&AllAlive).await.unwrap();
    assert_eq!(crashed.len(), 1);
    assert_eq!(world.flow_run("working").await.state.kind, StateType::Crashed);
    assert_eq!(store.processes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn tasks_that_cannot_be_recorded_hold_their_flow_run_up() {
    #[flow]
    async fn unrecorded(#[resource] store: Arc<FaultyStore>) -> Result<u32> {
        store.inject(StoreFault::of(["record_task_runs"]));
        Ok(work(4).await?)
    }

    let store = faulty();
    let world = World::on(store.clone());
    let error = soon("the flow", unrecorded(store.clone()).on(&world.engine)).await.unwrap_err();
    assert!(format!("{error:?}").contains("stands as Running"), "{error:?}");
}

/// Lets a thread go on that waits for it, also when the test fails: a runtime waits for its threads.
struct ReleaseOnDrop(Arc<AtomicBool>);

impl Drop for ReleaseOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_wait_for_threads_is_told_again_when_the_store_has_failed() {
    #[task]
    fn linger(#[resource] begun: Gate, #[resource] released: Arc<AtomicBool>) {
        begun.come();
        while !released.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[flow]
    async fn lingering(#[resource] begun: Gate, #[resource] released: Arc<AtomicBool>) -> Result<()> {
        Ok(linger(begun, released).await?)
    }

    let store = faulty();
    let world = World::on(store.clone());
    let begun = Gate::new();
    let release = ReleaseOnDrop(Arc::default());
    tokio::select! {
        _ = lingering(begun.clone(), release.0.clone()).on(&world.engine).into_future() => {}
        () = begun.somebody() => store.inject(StoreFault::of(["swap_flow_run"]).first(1)),
    }
    eventually("CANCELLING", async || world.flow_history("lingering").await.ends_with("CANCELLING")).await;
    drop(release);
    eventually("CANCELLED", async || world.flow_history("lingering").await.ends_with("CANCELLING CANCELLED")).await;
}
