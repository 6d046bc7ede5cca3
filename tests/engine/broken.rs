//! A store that fails: at each of its calls in turn, for a while, or for good. No flow hangs, and nothing stays RUNNING.

use std::sync::Arc;
use std::time::Duration;

use flowcore::model::{FlowRun, FlowRunFilter, Page, StateType, TaskRunFilter};
use flowcore::orchestration::NewLimit;
use flowcore::store::memory::MemoryStore;
use flowcore::store::{LimitStore, Store, StoreError};
use flowcore::testing::{FaultyStore, StoreFault, TestEngine};
use flowcore::{Durability, Error, Result, artifact, concurrency, each, execute_flow_run, flow, task, variable};

use crate::gate::Gate;
use crate::world::{AllDead, World, eventually, soon};

/// Makes a store that fails when it is told to.
pub(crate) fn faulty() -> Arc<FaultyStore> {
    Arc::new(FaultyStore::new(Arc::new(MemoryStore::new())))
}

/// What a store says that cannot be written.
pub(crate) fn refused() -> StoreError {
    StoreError::Other("it cannot be written".into())
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
    let shown = artifact::markdown("a").save().await?;
    artifact::markdown("b").update(shown).await?;
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
        let store = faulty();
        store.inject(StoreFault::calls().nth(fails_at));
        let world = World::on(store.clone());
        let result = soon(&format!("the flow, call {fails_at} failing"), everything().on(&world.engine)).await;
        store.heal();
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
        if store.failed() == 0 {
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
    async fn many(#[resource] store: Arc<FaultyStore>) -> Result<(usize, usize)> {
        let outcomes = work::map(each(0..MANY)).outcomes().await;
        let (done, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|outcome| outcome.result.is_ok());
        let told = refused.iter().all(|outcome| format!("{:?}", outcome.result).contains("cannot be written"));
        assert!(told, "the store's own words are given");
        store.heal();
        eventually("a task runs again", || async { work(MANY).await.is_ok() }).await;
        Ok((done.len(), refused.len()))
    }

    let store = faulty();
    store.inject(StoreFault::of(["record_task_runs"]).with(refused()));
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

    let (store, gate) = (faulty(), Gate::new());
    store.inject(StoreFault::of(["record_task_runs"]).with(refused()));
    let world = World::on(store.clone());
    let running = tokio::spawn(quiet(gate.clone()).on(&world.engine).into_future());
    eventually("the store refuses", || async { store.failed() > 0 }).await;
    store.heal();
    eventually("the task is recorded", || async {
        let runs = store.task_runs(&TaskRunFilter::default()).await.unwrap();
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

    let engine = TestEngine::new();
    engine.store().inject(StoreFault::of(["insert_flow_run"]).slow(3600));
    tokio::select! {
        _ = barely_begun().on(&engine).into_future() => unreachable!("the run's maker waits"),
        () = tokio::time::sleep(Duration::from_secs(60)) => {}
    }
    assert_eq!(engine.flow_runs().await.len(), 1, "it is made, and its maker does not know yet");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(engine.flow_states("barely-begun").await, ["Pending", "Running", "Cancelled"]);
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
        let inner = Arc::new(MemoryStore::new());
        let store = Arc::new(FaultyStore::new(inner.clone()));
        let world = World::on(store.clone());
        for (name, slots) in [("tag:db", 2), ("api", 1)] {
            world.client.create_limit(NewLimit::new(name, slots)).await.unwrap();
        }
        store.inject(StoreFault::calls().nth(fails_at));
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
            let stands = inner.occupancy(&names).await.unwrap();
            stands.leases.is_empty() && stands.requests.is_empty()
        })
        .await;
        if store.failed() == 0 {
            assert!(completed >= 1, "the one without a failing call completes");
            break;
        }
    }
    assert!(failed > 5, "{failed} failed, {completed} completed");
}
