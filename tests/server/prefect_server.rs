//! Programs in Rust that report to Prefect's own server, as its own client sees it. One server serves all cases here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use flowcore::model::StateType;
use flowcore::orchestration::{LimitUpdate, NewLimit};
use flowcore::{
    Error, Result, TaskWorker, artifact, concurrency, each, execute_flow_run, flow, receive_input, resume_flow_run,
    send_input, suspend, task, variable,
};
use flowcore_tests::prefect::{Prefect, START};

use crate::rust_client::Program;
use crate::world::given;

#[task(retries = 1, tags = ["careful"])]
async fn once_more(#[resource] calls: Arc<AtomicU32>) -> Result<u32> {
    match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Err(Error::msg("the first time")),
        call => Ok(call),
    }
}

#[task]
async fn square(number: u32) -> u32 {
    tracing::info!("squaring {number}");
    number * number
}

#[task]
async fn hold_a_slot() -> Result<()> {
    let _slot = concurrency("rust-slots", 1).await?;
    Ok(())
}

#[flow]
async fn rust_child(number: u32) -> Result<u32> {
    Ok(square(number).await?)
}

#[flow(retries = 1, tags = ["rust"])]
async fn rust_parent(#[resource] calls: Arc<AtomicU32>, #[resource] attempts: Arc<AtomicU32>) -> Result<u32> {
    let retried = once_more(calls).await?;
    let squares: Vec<u32> = square::map(each([1, 2, 3])).await?;
    let below = rust_child(5).await?;
    artifact::markdown("# From Rust").key("rust-report").save().await?;
    variable::set("rust-count", squares.len()).overwrite().await?;
    hold_a_slot().await?;
    if attempts.fetch_add(1, Ordering::SeqCst) == 0 {
        return Err(Error::msg("the first attempt"));
    }
    Ok(retried + below + squares.iter().sum::<u32>())
}

#[flow]
async fn rust_broken() -> Result<()> {
    Err(Error::msg("it is broken"))
}

/// Goes on in another process when it is resumed, and is told a value there.
#[flow]
async fn rust_suspended() -> Result<u32> {
    suspend().await?;
    Ok(receive_input::<u32>().next().await?.value)
}

#[task]
async fn cubed(number: u32) -> u32 {
    number.pow(3)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_in_rust_are_on_prefects_own_server() {
    let name = "runs_in_rust_are_on_prefects_own_server";
    let Some(python) = given("FLOWCORE_TEST_PREFECT_PYTHON", name) else { return };
    drop(rustls::crypto::ring::default_provider().install_default());
    let prefect = Prefect::start(python).await;
    let program = Program::start(&prefect.api).await;
    program.engine.client().create_limit(NewLimit::new("rust-slots", 1)).await.unwrap();
    program.engine.client().create_limit(NewLimit::new("tag:careful", 1)).await.unwrap();
    let counts = || Arc::new(AtomicU32::new(0));
    assert_eq!(rust_parent(counts(), counts()).on(&program.engine).await.unwrap(), 1 + 25 + 14);
    rust_broken().on(&program.engine).await.unwrap_err();
    assert_eq!(
        program.flow_history("rust-parent").await,
        "PENDING RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying COMPLETED"
    );
    assert_eq!(program.flow_history("rust-child").await, "PENDING RUNNING COMPLETED", "a retry takes its result");
    assert_eq!(program.flow_run("rust-broken").await.state.kind, StateType::Failed);
    let rename = LimitUpdate { name: Some("rust-places".to_owned()), limit: Some(3), ..LimitUpdate::default() };
    program.engine.client().update_limit("rust-slots", rename).await.unwrap();

    assert!(rust_suspended().on(&program.engine).await.unwrap_err().is_suspended());
    let suspended = program.flow_run("rust-suspended").await.id;
    resume_flow_run(&program.engine, suspended).await.unwrap();
    send_input(suspended, 7_u32).on(&program.engine).await.unwrap();
    execute_flow_run(&program.engine, suspended).await.unwrap();
    assert_eq!(
        program.flow_history("rust-suspended").await,
        "PENDING RUNNING PAUSED:Suspended SCHEDULED:Resuming PENDING RUNNING:Resuming COMPLETED"
    );

    let delayed = cubed(3).delay().on(&program.engine).await.unwrap();
    let worker = TaskWorker::new().serve(cubed::definition(), |number: u32| cubed(number).retries(1));
    let done = async {
        delayed.outcome().await;
    };
    tokio::time::timeout(START, worker.run_until(&program.engine, done)).await.expect("it is executed").unwrap();
    assert_eq!(delayed.await.unwrap(), 27);
    program.engine.close().await.unwrap();
    prefect.look("rust_runs.py", &[]).await;
}
