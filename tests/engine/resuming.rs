//! A flow run that has failed is executed again: what is finished stays, what is not goes on under the same id.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowcore::model::{FlowRunId, TaskRun};
use flowcore::results::Storage;
use flowcore::store::{Store, memory::MemoryStore};
use flowcore::{Durability, Error, Limits, Result, execute_flow_run, flow, task};

use crate::gate::{Gate, count, counted, unique};
use crate::heard::heard;
use crate::world::{World, eventually, history, soon};

/// Counts its executions under its name and number.
#[task(task_run_name = "step {n}")]
async fn step(test: String, n: u32) -> u32 {
    count(format!("{test} step {n}"));
    n
}

/// Fails the first time.
#[task]
async fn second_time(test: String, name: String) -> Result<u32> {
    match count(format!("{test} {name}")) {
        1 => Err(Error::msg("the first time it fails")),
        times => Ok(times),
    }
}

fn ids(runs: &[TaskRun]) -> BTreeMap<String, String> {
    runs.iter().map(|run| (run.dynamic_key.clone(), run.id.to_string())).collect()
}

pub(crate) async fn finished_tasks_are_not_executed_again(store: Arc<dyn Store>) {
    #[flow]
    async fn resumed(test: String) -> Result<Vec<u32>> {
        let mut steps = step::map(flowcore::unmapped(test.clone()), [1, 2, 3]).await?;
        // Larger than what is kept inline.
        let long = long(test.clone()).await?;
        steps.push(u32::try_from(long.len())?);
        steps.push(second_time(test, "fails").await?);
        Ok(steps)
    }

    #[task]
    async fn long(test: String) -> String {
        count(format!("{test} long"));
        "y".repeat(100)
    }

    let world = World::with(store, Storage::memory(), Limits { inline_result: 50, ..Limits::default() });
    let test = unique();
    resumed(&*test).on(&world.engine).await.unwrap_err();
    let id = world.flow_run("resumed").await.id;
    let before = ids(&world.task_runs(id).await);
    execute_flow_run(&world.engine, id).await.unwrap();
    let state = world.flow_run("resumed").await.state;
    let data = serde_json::to_value(state.data).unwrap();
    assert_eq!(data["value"], serde_json::json!([1, 2, 3, 100, 2]));
    for what in ["step 1", "step 2", "step 3", "long"] {
        assert_eq!(counted(&format!("{test} {what}")), 1, "{what}");
    }
    assert_eq!(ids(&world.task_runs(id).await), before, "no run is added, and each keeps its id");
    assert_eq!(
        world.flow_history("resumed").await,
        "PENDING RUNNING FAILED SCHEDULED:AwaitingRetry PENDING RUNNING:Retrying COMPLETED"
    );
    assert_eq!(world.task_history("step 1").await, "PENDING RUNNING COMPLETED");
    let history = world.task_history("second_time-0").await;
    assert_eq!(history, "PENDING RUNNING FAILED PENDING RUNNING:Retrying COMPLETED");
    let run = world.task_run("second_time-0").await;
    assert_eq!((run.attempt, run.times.run_count), (2, 2));
    let refused = execute_flow_run(&world.engine, id).await.unwrap_err();
    assert!(format!("{refused:?}").contains("already completed"), "{refused:?}");
    assert_eq!(counted(&format!("{test} fails")), 2);
}

pub(crate) async fn equal_calls_are_told_apart_and_order_does_not_matter(store: Arc<dyn Store>) {
    #[flow]
    async fn reordered(test: String) -> Result<Vec<u32>> {
        let attempt = flowcore::current::attempt().unwrap_or_default();
        let mut order = vec![5, 7, 5, 9, 5];
        if attempt > 1 {
            order.reverse();
            order.push(5);
            order.push(11);
        }
        let mut done = Vec::new();
        for n in order {
            done.push(step(test.clone(), n).await?);
        }
        if attempt == 1 { Err(Error::msg("once more")) } else { Ok(done) }
    }

    let (world, test) = (World::on(store), unique());
    reordered(&*test).on(&world.engine).await.unwrap_err();
    let id = world.flow_run("reordered").await.id;
    assert_eq!([5, 7, 9].map(|n| counted(&format!("{test} step {n}"))), [3, 1, 1]);
    execute_flow_run(&world.engine, id).await.unwrap();
    // The fourth 5 and the 11 are new, and nothing else.
    assert_eq!([5, 7, 9, 11].map(|n| counted(&format!("{test} step {n}"))), [4, 1, 1, 1]);
    assert_eq!(world.task_runs(id).await.len(), 7);
}

pub(crate) async fn a_subflow_keeps_its_run(store: Arc<dyn Store>) {
    #[flow]
    async fn trunk(test: String) -> Result<u32> {
        let done = branch(test.clone(), "done".to_owned(), false).await?;
        Ok(done + branch(test, "fails".to_owned(), true).await?)
    }

    #[flow(flow_run_name = "branch {name}")]
    async fn branch(test: String, name: String, fails: bool) -> Result<u32> {
        count(format!("{test} {name}"));
        step(test.clone(), u32::from(fails)).await?;
        if fails { Ok(second_time(test, "inside").await?) } else { Ok(1) }
    }

    let (world, test) = (World::on(store), unique());
    trunk(&*test).on(&world.engine).await.unwrap_err();
    let runs = async || {
        let runs = world.client.flow_runs(&flowcore::model::FlowRunFilter::default()).await.unwrap();
        runs.into_iter().map(|run| (run.name, run.id)).collect::<BTreeMap<_, _>>()
    };
    let before = runs().await;
    assert_eq!(before.len(), 3);
    let id = world.flow_run("trunk").await.id;
    execute_flow_run(&world.engine, id).await.unwrap();
    assert_eq!(runs().await, before);
    let counts = ["done", "fails", "step 0", "step 1", "inside"].map(|what| counted(&format!("{test} {what}")));
    assert_eq!(counts, [1, 2, 1, 1, 2]);
    let states = world.client.flow_run_states(before["branch fails"]).await.unwrap();
    let resumed = "SCHEDULED:AwaitingRetry PENDING RUNNING:Retrying COMPLETED";
    assert_eq!(history(&states), format!("PENDING RUNNING FAILED {resumed}"));
    assert_eq!(world.task_history("branch-1").await, "PENDING RUNNING FAILED PENDING RUNNING COMPLETED");
}

/// What cannot be read back is made anew, a subflow's result like a task's.
#[tokio::test]
async fn what_was_not_kept_is_executed_again() {
    #[task(persist_result = false)]
    async fn forgotten(test: String) -> u32 {
        count(format!("{test} task"))
    }

    #[flow(persist_result = false)]
    async fn forgotten_below(test: String) -> u32 {
        count(format!("{test} flow"))
    }

    #[flow]
    async fn forgetful(test: String) -> Result<(u32, u32)> {
        let both = (forgotten(test.clone()).await?, forgotten_below(test.clone()).await?);
        second_time(test, "fails").await?;
        Ok(both)
    }

    let (world, test) = (World::memory(), unique());
    forgetful(&*test).on(&world.engine).await.unwrap_err();
    let id = world.flow_run("forgetful").await.id;
    execute_flow_run(&world.engine, id).await.unwrap();
    assert_eq!(["task", "flow"].map(|what| counted(&format!("{test} {what}"))), [2, 2]);
    assert!(world.all_task_runs().await.iter().all(|run| run.state.is_completed()));
}

#[tokio::test]
async fn unknown_runs_are_refused() {
    let world = World::memory();
    let id = FlowRunId(uuid::Uuid::from_u128(7));
    let refused = execute_flow_run(&world.engine, id).await.unwrap_err();
    assert!(format!("{refused:?}").contains("there is no such run"), "{refused:?}");
    #[flow]
    async fn with_another_name() -> Result<()> {
        Err(Error::msg("no"))
    }
    with_another_name().on(&world.engine).return_state().await;
    let mut run = world.flow_run("with-another-name").await;
    run.flow_name = "elsewhere".into();
    let expected = run.state.id;
    let store = MemoryStore::new();
    store.insert_flow_run(run.clone(), vec![run.state.clone()]).await.unwrap();
    let other = World::on(Arc::new(store));
    let refused = execute_flow_run(&other.engine, run.id).await.unwrap_err();
    assert!(format!("{refused:?}").contains("no flow named `elsewhere`"), "{refused:?}");
    assert_eq!(other.client.flow_run(run.id).await.unwrap().unwrap().state.id, expected);
}

/// Two stores on one SQLite file, as two processes have them.
async fn two_handles() -> (tempfile::TempDir, [Arc<dyn Store>; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("runs.db").display());
    let stores = [flowcore::store::connect(&url).await.unwrap(), flowcore::store::connect(&url).await.unwrap()];
    (folder, stores)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committed_completion_is_there_when_the_task_returns() {
    #[flow]
    async fn paying(#[resource] reader: Arc<dyn Store>) -> Result<()> {
        let seen = async |name: &str| {
            let filter = flowcore::model::TaskRunFilter {
                name_like: Some(name.to_owned()),
                ..flowcore::model::TaskRunFilter::default()
            };
            let runs = reader.task_runs(&filter).await.unwrap();
            runs.iter().any(|run| run.state.is_completed())
        };
        let test = unique();
        for n in 10..20 {
            step(test.clone(), n).durability(Durability::Committed).await?;
            assert!(seen(&format!("step {n}")).await, "step {n} is committed");
        }
        let submitted = step::map(flowcore::unmapped(test), [20, 21]).durability(Durability::Committed).submit();
        for (future, n) in submitted.iter().zip([20, 21]) {
            future.await?;
            assert!(seen(&format!("step {n}")).await, "step {n} is committed");
        }
        Ok(())
    }

    let (_folder, [writer, reader]) = two_handles().await;
    let world = World::on(writer);
    paying(reader).on(&world.engine).await.unwrap();
}

/// The run is taken over while its first attempt still goes on: that one is stopped, and nothing of it counts any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_attempt_is_stopped_and_its_records_are_refused() {
    #[flow]
    async fn contested(test: String) -> Result<u32> {
        step(test.clone(), 1).durability(Durability::Committed).await?;
        if count(format!("{test} attempts")) > 1 {
            return Ok(step(test, 2).await?);
        }
        // Tells the test that it is here, and goes on recording tasks until it is stopped.
        for n in 100.. {
            step(test.clone(), n).await?;
            count(format!("{test} still"));
            tokio::task::yield_now().await;
        }
        Ok(0)
    }

    let (_folder, [first, second]) = two_handles().await;
    let (first, second) = (World::on(first), World::on(second));
    let test = unique();
    let running = tokio::spawn(contested(&*test).on(&first.engine).into_future());
    crate::world::eventually("the first attempt goes on", || async { counted(&format!("{test} still")) > 0 }).await;
    let run = second.flow_run("contested").await;
    // As the command does with a run whose process seems dead.
    second.client.crash_abandoned_runs(&crate::world::AllDead).await.unwrap();
    soon("the second attempt", execute_flow_run(&second.engine, run.id)).await.unwrap();
    let before = ids(&second.task_runs(run.id).await);
    let error = soon("the first attempt", running).await.unwrap().unwrap_err();
    assert!(format!("{error:?}").contains("newer attempt"), "{error:?}");
    first.engine.flush().await.unwrap();
    let history = second.flow_history("contested").await;
    assert_eq!(history, "PENDING RUNNING CRASHED SCHEDULED:AwaitingRetry PENDING RUNNING:Retrying COMPLETED");
    assert_eq!(counted(&format!("{test} step 1")), 1);
    let runs = second.task_runs(run.id).await;
    assert!(runs.iter().all(|run| run.state.is_terminal()), "{runs:?}");
    assert_eq!(ids(&runs), before, "nothing of the first attempt was recorded behind the second");
    assert!(runs.iter().any(|run| run.name == "step 2" && run.attempt == 2));
}

/// What an earlier attempt has left running is not recorded any more, which is said; the present attempt is not stopped
/// by it.
#[tokio::test]
async fn a_detached_task_of_an_earlier_attempt_is_lost_aloud() {
    #[task]
    async fn left(#[resource] gate: Gate) {
        gate.pass().await;
    }

    #[flow(retries = 1)]
    async fn leaving_one(#[resource] gates: [Gate; 2]) -> Result<()> {
        if flowcore::current::attempt() == Some(1) {
            drop(left(gates[0].clone()).task_run_name("left behind").detached().submit());
            gates[0].somebody().await;
            return Err(Error::msg("once more"));
        }
        gates[1].pass().await;
        step(unique(), 1).durability(Durability::Committed).await?;
        Ok(())
    }

    let (world, gates) = (World::memory(), [Gate::new(), Gate::new()]);
    let running = tokio::spawn(leaving_one(gates.clone()).on(&world.engine).into_future());
    soon("the second attempt", gates[1].somebody()).await;
    gates[0].open();
    eventually("the loss is told", || async { !heard("'left behind' is not recorded as Completed").is_empty() }).await;
    gates[1].open();
    soon("the flow", running).await.unwrap().unwrap();
    assert_eq!(world.task_history("left behind").await, "PENDING RUNNING CRASHED");
}
