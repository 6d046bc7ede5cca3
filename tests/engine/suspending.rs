//! Flows that leave their process until somebody resumes them.

use std::sync::Arc;
use std::time::Duration;

use flowcore::model::StateType;
use flowcore::store::Store;
use flowcore::{Result, cancel_flow_run, execute_flow_run, flow, pause, resume_flow_run, suspend, task};

use crate::gate::{Gate, count, counted, unique};
use crate::world::{World, soon};

#[task]
async fn counting(what: String) -> u32 {
    count(what)
}

/// Counts when it ends, some steps later.
#[task]
async fn late(what: String) -> u32 {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    count(what)
}

pub(crate) async fn a_suspended_flow_goes_on_behind_what_is_done(store: Arc<dyn Store>) {
    #[flow]
    async fn suspends(test: String) -> Result<u32> {
        counting(format!("{test} before")).await?;
        let beside = late(format!("{test} beside")).submit();
        suspend().await?;
        count(format!("{test} behind"));
        suspend().key("second").await?;
        Ok(beside.await? + counting(format!("{test} after")).await?)
    }

    let (world, test) = (World::on(store), unique());
    let error = suspends(&*test).on(&world.engine).await.unwrap_err();
    assert!(error.is_suspended() && error.to_string().ends_with("was suspended"), "{error}");
    let run = world.flow_run("suspends").await;
    assert_eq!((&*run.state.name, run.process_id), ("Suspended", None));
    // What was submitted has ended.
    assert_eq!(counted(&format!("{test} beside")), 1);

    let refused = execute_flow_run(&world.engine, run.id).await.unwrap_err();
    assert!(format!("{refused:?}").contains("the run is suspended: resume it first"), "{refused:?}");
    assert_eq!(&*resume_flow_run(&world.engine, run.id).await.unwrap().name, "Resuming");
    assert!(execute_flow_run(&world.engine, run.id).await.unwrap_err().is_suspended());
    assert_eq!(world.flow_run("suspends").await.state.details.unwrap().pause_key.as_deref(), Some("second"));
    resume_flow_run(&world.engine, run.id).await.unwrap();
    execute_flow_run(&world.engine, run.id).await.unwrap();
    let history = "PENDING RUNNING PAUSED:Suspended SCHEDULED:Resuming PENDING RUNNING:Resuming \
        PAUSED:Suspended SCHEDULED:Resuming PENDING RUNNING:Resuming COMPLETED";
    assert_eq!(world.flow_history("suspends").await, history);
    assert_eq!(world.flow_run("suspends").await.times.run_count, 3);
    let counts = ["before", "beside", "behind", "after"].map(|what| counted(&format!("{test} {what}")));
    assert_eq!(counts, [1, 1, 2, 1]);
}

pub(crate) async fn a_suspension_is_told_its_input(store: Arc<dyn Store>) {
    #[flow]
    async fn told() -> Result<Vec<u32>> {
        suspend().for_input::<Vec<u32>>().await.map_err(Into::into)
    }

    let world = World::on(store);
    assert!(told().on(&world.engine).await.unwrap_err().is_suspended());
    let id = world.flow_run("told").await.id;
    let error = resume_flow_run(&world.engine, id).input(["a"]).await.unwrap_err();
    assert!(error.to_string().ends_with("[0]: expected an integer of at least 0, found \"a\""), "{error}");
    resume_flow_run(&world.engine, id).input([1, 2]).await.unwrap();
    execute_flow_run(&world.engine, id).await.unwrap();
    let data = serde_json::to_value(world.flow_run("told").await.state.data).unwrap();
    assert_eq!(data["value"], serde_json::json!([1, 2]));
}

#[tokio::test]
async fn a_suspension_ends_at_its_time_limit() {
    #[flow]
    async fn limited_in_time() -> Result<()> {
        Ok(suspend().timeout(60).await?)
    }

    let world = World::memory();
    limited_in_time().on(&world.engine).await.unwrap_err();
    let id = world.flow_run("limited-in-time").await.id;
    world.clock.advance(Duration::from_secs(61));
    let error = resume_flow_run(&world.engine, id).await.unwrap_err();
    assert!(error.to_string().contains("the time limit of its suspension has passed"), "{error}");
    assert_eq!(world.flow_history("limited-in-time").await, "PENDING RUNNING PAUSED:Suspended FAILED");
    let message = world.flow_run("limited-in-time").await.state.message;
    assert_eq!(message.as_deref(), Some("The flow was suspended and not resumed before its time limit."));
}

/// What was submitted is waited for, but not when the run is cancelled meanwhile.
#[tokio::test]
async fn a_flow_is_cancelled_on_its_way_to_a_suspension() {
    #[task]
    async fn shut(#[resource] gate: Gate) {
        gate.pass().await;
    }

    #[flow]
    async fn on_its_way(#[resource] gate: Gate) -> Result<()> {
        drop(shut(gate).submit());
        Ok(suspend().await?)
    }

    let (world, gate) = (World::memory(), Gate::new());
    let running = tokio::spawn(on_its_way(gate.clone()).on(&world.engine).into_future());
    gate.somebody().await;
    let id = world.flow_run("on-its-way").await.id;
    assert_eq!(cancel_flow_run(&world.engine, id).await.unwrap().kind, StateType::Cancelling);
    let error = soon("the flow", running).await.unwrap().unwrap_err();
    assert!(!error.is_suspended(), "{error}");
    assert_eq!(world.flow_history("on-its-way").await, "PENDING RUNNING CANCELLING CANCELLED");
}

#[tokio::test]
async fn a_subflow_is_not_suspended_alone() {
    #[flow]
    async fn inner() -> Result<()> {
        Ok(suspend().await?)
    }

    #[flow]
    async fn outer() -> Result<()> {
        Ok(inner().await?)
    }

    let world = World::memory();
    let error = outer().on(&world.engine).await.unwrap_err();
    assert!(format!("{error:?}").contains("suspend the flow around it"), "{error:?}");
    assert_eq!(world.flow_history("inner").await, "PENDING RUNNING FAILED");
}

/// A retry in the same process does not pause again.
#[tokio::test]
async fn a_retry_does_not_wait_for_a_pause_that_was_resumed() {
    #[flow(retries = 1)]
    async fn pauses_and_fails(test: String) -> Result<u32> {
        let told = pause().for_input::<u32>().await?;
        match count(test) {
            1 => Err(flowcore::Error::msg("the first attempt fails")),
            _ => Ok(told),
        }
    }

    let (world, test) = (World::memory(), unique());
    let running = tokio::spawn(pauses_and_fails(&*test).on(&world.engine).into_future());
    let run = crate::pausing::paused(&world, "pauses-and-fails").await;
    resume_flow_run(&world.engine, run.id).input(9).await.unwrap();
    assert_eq!(soon("the flow", running).await.unwrap().unwrap(), 9);
    let history = "PENDING RUNNING PAUSED RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying COMPLETED";
    assert_eq!(world.flow_history("pauses-and-fails").await, history);
}
