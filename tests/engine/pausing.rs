//! Flows that wait in their process until somebody resumes them.

use std::sync::Arc;
use std::time::Duration;

use flowcore::client::RunControl;
use flowcore::model::{FlowRun, FlowRunFilter, StateType};
use flowcore::orchestration::{Decision, Orchestrator, Resumption};
use flowcore::store::Store;
use flowcore::{JsonSchema, Result, cancel_flow_run, execute_flow_run, flow, pause, resume_flow_run, task};
use serde::Deserialize;
use serde_json::json;

use crate::clock::GatedClock;
use crate::gate::{Gate, count, counted, unique};
use crate::world::{AllDead, World, eventually, soon};

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[schemars(crate = "flowcore::schemars")]
struct Approval {
    approved: bool,
    amount: u32,
    reason: Option<String>,
}

#[task]
async fn pass(#[resource] gate: Gate) {
    gate.pass().await;
}

/// Waits until a run of the flow is paused.
pub(crate) async fn paused(world: &World, flow: &str) -> FlowRun {
    let filter = || FlowRunFilter {
        flow_names: Some(vec![flow.to_owned()]),
        state_types: Some(vec![StateType::Paused]),
        ..FlowRunFilter::default()
    };
    eventually("it is paused", || async { !world.client.flow_runs(&filter()).await.unwrap().is_empty() }).await;
    world.flow_run(flow).await
}

pub(crate) async fn a_paused_flow_goes_on_when_it_is_resumed(store: Arc<dyn Store>) {
    #[flow]
    async fn pauses(#[resource] gate: Gate) -> Result<u32> {
        let beside = pass(gate).submit();
        pause().message("may it go on?").await?;
        beside.await?;
        pause().key("again").await?;
        // This one was resumed already.
        pause().key("again").await?;
        Ok(5)
    }

    let (world, gate) = (World::on(store), Gate::new());
    let running = tokio::spawn(pauses(gate.clone()).on(&world.engine).into_future());
    let run = paused(&world, "pauses").await;
    let details = run.state.details.unwrap();
    assert_eq!((details.pause_key.as_deref(), run.state.message.as_deref()), (Some("1"), Some("may it go on?")));
    // What runs beside goes on.
    gate.somebody().await;
    gate.open();
    let world = &world;
    eventually("the task ends", || async move { world.task_run("pass-0").await.state.is_completed() }).await;
    assert_eq!(resume_flow_run(&world.engine, run.id).await.unwrap().kind, StateType::Running);
    eventually("the second", || async move {
        let details = world.flow_run("pauses").await.state.details;
        details.is_some_and(|details| details.pause_key.as_deref() == Some("again") && details.input.is_none())
            && world.flow_run("pauses").await.state.kind == StateType::Paused
    })
    .await;
    resume_flow_run(&world.engine, run.id).await.unwrap();
    assert_eq!(soon("the flow", running).await.unwrap().unwrap(), 5);
    assert_eq!(world.flow_history("pauses").await, "PENDING RUNNING PAUSED RUNNING PAUSED RUNNING COMPLETED");
    assert_eq!(world.flow_run("pauses").await.times.run_count, 1);
    let refused = resume_flow_run(&world.engine, run.id).await.unwrap_err();
    assert!(refused.to_string().ends_with("cannot be resumed: it is Completed"), "{refused}");
}

pub(crate) async fn a_resume_from_elsewhere_is_noticed(store: Arc<dyn Store>) {
    #[flow]
    async fn pauses_here() -> Result<()> {
        Ok(pause().await?)
    }

    let world = World::on(store.clone());
    let elsewhere = Orchestrator::new(store, world.clock.clone());
    let running = tokio::spawn(pauses_here().on(&world.engine).into_future());
    let run = paused(&world, "pauses-here").await;
    let Resumption::Decided(decided) = RunControl::resume_flow_run(&elsewhere, &run, None).await.unwrap() else {
        panic!("it takes no input");
    };
    assert!(matches!(decided.decision, Decision::Accept(_)), "{decided:?}");
    soon("the flow", running).await.unwrap().unwrap();
    // Somebody else's second resume is too late.
    let Resumption::Decided(decided) = RunControl::resume_flow_run(&elsewhere, &run, None).await.unwrap() else {
        panic!("it takes no input");
    };
    assert!(!matches!(decided.decision, Decision::Accept(_)), "{decided:?}");
    assert_eq!(world.flow_history("pauses-here").await, "PENDING RUNNING PAUSED RUNNING COMPLETED");
}

pub(crate) async fn an_input_is_checked_and_told(store: Arc<dyn Store>) {
    #[flow]
    async fn asks_for_approval() -> Result<(bool, u32, Option<String>)> {
        let answer = pause().for_input::<Approval>().await?;
        let name = pause().for_input::<Option<String>>().await?;
        Ok((answer.approved, answer.amount, answer.reason.or(name)))
    }

    let world = World::on(store);
    let running = tokio::spawn(asks_for_approval().on(&world.engine).into_future());
    let run = paused(&world, "asks-for-approval").await;
    for (input, problems) in [
        (
            json!({"approved": "yes", "amount": -1}),
            vec![
                "amount: expected an integer of at least 0, found -1",
                "approved: expected true or false, found \"yes\"",
            ],
        ),
        (json!({"approved": true}), vec!["amount: missing, expected an integer of at least 0"]),
        (json!(3), vec!["the input: expected an object, found 3"]),
    ] {
        let error = resume_flow_run(&world.engine, run.id).input(input).await.unwrap_err();
        let expected = format!("flow run '{}' waits for another input: {}", run.name, problems.join("; "));
        assert_eq!(error.to_string(), expected);
    }
    assert!(resume_flow_run(&world.engine, run.id).await.is_err(), "an input is needed");
    assert_eq!(world.flow_run("asks-for-approval").await.state.id, run.state.id, "nothing has changed");
    resume_flow_run(&world.engine, run.id).input(json!({"approved": true, "amount": 3})).await.unwrap();
    let world = &world;
    eventually("the second", || async move {
        let state = world.flow_run("asks-for-approval").await.state;
        state.kind == StateType::Paused
            && state.details.is_some_and(|details| details.pause_key.as_deref() == Some("2"))
    })
    .await;
    resume_flow_run(&world.engine, run.id).input("Ada").await.unwrap();
    assert_eq!(soon("the flow", running).await.unwrap().unwrap(), (true, 3, Some("Ada".to_owned())));
}

#[tokio::test]
async fn an_input_that_nobody_wants_is_refused() {
    #[flow]
    async fn wants_nothing() -> Result<()> {
        Ok(pause().await?)
    }

    let world = World::memory();
    let running = tokio::spawn(wants_nothing().on(&world.engine).into_future());
    let run = paused(&world, "wants-nothing").await;
    let error = resume_flow_run(&world.engine, run.id).input(1).await.unwrap_err();
    assert!(error.to_string().ends_with("the input: expected no input, found one"), "{error}");
    resume_flow_run(&world.engine, run.id).await.unwrap();
    soon("the flow", running).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_pause_ends_at_its_time_limit() {
    #[flow]
    async fn too_long(careful: bool) -> Result<u32> {
        match pause().timeout(5).await {
            Err(_) if careful => Ok(1),
            other => Ok(other.map(|()| 2)?),
        }
    }

    let world = World::memory();
    let error = soon("the flow", too_long(false).on(&world.engine)).await.unwrap_err();
    assert_eq!(world.flow_history("too-long").await, "PENDING RUNNING PAUSED RUNNING FAILED");
    assert!(format!("{error:?}").contains("the flow was paused and not resumed within 5s"), "{error:?}");
    assert_eq!(world.clock.slept(), [Duration::from_secs(5)]);
    let world = World::memory();
    assert_eq!(soon("the flow", too_long(true).on(&world.engine)).await.unwrap(), 1);
    assert_eq!(world.flow_history("too-long").await, "PENDING RUNNING PAUSED RUNNING COMPLETED");
}

#[tokio::test]
async fn a_pause_that_is_given_up_is_none() {
    #[flow]
    async fn gives_up(#[resource] gate: Gate) -> Result<()> {
        tokio::select! {
            paused = pause().into_future() => paused?,
            () = gate.somebody() => {}
        }
        gate.pass().await;
        Ok(())
    }

    let (world, gate) = (World::memory(), Gate::new());
    let running = tokio::spawn(gives_up(gate.clone()).on(&world.engine).into_future());
    paused(&world, "gives-up").await;
    gate.come();
    gate.somebody().await;
    let waiting = &world;
    eventually("it runs", || async move { waiting.flow_run("gives-up").await.state.kind == StateType::Running }).await;
    gate.open();
    soon("the flow", running).await.unwrap().unwrap();
    assert_eq!(world.flow_history("gives-up").await, "PENDING RUNNING PAUSED RUNNING COMPLETED");
}

#[tokio::test]
async fn a_paused_flow_is_cancelled() {
    #[flow]
    async fn pauses_for_ever() -> Result<()> {
        Ok(pause().await?)
    }

    let world = World::with_clock(Arc::new(GatedClock::new(Gate::new())));
    let running = tokio::spawn(pauses_for_ever().on(&world.engine).into_future());
    let run = paused(&world, "pauses-for-ever").await;
    assert_eq!(cancel_flow_run(&world.engine, run.id).await.unwrap().kind, StateType::Cancelling);
    soon("the flow", running).await.unwrap().unwrap_err();
    assert_eq!(world.flow_history("pauses-for-ever").await, "PENDING RUNNING PAUSED CANCELLING CANCELLED");
}

#[tokio::test]
async fn only_flows_are_paused() {
    #[task]
    async fn pauses_inside() -> Result<()> {
        Ok(pause().await?)
    }

    #[flow]
    async fn calls_it() -> Result<()> {
        Ok(pauses_inside().await?)
    }

    let world = World::memory();
    let error = calls_it().on(&world.engine).await.unwrap_err();
    assert!(format!("{error:?}").contains("pause in the flow that calls it"), "{error:?}");
    let error = pause().await.unwrap_err();
    assert!(error.to_string().contains("there is no flow to pause"), "{error}");
    assert_eq!(world.flow_history("calls-it").await, "PENDING RUNNING FAILED");
}

/// Its process died while it waited: it can still be resumed, and what it is told arrives.
#[tokio::test]
async fn a_paused_run_of_a_dead_process_is_suspended() {
    #[flow]
    async fn outlived(test: String) -> Result<u32> {
        let before = once(test).await?;
        let answer = pause().for_input::<u32>().await?;
        Ok(before + answer)
    }

    #[task]
    async fn once(test: String) -> u32 {
        count(test)
    }

    let (world, test) = (World::memory(), unique());
    let running = tokio::spawn(outlived(&*test).on(&world.engine).into_future());
    let run = paused(&world, "outlived").await;
    let found = world.client.crash_abandoned_runs(&AllDead).await.unwrap();
    assert_eq!(found.iter().map(|run| &*run.state.name).collect::<Vec<_>>(), ["Suspended"]);
    let state = resume_flow_run(&world.engine, run.id).input(40).await.unwrap();
    assert_eq!((state.kind, &*state.name), (StateType::Scheduled, "Resuming"));
    // The process was not dead after all: it has lost the run, and writes nothing any more.
    soon("the former attempt", running).await.unwrap().unwrap_err();
    let history = "PENDING RUNNING PAUSED PAUSED:Suspended SCHEDULED:Resuming";
    assert_eq!(world.flow_history("outlived").await, history);
    execute_flow_run(&world.engine, run.id).await.unwrap();
    let data = serde_json::to_value(world.flow_run("outlived").await.state.data).unwrap();
    assert_eq!((data["value"].as_u64(), counted(&test)), (Some(41), 1));
}

/// The flow's own timeout ends a pause, and its retries are used.
#[tokio::test]
async fn a_flow_that_times_out_while_it_is_paused_is_tried_again() {
    #[flow(timeout = 60, retries = 1)]
    async fn hurries() -> Result<u32> {
        if flowcore::current::attempt() == Some(1) {
            pause().await?;
        }
        Ok(3)
    }

    let world = World::memory();
    assert_eq!(soon("the flow", hurries().on(&world.engine)).await.unwrap(), 3);
    let history = world.flow_history("hurries").await;
    assert_eq!(history, "PENDING RUNNING PAUSED RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying COMPLETED");
}

#[tokio::test]
async fn a_paused_run_that_is_deleted_ends() {
    #[flow]
    async fn deleted() -> Result<()> {
        Ok(pause().await?)
    }

    let world = World::with_clock(Arc::new(GatedClock::new(Gate::new())));
    let running = tokio::spawn(deleted().on(&world.engine).into_future());
    let run = paused(&world, "deleted").await;
    assert!(world.client.delete_flow_run(run.id).await.unwrap());
    let error = soon("the flow", running).await.unwrap().unwrap_err();
    assert!(format!("{error:?}").contains("the run has been deleted"), "{error:?}");
}
