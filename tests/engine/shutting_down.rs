//! Engines that are shut down while flows run on them.

use std::time::Duration;

use flowcore::model::StateType;
use flowcore::{Result, flow, task};

use crate::gate::Gate;
use crate::world::{World, soon};

#[task]
async fn wait_at(#[resource] gate: Gate) {
    gate.pass().await;
}

#[flow]
async fn kept_waiting(#[resource] gate: Gate) -> Result<u32> {
    wait_at(gate).await?;
    Ok(7)
}

#[tokio::test]
async fn a_shutdown_waits_for_what_was_submitted_before() {
    let (world, gate) = (World::memory(), Gate::new());
    let running = kept_waiting(gate.clone()).on(&world.engine).submit();
    let ending = tokio::spawn(world.engine.shutdown().into_future());
    gate.somebody().await;
    let run = world.flow_run("kept-waiting").await;
    assert_eq!((running.flow_run_id(), running.task_run_id()), (Some(run.id), None));
    assert!(!ending.is_finished());
    gate.open();
    soon("the shutdown", ending).await.unwrap().unwrap();
    assert!(running.is_finished());
    assert_eq!(running.outcome().await.state.unwrap().kind, StateType::Completed);
    assert_eq!(running.await.unwrap(), 7);
}

#[tokio::test]
async fn a_shutdown_cancels_what_takes_too_long() {
    let (world, gate) = (World::memory(), Gate::new());
    let running = kept_waiting(gate.clone()).on(&world.engine).submit();
    gate.somebody().await;
    soon("the shutdown", world.engine.shutdown().timeout(Duration::from_millis(1))).await.unwrap();
    assert!(running.is_finished());
    assert_eq!(running.outcome().await.state.unwrap().kind, StateType::Cancelled);
}
