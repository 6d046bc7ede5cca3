//! Concurrency limits: guards, rates, tags, and who waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowcore::client::Client;
use flowcore::clock::{Clock, SystemClock};
use flowcore::model::{Occupancy, ProcessId, ProcessLease, SlotAnswer, SlotAsk, SlotHolder, SlotId, SlotRefusal};
use flowcore::orchestration::{LimitUpdate, NewLimit};
use flowcore::{ConcurrencyError, ConcurrencyGuard, Engine, Error, Result, concurrency, each, flow, rate_limit, task};

use crate::gate::{Gate, unique};
use crate::world::{World, eventually, soon};

async fn limit(world: &World, name: &str, slots: u32) {
    world.client.create_limit(NewLimit::new(name, slots)).await.unwrap();
}

async fn stands(client: &Arc<dyn Client>, name: &str) -> Occupancy {
    client.occupancy(&[name.to_owned()]).await.unwrap()
}

async fn take(engine: &Engine, name: &str, slots: u32) -> ConcurrencyGuard {
    soon("slots", concurrency(name, slots).on(engine)).await.unwrap()
}

/// Waits until so many leases and requests are there.
async fn until_there_are(client: &Arc<dyn Client>, name: &str, leases: usize, requests: usize) {
    let what = format!("{leases} leases and {requests} requests of {name}");
    eventually(&what, || async {
        let stands = stands(client, name).await;
        (stands.leases.len(), stands.requests.len()) == (leases, requests)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_more_hold_slots_than_there_are() {
    static INSIDE: AtomicU32 = AtomicU32::new(0);
    static MOST: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn work(n: u32) -> Result<u32> {
        let guard = concurrency("db", 1 + n % 2).await?;
        let inside = INSIDE.fetch_add(1 + n % 2, Ordering::SeqCst) + 1 + n % 2;
        MOST.fetch_max(inside, Ordering::SeqCst);
        tokio::task::yield_now().await;
        INSIDE.fetch_sub(1 + n % 2, Ordering::SeqCst);
        drop(guard);
        Ok(n)
    }

    #[flow]
    async fn many_at_once() -> Result<usize> {
        Ok(work::map(each(0..60)).await?.len())
    }

    let world = World::memory();
    limit(&world, "db", 3).await;
    assert_eq!(soon("the flow", many_at_once().on(&world.engine)).await.unwrap(), 60);
    assert!((2..=3).contains(&MOST.load(Ordering::SeqCst)), "{MOST:?}");
    until_there_are(&world.client, "db", 0, 0).await;
}

#[tokio::test]
async fn a_holder_is_listed_with_its_runs() {
    #[task]
    async fn hold(#[resource] gate: Gate) -> Result<()> {
        let _guard = concurrency("db", 2).await?;
        gate.pass().await;
        Ok(())
    }

    #[flow(flow_run_name = "brave-ant")]
    async fn holding(#[resource] gate: Gate) -> Result<()> {
        Ok(hold(gate).await?)
    }

    let world = World::memory();
    limit(&world, "db", 2).await;
    let gate = Gate::new();
    let running = tokio::spawn(holding(gate.clone()).on(&world.engine).into_future());
    soon("the task", gate.somebody()).await;
    let waiting = tokio::spawn(concurrency("db", 1).on(&world.engine).into_future());
    until_there_are(&world.client, "db", 1, 1).await;
    let stands = stands(&world.client, "db").await;
    let holder = &stands.leases[0].holder;
    assert_eq!(holder.name, "hold-0 of brave-ant");
    assert_eq!(holder.flow_run_id, Some(world.flow_run("holding").await.id));
    assert_eq!(holder.task_run_id, Some(world.task_run("hold-0").await.id));
    assert_eq!((stands.leases[0].slots, stands.requests[0].slots), (2, 1));
    assert_eq!(stands.requests[0].holder.flow_run_id, None, "it waits outside of runs");
    gate.open();
    soon("the flow", running).await.unwrap().unwrap();
    // The slots are freed by the guard's end, and the one that waits goes on.
    drop(soon("the other", waiting).await.unwrap().unwrap());
}

#[tokio::test]
async fn who_came_first_is_first_and_a_large_wish_is_not_passed() {
    let world = World::with_clock(Arc::new(SystemClock));
    limit(&world, "db", 2).await;
    let first = take(&world.engine, "db", 1).await;
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut waiting = tokio::task::JoinSet::new();
    for (number, slots) in [(1, 2), (2, 1), (3, 1), (4, 2)] {
        let (engine, order) = (world.engine.clone(), order.clone());
        waiting.spawn(async move {
            let guard = take(&engine, "db", slots).await;
            order.lock().unwrap().push(number);
            guard.release().await.unwrap();
        });
        until_there_are(&world.client, "db", 1, number).await;
    }
    first.release().await.unwrap();
    soon("all", waiting.join_all()).await;
    let order = order.lock().unwrap();
    // The second and the third have their slots together.
    assert!(*order == [1, 2, 3, 4] || *order == [1, 3, 2, 4], "{order:?}");
}

#[tokio::test]
async fn a_wish_for_several_limits_takes_all_or_none() {
    let world = World::memory();
    limit(&world, "a", 1).await;
    limit(&world, "b", 1).await;
    let held = take(&world.engine, "b", 1).await;
    let both = tokio::spawn(concurrency(["b", "a", "missing"], 1).on(&world.engine).into_future());
    until_there_are(&world.client, "a", 0, 1).await;
    drop(held);
    let both = soon("both", both).await.unwrap().unwrap();
    until_there_are(&world.client, "a", 1, 0).await;
    until_there_are(&world.client, "b", 1, 0).await;
    both.release().await.unwrap();
    assert_eq!(stands(&world.client, "a").await.leases, []);
    assert_eq!(stands(&world.client, "b").await.leases, []);
}

#[tokio::test]
async fn whoever_stops_waiting_leaves_the_queue() {
    let world = World::with_clock(Arc::new(SystemClock));
    limit(&world, "db", 1).await;
    let held = take(&world.engine, "db", 1).await;
    let timed_out = concurrency("db", 1).timeout(Duration::from_millis(20)).on(&world.engine).await.unwrap_err();
    assert!(matches!(timed_out, ConcurrencyError::TimedOut { slots: 1, .. }), "{timed_out}");
    assert!(timed_out.to_string().contains("of the concurrency limit `db` were not free within 20ms"), "{timed_out}");
    until_there_are(&world.client, "db", 1, 0).await;
    let dropped = tokio::spawn(concurrency("db", 1).on(&world.engine).into_future());
    until_there_are(&world.client, "db", 1, 1).await;
    dropped.abort();
    until_there_are(&world.client, "db", 1, 0).await;
    held.release().await.unwrap();
    assert_eq!(stands(&world.client, "db").await, Occupancy { leases: vec![], ..stands(&world.client, "db").await });
}

#[tokio::test]
async fn a_cancelled_run_stops_waiting() {
    #[task]
    async fn waits() -> Result<()> {
        let _slot = concurrency("db", 1).await?;
        Ok(())
    }

    #[flow]
    async fn wants(#[resource] client: Arc<dyn Client>) -> Result<()> {
        let waiting = waits().submit();
        until_there_are(&client, "db", 1, 1).await;
        waiting.cancel();
        assert!(waiting.await.is_err());
        Ok(())
    }

    let world = World::memory();
    limit(&world, "db", 1).await;
    let _held = take(&world.engine, "db", 1).await;
    soon("the flow", wants(world.client.clone()).on(&world.engine)).await.unwrap();
    until_there_are(&world.client, "db", 1, 0).await;
    assert_eq!(world.task_history("waits-0").await, "PENDING RUNNING CANCELLED");
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let world = World::memory();
    limit(&world, "db", 2).await;
    let refusal = |result: std::result::Result<(), ConcurrencyError>| match result {
        Err(ConcurrencyError::Refused(refusal)) => refusal,
        other => panic!("{other:?} is no refusal"),
    };
    let too_many = refusal(concurrency("db", 3).on(&world.engine).await.map(drop));
    assert_eq!(too_many, SlotRefusal::TooMany { name: "db".into(), slots: 3, limit: 2 });
    assert!(too_many.to_string().contains("flowcore concurrency update db --limit 3"));
    let missing = refusal(concurrency("none", 1).strict().on(&world.engine).await.map(drop));
    assert_eq!(missing, SlotRefusal::Missing { name: "none".into() });
    let no_rate = refusal(rate_limit("db", 1).on(&world.engine).await);
    assert_eq!(no_rate, SlotRefusal::NoRate { name: "db".into() });
    // Without strictness what is missing limits nothing, nor does what is inactive.
    drop(take(&world.engine, "none", 99).await);
    rate_limit("none", 99).on(&world.engine).await.unwrap();
    world.client.update_limit("db", LimitUpdate { active: Some(false), ..LimitUpdate::default() }).await.unwrap();
    drop(take(&world.engine, "db", 99).await);
    assert_eq!(stands(&world.client, "db").await.leases, []);
}

#[tokio::test]
async fn nobody_passes_a_limit_of_none_until_it_is_raised() {
    let world = World::memory();
    limit(&world, "db", 0).await;
    let waiting = tokio::spawn(concurrency("db", 2).on(&world.engine).into_future());
    until_there_are(&world.client, "db", 0, 1).await;
    world.client.update_limit("db", LimitUpdate { limit: Some(2), ..LimitUpdate::default() }).await.unwrap();
    let held = soon("the slots", waiting).await.unwrap().unwrap();
    let behind = tokio::spawn(concurrency("db", 1).on(&world.engine).into_future());
    until_there_are(&world.client, "db", 1, 1).await;
    // Who waits for a limit that is deleted goes on, and who has slots of it goes on as well.
    let gone = world.client.delete_limit("db").await.unwrap();
    assert_eq!((gone.leases.len(), gone.requests.len()), (1, 1));
    drop(soon("the other", behind).await.unwrap().unwrap());
    held.release().await.unwrap();
}

#[tokio::test]
async fn a_rate_is_kept_by_the_clock() {
    let world = World::memory();
    let rate = NewLimit { slot_decay_per_second: 2.0, ..NewLimit::new("api", 3) };
    world.client.create_limit(rate).await.unwrap();
    let begin = world.clock.now();
    let mut times = Vec::new();
    for _ in 0..7 {
        soon("its time", rate_limit("api", 1).on(&world.engine)).await.unwrap();
        times.push((world.clock.now() - begin).num_milliseconds());
    }
    assert_eq!(times, [0, 0, 0, 500, 1000, 1500, 2000]);
}

#[test]
fn a_plain_function_waits_by_blocking() {
    #[task]
    fn plain(n: u32) -> Result<u32> {
        let _slot = concurrency("db", 1).blocking()?;
        Ok(n)
    }

    #[flow]
    async fn several() -> Result<usize> {
        Ok(plain::map(each(0..8)).await?.len())
    }

    let world = World::memory();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        limit(&world, "db", 1).await;
        assert_eq!(soon("the flow", several().on(&world.engine)).await.unwrap(), 8);
    });
    // And outside of runs, without any runtime.
    let held = concurrency("db", 1).on(&world.engine).blocking().unwrap();
    let refused = concurrency("db", 2).on(&world.engine).blocking();
    assert!(matches!(refused, Err(ConcurrencyError::Refused(_))), "{refused:?}");
    drop(held);
    drop(concurrency("db", 1).on(&world.engine).blocking().unwrap());
}

/// Asks as a process that is not this one.
async fn strangers_slot(client: &Arc<dyn Client>, process: ProcessId, slots: u32) -> SlotAnswer {
    let ask = SlotAsk {
        id: SlotId(SystemClock.uuid()),
        limits: vec!["db".into()],
        slots,
        holder: SlotHolder { name: "a stranger".into(), ..SlotHolder::default() },
        process_id: Some(process),
        due: "2026-05-01T12:00:00Z".parse().unwrap(),
        expires: None,
        strict: false,
        rate: false,
    };
    client.ask_for_slots(vec![ask]).await.unwrap().remove(0)
}

#[tokio::test]
async fn what_a_dead_process_has_and_wants_is_taken_away() {
    let world = World::memory();
    limit(&world, "db", 2).await;
    let folder = tempfile::tempdir().unwrap();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    let process = |name: &str| {
        let path = folder.path().join(name);
        let file = std::fs::File::create(&path).unwrap();
        file.lock().unwrap();
        let expires = world.clock.now() + Duration::from_secs(3600);
        let lock_file = path.to_str().unwrap().to_owned();
        let id = ProcessId(SystemClock.uuid());
        (file, ProcessLease { id, pid: 1, host: host.clone(), lock_file, started: world.clock.now(), expires })
    };
    let ((living_file, living), (dead_file, dead)) = (process("living"), process("dead"));
    for lease in [&living, &dead] {
        world.client.put_process(lease.clone()).await.unwrap();
    }
    assert!(matches!(strangers_slot(&world.client, living.id, 1).await, SlotAnswer::Granted { .. }));
    assert!(matches!(strangers_slot(&world.client, dead.id, 1).await, SlotAnswer::Granted { .. }));
    assert!(matches!(strangers_slot(&world.client, dead.id, 2).await, SlotAnswer::Waits { .. }));
    let waiting = tokio::spawn(concurrency("db", 1).on(&world.engine).into_future());
    until_there_are(&world.client, "db", 2, 2).await;
    drop(dead_file);
    let held = soon("the dead one's slot", waiting).await.unwrap().unwrap();
    let left = stands(&world.client, "db").await;
    assert!(left.leases.iter().any(|lease| lease.process_id == Some(living.id)));
    assert_eq!((left.leases.len(), left.requests.len()), (2, 0));
    // Its runs are left to those who tell of them.
    assert!(world.client.crash_abandoned_runs(&flowcore::connect::probe()).await.unwrap().is_empty());
    assert!(!std::path::Path::new(&dead.lock_file).exists() && std::path::Path::new(&living.lock_file).exists());
    drop((held, living_file));
}

#[tokio::test]
async fn tags_limit_task_runs() {
    static INSIDE: AtomicU32 = AtomicU32::new(0);

    #[task(tags = ["db", "free"])]
    async fn query(n: u32) -> Result<u32> {
        assert_eq!(INSIDE.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
        tokio::task::yield_now().await;
        INSIDE.fetch_sub(1, Ordering::SeqCst);
        Ok(n)
    }

    #[flow]
    async fn queries() -> Result<usize> {
        Ok(query::map(each(0..12)).await?.len())
    }

    let world = World::memory();
    limit(&world, "tag:db", 1).await;
    assert_eq!(soon("the flow", queries().on(&world.engine)).await.unwrap(), 12);
    until_there_are(&world.client, "tag:db", 0, 0).await;
    let mut waited = 0;
    for run in world.all_task_runs().await {
        match &*world.task_history(&run.name).await {
            "PENDING RUNNING COMPLETED" => {}
            "PENDING SCHEDULED:AwaitingConcurrencySlot RUNNING COMPLETED" => waited += 1,
            other => panic!("{other}"),
        }
    }
    assert!(waited > 0, "some had to wait");
}

#[tokio::test]
async fn a_run_that_waits_for_a_slot_says_for_which_and_can_be_cancelled() {
    #[task(tags = ["db"])]
    async fn query() {}

    #[flow]
    async fn asks(#[resource] gate: Gate) -> Result<()> {
        let waiting = query().submit();
        gate.pass().await;
        waiting.cancel();
        assert!(waiting.await.is_err());
        Ok(())
    }

    let world = World::memory();
    limit(&world, "tag:db", 1).await;
    let _held = take(&world.engine, "tag:db", 1).await;
    let gate = Gate::new();
    let running = tokio::spawn(asks(gate.clone()).on(&world.engine).into_future());
    until_there_are(&world.client, "tag:db", 1, 1).await;
    eventually("the run waits", || async { world.task_run("query-0").await.state.name == "AwaitingConcurrencySlot" })
        .await;
    let state = world.task_run("query-0").await.state;
    assert_eq!(state.message.as_deref(), Some("Waits for a slot of tag:db."));
    gate.open();
    soon("the flow", running).await.unwrap().unwrap();
    until_there_are(&world.client, "tag:db", 1, 0).await;
    assert_eq!(world.task_history("query-0").await, "PENDING SCHEDULED:AwaitingConcurrencySlot CANCELLED");
}

#[tokio::test]
async fn a_cached_result_takes_no_slot() {
    #[task(tags = ["db"], cache = INPUTS)]
    async fn query(n: u32, key: String) -> u32 {
        n + key.len() as u32
    }

    #[flow]
    async fn asked_twice(key: String, #[resource] engine: Engine) -> Result<()> {
        query(1u32, key.clone()).await?;
        until_there_are(engine.client(), "tag:db", 0, 0).await;
        let _held = take(&engine, "tag:db", 1).await;
        query(1u32, key).await?;
        Ok(())
    }

    let world = World::memory();
    limit(&world, "tag:db", 1).await;
    soon("the flow", asked_twice(unique(), world.engine.clone()).on(&world.engine)).await.unwrap();
    assert_eq!(world.task_history("query-1").await, "PENDING COMPLETED:Cached");
}

#[tokio::test]
async fn a_run_that_waits_for_its_retry_holds_no_slot() {
    #[task(tags = ["db"], retries = 1, retry_delay = 1)]
    async fn fails_once(#[resource] world: Arc<World>) -> Result<()> {
        let held = stands(&world.client, "tag:db").await.leases.len();
        assert_eq!(held, 1);
        match flowcore::current::attempt() {
            Some(1) => Err(Error::msg("once")),
            _ => Ok(()),
        }
    }

    #[flow]
    async fn retried(#[resource] world: Arc<World>) -> Result<()> {
        Ok(fails_once(world).await?)
    }

    // A clock that shows what is held whenever somebody sleeps by it.
    #[derive(Debug)]
    struct Looking(
        crate::clock::VirtualClock,
        std::sync::Mutex<Vec<usize>>,
        std::sync::OnceLock<std::sync::Weak<World>>,
    );

    #[async_trait::async_trait]
    impl Clock for Looking {
        fn now(&self) -> flowcore::model::Timestamp {
            self.0.now()
        }
        fn uuid(&self) -> uuid::Uuid {
            self.0.uuid()
        }
        fn uuid_at(&self, now: flowcore::model::Timestamp) -> uuid::Uuid {
            self.0.uuid_at(now)
        }
        fn random(&self) -> f64 {
            self.0.random()
        }
        async fn sleep(&self, duration: Duration) {
            if let Some(world) = self.2.get().and_then(std::sync::Weak::upgrade) {
                until_there_are(&world.client, "tag:db", 0, 0).await;
                self.1.lock().unwrap().push(0);
            }
            self.0.sleep(duration).await;
        }
    }

    let clock =
        Arc::new(Looking(crate::clock::VirtualClock::new(), std::sync::Mutex::default(), std::sync::OnceLock::new()));
    let world = Arc::new(World::with_clock(clock.clone()));
    clock.2.set(Arc::downgrade(&world)).unwrap();
    limit(&world, "tag:db", 1).await;
    soon("the flow", retried(world.clone()).on(&world.engine)).await.unwrap();
    assert_eq!(
        world.task_history("fails_once-0").await,
        "PENDING RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying COMPLETED"
    );
    assert_eq!(*clock.1.lock().unwrap(), [0], "it slept once, and held nothing then");
}

#[tokio::test]
async fn a_closed_engine_holds_nothing() {
    let store = Arc::new(flowcore::store::memory::MemoryStore::new());
    let world = World::on(store.clone());
    limit(&world, "db", 1).await;
    let held = take(&world.engine, "db", 1).await;
    let process = stands(&world.client, "db").await.leases[0].process_id.unwrap();
    world.client.remove_process(process).await.unwrap();
    assert_eq!(stands(&world.client, "db").await.leases, []);
    held.release().await.unwrap();
}

#[tokio::test]
async fn a_guard_that_outlives_its_engine_gives_back() {
    let world = World::memory();
    limit(&world, "db", 1).await;
    let held = take(&world.engine, "db", 1).await;
    let World { engine, client, .. } = world;
    drop(engine);
    drop(held);
    until_there_are(&client, "db", 0, 0).await;
}
