//! Cached tasks in transactions: what they cache is written with the commit.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use flowcore::{CachePolicy, StateType};

type Count = Arc<AtomicU32>;

#[task(cache = INPUTS)]
async fn square(n: u32, #[resource] count: Count) -> u32 {
    count.fetch_add(1, Ordering::SeqCst);
    n * n
}

/// Calls the task twice in a transaction, and tells how often it was executed.
#[flow]
async fn squares(fails: bool, #[resource] policy: CachePolicy) -> Result<u32> {
    let count = Count::default();
    let run = transaction().run(async |_| {
        assert_eq!(square(4u32, count.clone()).cache(policy.clone()).await?, 16);
        // Its own tasks know it already, also in a transaction inside.
        assert_eq!(square(4u32, count.clone()).cache(policy.clone()).submit().await?, 16);
        let inside = transaction().run(async |_| Ok(square(4u32, count.clone()).cache(policy.clone()).await?));
        assert_eq!(inside.await?, 16);
        if fails { Err(Error::msg("it fails")) } else { Ok(()) }
    });
    assert_eq!(run.await.is_err(), fails);
    Ok(count.load(Ordering::SeqCst))
}

#[tokio::test]
async fn results_are_cached_with_the_commit() {
    for policy in [CachePolicy::INPUTS, CachePolicy::INPUTS.isolated()] {
        let world = World::memory();
        let run = async |fails| soon("the flow", squares(fails, policy.clone()).on(&world.engine)).await.unwrap();
        assert_eq!(run(true).await, 1);
        assert!(world.storage.list("").await.unwrap().is_empty(), "nothing of it is cached");
        assert_eq!([run(false).await, run(false).await], [1, 0]);
        let histories = async |name: &str| {
            let runs = world.all_task_runs().await;
            let states = runs.into_iter().filter(|run| run.name == name).map(|run| run.state.name.into_owned());
            let mut names: Vec<_> = states.collect();
            names.sort();
            names.join(" ")
        };
        // What came from the cache was not done by the transaction, so that it is not undone either.
        assert_eq!(histories("square-0").await, "Cached Completed RolledBack");
        assert_eq!(histories("square-1").await, "Cached Cached Cached");
    }
}

#[tokio::test]
async fn an_isolated_key_is_held_until_the_end() {
    #[flow]
    async fn alone(test: String, fails: bool, #[resource] gate: Gate, #[resource] count: Count) -> Result<()> {
        let policy = CachePolicy::INPUTS.isolated();
        let run = transaction().run(async |_| {
            gate.come();
            square(3u32, count.clone()).cache(policy.clone()).await?;
            note(&test, "computed");
            gate.pass().await;
            if fails { Err(Error::msg("it fails")) } else { Ok(()) }
        });
        run.await
    }

    for (fails, executed) in [(false, 1), (true, 2)] {
        let (world, test, gate, count) = (World::memory(), unique(), Gate::new(), Count::default());
        let call = || tokio::spawn(alone(&*test, fails, gate.clone(), count.clone()).on(&world.engine).into_future());
        let both = [call(), call()];
        for _ in 0..3 {
            soon("both have begun, and one has computed", gate.somebody()).await;
        }
        let waits = || async { world.all_task_runs().await.iter().any(|run| run.state.kind == StateType::Pending) };
        crate::world::eventually("the other one waits", waits).await;
        assert_eq!(notes(&test), "computed");
        gate.open();
        for run in both {
            assert_eq!(soon("the flow", run).await.unwrap().is_err(), fails);
        }
        assert_eq!(count.load(Ordering::SeqCst), executed);
    }
}

#[tokio::test]
async fn waiting_for_a_key_can_be_cancelled() {
    #[flow(name = "waiting_in_a_transaction")]
    async fn waiting(#[resource] count: Count) -> Result<()> {
        square(5u32, count).cache(CachePolicy::key(|_| Some("held".into())).isolated()).submit();
        Ok(())
    }

    let world = World::memory();
    let (holder, gate) = (world.engine.clone(), Gate::new());
    let held = gate.clone();
    let holding = tokio::spawn(async move {
        let run = transaction().on(&holder).run(async |_| {
            square(6u32, Count::default()).cache(CachePolicy::key(|_| Some("held".into())).isolated()).await?;
            held.pass().await;
            Ok(())
        });
        run.await
    });
    soon("the key is held", gate.somebody()).await;
    let count = Count::default();
    let running = tokio::spawn(waiting(count.clone()).on(&world.engine).into_future());
    let waits = || async { world.all_task_runs().await.iter().any(|run| run.state.kind == StateType::Pending) };
    crate::world::eventually("the task waits", waits).await;
    world.engine.cancel_all();
    assert!(soon("the flow", running).await.unwrap().is_err());
    gate.open();
    soon("the holder", holding).await.unwrap().unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 0);
}
