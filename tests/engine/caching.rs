//! When a task is not run since its result is known.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowcore::store::memory::MemoryStore;
use flowcore::{CachePolicy, Error, Limits, Result, flow, task};

use crate::gate::Gate;
use crate::world::{World, soon};

type Count = Arc<AtomicU32>;

#[task(cache = INPUTS)]
async fn compute(n: u32, verbose: bool, #[resource] count: Count) -> u32 {
    let _ = verbose;
    count.fetch_add(1, Ordering::SeqCst);
    n * n
}

/// Calls the task with each pair and tells how often it ran.
#[flow]
async fn computing(calls: Vec<(u32, bool)>, #[resource] policy: CachePolicy) -> Result<u32> {
    let count = Count::default();
    for (n, verbose) in calls {
        assert_eq!(compute(n, verbose, count.clone()).cache(policy.clone()).await?, n * n);
    }
    Ok(count.load(Ordering::SeqCst))
}

async fn runs(world: &World, policy: CachePolicy, calls: &[(u32, bool)]) -> u32 {
    soon("the flow", computing(calls.to_vec(), policy).on(&world.engine)).await.unwrap()
}

#[tokio::test]
async fn each_policy_says_what_has_to_be_equal() {
    const TWICE: [(u32, bool); 4] = [(1, true), (1, true), (1, false), (2, true)];
    let one_key = || CachePolicy::key(|call| call.arguments["n"].as_u64().map(|n| format!("key-{n}")));
    let odd_only = CachePolicy::key(|call| call.arguments["n"].as_u64().filter(|n| n % 2 == 1).map(|n| n.to_string()));
    // How often it runs in a first flow run, in a second with other parameters, and in a third with the first's.
    let expected = [
        (CachePolicy::NO_CACHE, [4, 4, 4]),
        (CachePolicy::INPUTS, [3, 0, 0]),
        (CachePolicy::INPUTS - "verbose", [2, 0, 0]),
        (CachePolicy::RUN_ID + CachePolicy::INPUTS, [3, 3, 3]),
        (CachePolicy::DEFAULT, [3, 3, 3]),
        (CachePolicy::FLOW_PARAMETERS + CachePolicy::INPUTS, [3, 3, 0]),
        (CachePolicy::INPUTS + CachePolicy::TASK_SOURCE - "verbose", [2, 0, 0]),
        (one_key(), [2, 0, 0]),
        (one_key() + CachePolicy::INPUTS, [3, 0, 0]),
        (odd_only, [2, 1, 1]),
    ];
    for (policy, expected) in expected {
        let world = World::memory();
        let mut seen = [0; 3];
        for (nth, seen) in seen.iter_mut().enumerate() {
            let mut calls = TWICE.to_vec();
            if nth == 1 {
                calls.swap(0, 3);
            }
            *seen = runs(&world, policy.clone(), &calls).await;
        }
        assert_eq!(seen, expected, "{policy:?}");
    }
}

#[tokio::test]
async fn constant_keys_share_one_result() {
    for policy in [CachePolicy::TASK_SOURCE, CachePolicy::FLOW_PARAMETERS, CachePolicy::RUN_ID] {
        let world = World::memory();
        assert_eq!(runs(&world, policy.clone(), &[(3, true), (3, false), (3, true)]).await, 1, "{policy:?}");
    }
}

#[tokio::test]
async fn a_cached_run_says_so() {
    #[flow]
    async fn twice() -> Result<()> {
        let count = Count::default();
        compute(5, true, count.clone()).task_run_name("first").await?;
        compute(5, true, count).task_run_name("second").await?;
        Ok(())
    }

    let world = World::memory();
    twice().on(&world.engine).await.unwrap();
    assert_eq!(world.task_history("first").await, "PENDING RUNNING COMPLETED");
    assert_eq!(world.task_history("second").await, "PENDING COMPLETED:Cached");
    let (first, second) = (world.task_run("first").await, world.task_run("second").await);
    assert_eq!(first.cache_key, second.cache_key);
    assert!(first.cache_key.is_some());
    assert_eq!(first.state.data, second.state.data, "both carry the record of the result");
    assert_eq!((second.times.run_count, second.times.total_run_time), (0, 0));
    let details = second.state.details.unwrap();
    assert_eq!(details.cache_key, first.cache_key);
}

#[tokio::test]
async fn a_cached_result_expires() {
    #[flow]
    async fn expiring(refresh: bool) -> Result<u32> {
        let count = Count::default();
        compute(1, true, count.clone()).cache_expiration(60).refresh_cache(refresh).await?;
        Ok(count.load(Ordering::SeqCst))
    }

    let world = World::memory();
    let run = async |refresh| expiring(refresh).on(&world.engine).await.unwrap();
    assert_eq!([run(false).await, run(false).await], [1, 0]);
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(run(false).await, 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!([run(false).await, run(false).await], [1, 0]);
    // A refreshed result is valid from now on.
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(run(true).await, 1);
    world.clock.advance(Duration::from_secs(45));
    assert_eq!(run(false).await, 0);
}

#[tokio::test]
async fn only_successes_are_cached() {
    #[task(cache = INPUTS)]
    async fn moody(n: u32, #[resource] count: Count) -> Result<u32> {
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => Err(Error::msg("not now")),
            _ => Ok(n),
        }
    }

    #[flow]
    async fn moods(#[resource] count: Count) -> Result<Vec<bool>> {
        let mut ends = Vec::new();
        for _ in 0..3 {
            ends.push(moody(7, count.clone()).await.is_ok());
        }
        Ok(ends)
    }

    let (world, count) = (World::memory(), Count::default());
    assert_eq!(moods(count.clone()).on(&world.engine).await.unwrap(), [false, true, true]);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn isolated_calls_compute_once() {
    #[task(cache = INPUTS.isolated())]
    async fn expensive(n: u32, #[resource] gate: Gate, #[resource] count: Count) -> u32 {
        count.fetch_add(1, Ordering::SeqCst);
        gate.pass().await;
        n
    }

    #[flow]
    async fn isolated(#[resource] gate: Gate, #[resource] count: Count) -> Result<Vec<u32>> {
        let calls = expensive::map([1, 1, 1, 1, 2], gate.clone(), count).submit();
        gate.somebody().await;
        gate.somebody().await;
        gate.open();
        Ok(calls.await?)
    }

    let (world, count) = (World::memory(), Count::default());
    let results = soon("the flow", isolated(Gate::new(), count.clone()).on(&world.engine)).await.unwrap();
    assert_eq!(results, [1, 1, 1, 1, 2]);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

/// What makes one record in a folder unusable.
type Damage = fn(&std::path::Path);

#[tokio::test]
async fn damaged_results_are_made_anew_with_a_warning() {
    fn rewrite(path: &std::path::Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(path).unwrap();
        change(&mut bytes);
        std::fs::write(path, bytes).unwrap();
    }

    let damages: [(&str, Damage, bool); 5] = [
        ("whole", |_| {}, false),
        ("missing", |path| std::fs::remove_file(path).unwrap(), false),
        ("truncated", |path| rewrite(path, |bytes| bytes.truncate(bytes.len() - 1)), true),
        ("flipped", |path| rewrite(path, |bytes| *bytes.last_mut().unwrap() ^= 1), true),
        ("empty", |path| rewrite(path, Vec::clear), true),
    ];
    for (what, damage, warns) in damages {
        let folder = tempfile::tempdir().unwrap();
        let storage = flowcore::results::Storage::local(folder.path()).unwrap();
        let world = World::with(Arc::new(MemoryStore::new()), storage, Limits::default());
        assert_eq!(runs(&world, CachePolicy::INPUTS, &[(4, true)]).await, 1);
        let mut files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        damage(&files.find(|path| path.is_file()).unwrap());
        let again = u32::from(what != "whole");
        assert_eq!(runs(&world, CachePolicy::INPUTS, &[(4, true)]).await, again, "{what}");
        assert_eq!(runs(&world, CachePolicy::INPUTS, &[(4, true)]).await, 0, "{what}: it is whole again");
        let lines = world.logs().await;
        let warnings: Vec<_> = lines.iter().filter(|line| line.message.contains("is made anew")).collect();
        assert_eq!(warnings.len(), usize::from(warns), "{what}: {warnings:?}");
        assert!(warnings.iter().all(|line| line.task_run_id.is_some()));
    }
}
