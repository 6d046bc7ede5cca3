//! `crash_test` itself: what survives, what it finds, and how a failure is seen again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use flowcore::clock::SystemClock;
use flowcore::orchestration::{NewLimit, Orchestrator};
use flowcore::settings::Settings;
use flowcore::store::Store;
use flowcore::store::memory::MemoryStore;
use flowcore::testing::{Aftermath, crash_test, fail};
use flowcore::{
    Durability, JsonSchema, Result, concurrency, flow, pause, send_input, sleep_for, suspend, task, transaction,
};
use serde::{Deserialize, Serialize};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Counts what is outside of the processes.
#[derive(Clone, Default)]
struct Count(Arc<AtomicU32>);

impl Count {
    fn add(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn get(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

#[task]
async fn counted_step(n: u32, #[resource] count: Count) -> u32 {
    tracing::info!("step {n}");
    count.add();
    n
}

#[flow]
async fn below_steps(n: u32, #[resource] count: Count) -> Result<u32> {
    Ok(counted_step(n, count).await?)
}

/// Something of everything: mapped and committed tasks, a subflow, a retry, a sleep.
#[flow(retries = 1)]
async fn many_steps(#[resource] count: Count) -> Result<u32> {
    let mapped = counted_step::map([1, 2, 3], count.clone()).await?;
    let committed = counted_step(10, count.clone()).durability(Durability::Committed).await?;
    sleep_for(3600).await?;
    let below = below_steps(20, count.clone()).submit();
    let last = counted_step(30, count).retries(2).retry_delay(60).await?;
    Ok(mapped.iter().sum::<u32>() + committed + below.await? + last)
}

#[test]
fn a_flow_comes_to_its_end_whenever_it_is_killed() {
    let real = std::time::Instant::now();
    let report = crash_test(Count::default, |count| many_steps(count.clone()))
        .inject(fail("counted_step", "once").of_run("counted_step-4").first(1))
        .seeds(30)
        .survives(async |after| {
            assert_eq!(serde_json::to_value(&after.run.state.data)?["value"], 66);
            let executions = after.world.get();
            assert!(executions >= 6, "each step was done: {executions}");
            // A kill costs at most what ran side by side, and what was not written yet.
            assert!(executions <= 6 + 4 * after.kills.len() as u32, "{executions} after {:?}", after.kills);
            assert!(after.task_runs().await.iter().all(|run| run.state.is_completed()));
            Ok(())
        });
    println!("{report:?} in {:?}", real.elapsed());
    assert!(report.moments > 20, "{report:?}");
    assert_eq!(report.runs, 1 + report.moments + 1 + 30);
    assert!(report.kills > report.moments + 30, "{report:?}");
}

#[test]
fn what_is_done_twice_is_found_and_seen_again() {
    let test = || crash_test(Count::default, |count| below_steps(1, count.clone()).name("doubled-steps"));
    let once = async |after: &Aftermath<Count>| {
        assert_eq!(after.world.get(), 1, "it is done once");
        Ok(())
    };
    let message = |failed: Box<dyn std::any::Any + Send>| failed.downcast_ref::<String>().cloned().unwrap();
    let first = message(catch_unwind(AssertUnwindSafe(|| test().survives(once))).unwrap_err());
    assert!(first.contains("killed before write ") && first.contains("it is done once"), "{first}");
    let (_, moment) = first.split_once("FLOWCORE_TEST_CRASH_AT=").unwrap();
    let moment = moment.split_once(',').unwrap().0.parse().unwrap();
    let again = message(catch_unwind(AssertUnwindSafe(|| test().only_at(moment).survives(once))).unwrap_err());
    assert_eq!(again, first);
    let seeds = (1..50).find(|seed| catch_unwind(AssertUnwindSafe(|| test().only_seed(*seed).survives(once))).is_err());
    assert!(seeds.is_some(), "a seed finds it as well");
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "flowcore::schemars")]
struct Answer {
    number: u32,
}

#[test]
fn somebody_comes_when_a_flow_waits() {
    #[flow]
    async fn waiting_for_two(#[resource] count: Count) -> Result<u32> {
        let first: Answer = pause().for_input::<Answer>().await?;
        counted_step(1, count.clone()).await?;
        suspend().await?;
        counted_step(2, count).await?;
        let last: Answer = suspend().for_input::<Answer>().await?;
        Ok(first.number + last.number)
    }

    let report = crash_test(Count::default, |count| waiting_for_two(count.clone()))
        .answer(|_| Answer { number: 4 })
        .survives(async |after| {
            assert_eq!(serde_json::to_value(&after.run.state.data)?["value"], 8);
            Ok(())
        });
    assert!(report.moments > 20, "the processes behind the suspensions are killed as well: {report:?}");
}

#[test]
#[should_panic(expected = "the flow run is Suspended and nobody comes")]
fn a_flow_that_waits_for_nobody_is_an_error() {
    #[flow]
    async fn waiting_for_nobody() -> Result<()> {
        Ok(suspend().await?)
    }

    crash_test(|| (), |()| waiting_for_nobody()).survives(async |_| Ok(()));
}

#[test]
#[should_panic(expected = "without a kill: the world is not as it should be")]
fn an_invariant_may_fail_by_an_error() {
    #[flow]
    async fn harmless() {}

    crash_test(|| (), |()| harmless())
        .survives(async |_| Err(flowcore::Error::msg("the world is not as it should be")));
}

#[test]
fn a_failure_is_an_end_if_it_is_one_without_kills() {
    #[flow]
    async fn always_failing(#[resource] count: Count) -> Result<()> {
        counted_step(1, count).await?;
        Err(flowcore::Error::msg("it always does"))
    }

    crash_test(Count::default, |count| always_failing(count.clone())).survives(async |after| {
        assert_eq!(after.run.state.name, "Failed");
        Ok(())
    });
}

#[test]
#[should_panic(expected = "its run ends Failed instead of Completed")]
fn a_flow_that_only_fails_when_it_is_resumed_is_found() {
    #[flow]
    async fn once_only(#[resource] count: Count) -> Result<()> {
        let first = count.add() == 1;
        counted_step(1, count).await?;
        first.then_some(()).ok_or_else(|| flowcore::Error::msg("it was there before"))
    }

    crash_test(Count::default, |count| once_only(count.clone())).survives(async |_| Ok(()));
}

/// Threads of plain functions are not dropped with their process; they must not hold it up either.
#[test]
fn plain_functions_that_wait_for_slots_end_with_their_process() {
    #[task]
    fn plain_slot(n: u32, #[resource] count: Count) -> Result<u32> {
        let _slot = concurrency("crash-slots", 1).blocking()?;
        count.add();
        Ok(n)
    }

    #[flow]
    async fn plain_slots(#[resource] count: Count) -> Result<usize> {
        Ok(plain_slot::map([1, 2, 3], count).await?.len())
    }

    let store = || -> Arc<dyn Store> {
        let store = Arc::new(MemoryStore::new());
        let rules = Orchestrator::new(store.clone(), Arc::new(SystemClock));
        block_on(rules.create_limit(NewLimit::new("crash-slots", 1))).unwrap().unwrap();
        store
    };
    let test = crash_test(Count::default, |count| plain_slots(count.clone())).on(store).seeds(5);
    test.survives(async |after| {
        let stands = after.client().occupancy(&["crash-slots".to_owned()]).await?;
        assert!(stands.leases.is_empty() && stands.requests.is_empty(), "{stands:?}");
        Ok(())
    });
}

#[test]
fn what_a_transaction_has_undone_stays_undone() {
    #[task(on_rollback = take_back)]
    async fn give(n: u32) -> u32 {
        n
    }

    async fn take_back(_: flowcore::TransactionEvent) -> Result<()> {
        Ok(())
    }

    #[flow]
    async fn undone_anyway() -> Result<()> {
        let undone = transaction().run(async |_| {
            give(1u32).await?;
            Err::<(), _>(flowcore::Error::msg("not this time"))
        });
        assert!(undone.await.is_err());
        Ok(())
    }

    crash_test(|| (), |()| undone_anyway()).seeds(10).survives(async |after| {
        assert_eq!(after.task_run("give-0").await.state.name, "RolledBack");
        Ok(())
    });
}

#[test]
fn any_store_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let number = AtomicU32::new(0);
    let store = || {
        let path = folder.path().join(format!("{}.db", number.fetch_add(1, Ordering::Relaxed)));
        let lookup = |name: &str| match name {
            "FLOWCORE_HOME" => Some(folder.path().to_string_lossy().into_owned()),
            "FLOWCORE_DATABASE_URL" => Some(path.to_string_lossy().into_owned()),
            _ => None,
        };
        let settings = Settings::from_lookup(&lookup).unwrap();
        block_on(flowcore::store::connect(&settings.store_url())).unwrap()
    };
    let report = crash_test(Count::default, |count| below_steps(1, count.clone()).name("steps-in-sqlite"))
        .on(store)
        .survives(async |after| {
            assert!(after.world.get() >= 1 && after.run.state.is_completed());
            Ok(())
        });
    assert!(report.kills > 10, "{report:?}");
}

#[tokio::test]
#[should_panic(expected = "a crash test is no async function")]
async fn a_crash_test_inside_of_a_runtime_is_refused() {
    crash_test(|| (), |()| waiting_a_little()).survives(async |_| Ok(()));
}

#[flow]
async fn waiting_a_little() -> Result<()> {
    Ok(sleep_for(1).await?)
}

#[test]
fn messages_between_flows_are_received_once() {
    #[flow]
    async fn told_itself() -> Result<u32> {
        let id = flowcore::current::flow_run_id().ok_or_else(|| flowcore::Error::msg("inside of a flow"))?;
        send_input(id, 3u32).await?;
        Ok(flowcore::receive_input::<u32>().next().await?.value)
    }

    crash_test(|| (), |()| told_itself()).survives(async |after| {
        assert_eq!(serde_json::to_value(&after.run.state.data)?["value"], 3);
        Ok(())
    });
}
