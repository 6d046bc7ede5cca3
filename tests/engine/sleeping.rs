//! Sleeps: by the engine's clock, over restarts, and only until the run is cancelled.

use std::sync::Arc;
use std::time::Duration;

use flowcore::store::Store;
use flowcore::store::memory::MemoryStore;
use flowcore::{Error, Result, cancel_flow_run, execute_flow_run, flow, sleep_for, sleep_until, task};

use crate::clock::GatedClock;
use crate::gate::{Gate, count, unique};
use crate::world::{World, eventually, soon};

pub(crate) async fn only_the_rest_is_slept_behind_a_restart(store: Arc<dyn Store>) {
    #[flow]
    async fn sleeps(test: String) -> Result<()> {
        sleep_for(100).await?;
        sleep_for(Duration::from_secs(100)).await?;
        if count(test) < 3 {
            return Err(Error::msg("interrupted"));
        }
        sleep_for(30).await?;
        Ok(())
    }

    let (world, test) = (World::on(store), unique());
    sleeps(&*test).on(&world.engine).await.unwrap_err();
    let seconds = |slept: Vec<Duration>| slept.into_iter().map(|slept| slept.as_secs_f64()).sum::<f64>();
    assert_eq!(seconds(world.clock.slept()), 200.0, "{:?}", world.clock.slept());
    let id = world.flow_run("sleeps").await.id;
    execute_flow_run(&world.engine, id).await.unwrap_err();
    assert_eq!(seconds(world.clock.slept()), 200.0, "both are over");
    execute_flow_run(&world.engine, id).await.unwrap();
    assert_eq!(seconds(world.clock.slept()), 230.0);
    assert_eq!(world.task_history("sleep_for-0").await, "PENDING RUNNING COMPLETED");
    assert_eq!(world.task_runs(id).await.len(), 3);
}

/// The first process ends in the middle of the sleep.
#[tokio::test]
async fn the_rest_of_a_sleep_is_counted_from_its_beginning() {
    #[flow]
    async fn interrupted(#[resource] gate: Gate) -> Result<()> {
        tokio::select! {
            slept = sleep_for(100) => slept?,
            () = gate.somebody() => return Err(Error::msg("interrupted")),
        }
        Ok(())
    }

    flowcore::provide(Gate::new());
    let gate = Gate::new();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let first = World::on_with_clock(store.clone(), Arc::new(GatedClock::new(Gate::new())));
    let running = tokio::spawn(interrupted(gate.clone()).on(&first.engine).into_future());
    let world = &first;
    eventually("it sleeps", || async move {
        world.all_task_runs().await.first().is_some_and(|run| run.state.is_completed())
    })
    .await;
    gate.come();
    soon("the flow", running).await.unwrap().unwrap_err();
    // Another process, 70 seconds later.
    let second = World::on(store);
    second.clock.advance(Duration::from_secs(70));
    execute_flow_run(&second.engine, first.flow_run("interrupted").await.id).await.unwrap();
    assert_eq!(second.clock.slept(), [Duration::from_secs(30)]);
}

#[tokio::test]
async fn a_sleep_ends_with_its_run() {
    #[flow]
    async fn sleeps_long() -> Result<()> {
        Ok(sleep_for(86_400).await?)
    }

    let world = World::with_clock(Arc::new(GatedClock::new(Gate::new())));
    let running = tokio::spawn(sleeps_long().on(&world.engine).into_future());
    let waiting = &world;
    eventually("it sleeps", || async move {
        waiting.all_task_runs().await.first().is_some_and(|run| run.state.is_completed())
    })
    .await;
    cancel_flow_run(&world.engine, world.flow_run("sleeps-long").await.id).await.unwrap();
    soon("the flow", running).await.unwrap().unwrap_err();
    assert_eq!(world.flow_history("sleeps-long").await, "PENDING RUNNING CANCELLING CANCELLED");
}

#[tokio::test]
async fn a_time_is_slept_until_and_no_slot_is_held() {
    #[task]
    async fn beside() -> u32 {
        1
    }

    #[flow(task_limit = 1)]
    async fn until_then(time: flowcore::model::Timestamp) -> Result<u32> {
        // Slept twice at once, and once in a task, which has the slot.
        let (first, second, both) = tokio::join!(sleep_for(60), sleep_for(60), beside().submit().into_future());
        first?;
        second?;
        sleep_until(time).await;
        Ok(both?)
    }

    let world = World::memory();
    let time = "2026-05-01T13:00:00Z".parse().unwrap();
    assert_eq!(soon("the flow", until_then(time).on(&world.engine)).await.unwrap(), 1);
    assert_eq!(flowcore::clock::Clock::now(&*world.clock), time);
    // Outside of runs it is a sleep as any other.
    sleep_for(0).await.unwrap();
    sleep_until(time).await;
}
