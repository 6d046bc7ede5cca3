//! Maps with one run for all their calls: what it counts, what it keeps of failures, and how it goes on in a later attempt.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flowcore::clock::Clock;
use flowcore::results::Lookup;
use flowcore::store::Store;
use flowcore::{
    CachePolicy, Error, MapError, MapFailed, MapSummary, Result, each, execute_flow_run, flow, task, transaction,
    unmapped,
};

use crate::gate::{Gate, count, counted, unique};
use crate::world::{World, eventually, soon};

/// Counts its executions; every tenth fails while the test says so.
#[task]
async fn tenth_fails(test: String, number: u32) -> Result<u32> {
    count(format!("{test} {number}"));
    count(test.clone());
    if number % 10 == 7 && counted(&format!("{test} mended")) == 0 {
        Err(Error::msg("it is a seven"))
    } else {
        Ok(number)
    }
}

#[tokio::test]
async fn one_run_stands_for_all_calls_and_they_keep_their_options() {
    #[flow(task_limit = 8)]
    async fn counting(test: String) -> Result<()> {
        let all = tenth_fails::map(unmapped(format!("{test} fine")), each(0..7)).tags(["counted"]).summary().await?;
        assert_eq!(all, MapSummary { completed: 7, ..MapSummary::default() });
        let cached =
            || tenth_fails::map(unmapped(format!("{test} cached")), each([1, 2, 3])).cache(CachePolicy::INPUTS);
        cached().summary().await?;
        assert_eq!(cached().summary().submit().await?.cached, 3);
        let some = tenth_fails::map(unmapped(test.clone()), each(0..300)).retries(1).summary().return_state().await;
        let error = some.result.unwrap_err();
        let summary = MapFailed::of(&error).expect("its error tells the counts");
        assert_eq!((summary.completed, summary.failed, summary.errors.len()), (270, 30, 20));
        assert!(summary.errors.contains(&MapError { index: 7, message: "The task failed: it is a seven".to_owned() }));
        assert_eq!(counted(&format!("{test} 7")), 2, "each has its retries");
        Ok(())
    }

    let (world, test) = (World::memory(), unique());
    soon("the flow", counting(&*test).on(&world.engine)).await.unwrap();
    let mut runs = world.all_task_runs().await;
    runs.sort_by_key(|run| run.id);
    let names: Vec<_> = runs.iter().map(|run| (&*run.name, &*run.state.name)).collect();
    assert_eq!(
        names,
        [
            ("tenth_fails-map", "Completed"),
            ("tenth_fails-map", "Completed"),
            ("tenth_fails-map", "Completed"),
            ("tenth_fails-map", "Failed"),
        ]
    );
    assert_eq!(runs[0].tags, ["counted"]);
    let message = runs[3].state.message.clone().unwrap_or_default();
    assert!(message.starts_with("The task failed: 30 of 300 calls failed: number 7: "), "{message}");
    assert!(message.ends_with("; and 10 more"), "{message}");
}

#[tokio::test]
async fn no_more_calls_run_at_once_than_the_flow_lets_and_arguments_are_taken_as_they_go() {
    #[derive(Clone, Default)]
    struct Crowd {
        inside: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }

    #[task]
    async fn enters(number: usize, #[resource] crowd: Crowd, #[resource] made: Arc<AtomicUsize>) {
        let inside = crowd.inside.fetch_add(1, Ordering::SeqCst) + 1;
        crowd.most.fetch_max(inside, Ordering::SeqCst);
        assert!(made.load(Ordering::SeqCst) <= number + 6, "too many are taken ahead");
        tokio::task::yield_now().await;
        crowd.inside.fetch_sub(1, Ordering::SeqCst);
    }

    #[flow(task_limit = 3)]
    async fn crowded(#[resource] crowd: Crowd) -> Result<()> {
        let made = Arc::new(AtomicUsize::new(0));
        let making = made.clone();
        let numbers = (0..500_usize).inspect(move |_| {
            making.fetch_add(1, Ordering::SeqCst);
        });
        let done = enters::map(each(numbers), crowd, made).summary().await?;
        assert_eq!(done.completed, 500);
        Ok(())
    }

    let (world, crowd) = (World::memory(), Crowd::default());
    soon("the flow", crowded(crowd.clone()).on(&world.engine)).await.unwrap();
    assert_eq!(crowd.most.load(Ordering::SeqCst), 3);
}

pub(crate) async fn a_map_goes_on_behind_the_calls_that_are_done(store: Arc<dyn Store>) {
    #[flow]
    async fn mapped_twice(test: String) -> Result<(u64, u64)> {
        let attempt = flowcore::current::attempt().unwrap_or_default();
        // The second attempt has other numbers, too, in another order.
        let numbers: Vec<u32> = if attempt == 1 { (0..50).collect() } else { (0..60).rev().collect() };
        let done = tenth_fails::map(unmapped(test), each(numbers)).summary().await?;
        Ok((done.completed, done.earlier))
    }

    let (world, test) = (World::on(store), unique());
    soon("the first", mapped_twice(&*test).on(&world.engine)).await.unwrap_err();
    assert_eq!(counted(&test), 50);
    count(format!("{test} mended"));
    let id = world.flow_run("mapped-twice").await.id;
    soon("the second", execute_flow_run(&world.engine, id)).await.unwrap();
    let data = serde_json::to_value(world.flow_run("mapped-twice").await.state.data).unwrap();
    assert_eq!(data["value"], serde_json::json!([60, 45]));
    // The five that had failed, and the ten that are new.
    assert_eq!(counted(&test), 65);
    assert_eq!(
        world.task_history("tenth_fails-map").await,
        "PENDING RUNNING FAILED PENDING RUNNING:Retrying COMPLETED"
    );
}

#[tokio::test]
async fn what_is_done_is_kept_while_another_call_takes_long() {
    #[task]
    async fn one_is_slow(number: u32, #[resource] gate: Gate) {
        if number == 2 {
            gate.pass().await;
        }
    }

    #[flow]
    async fn kept_in_time(#[resource] gate: Gate) -> Result<()> {
        one_is_slow::map(each(0..3), gate).summary().await?;
        Ok(())
    }

    let (world, gate) = (World::memory(), Gate::new());
    let (engine, storage) = (&world.engine, &world.storage);
    let running = kept_in_time(gate.clone()).on(engine).submit();
    eventually("the two that are done are kept", || async {
        for key in storage.list("map-").await.unwrap() {
            if let Lookup::Found { payload, .. } = storage.read(&key, world.clock.now()).await {
                let done: Vec<u64> = serde_json::from_slice(&payload).unwrap();
                return done.len() == 2;
            }
        }
        false
    })
    .await;
    gate.open();
    soon("the flow", running).await.unwrap();
}

#[tokio::test]
async fn calls_end_with_their_map_and_it_is_no_part_of_a_transaction() {
    #[task]
    async fn lingers(number: u32, #[resource] gate: Gate) -> u32 {
        gate.pass().await;
        number
    }

    #[flow]
    async fn ended_early(#[resource] gate: Gate) -> Result<()> {
        let map = lingers::map(each([1, 2]), gate.clone()).summary().submit();
        gate.somebody().await;
        gate.somebody().await;
        map.cancel();
        assert!(map.await.is_err());
        let inside = transaction().run(async |_| {
            lingers::map(each([1]), gate.clone()).summary().await?;
            Ok(())
        });
        let error = inside.await.unwrap_err();
        assert!(format!("{error:?}").contains("cannot be part of a transaction"), "{error:?}");
        Ok(())
    }

    let world = World::memory();
    soon("the flow", ended_early(Gate::new()).on(&world.engine)).await.unwrap();
    let states: Vec<_> = world.all_task_runs().await.iter().map(|run| run.state.name.to_string()).collect();
    assert_eq!(states, ["Cancelled", "Failed"]);
}
