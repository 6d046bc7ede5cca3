//! `flowcore::testing`: virtual time, injected failures, and what a test sees of its runs.

use std::sync::Arc;
use std::time::Duration;

use flowcore::model::{FlowRunFilter, StateType};
use flowcore::orchestration::NewLimit;
use flowcore::store::memory::MemoryStore;
use flowcore::testing::{StoreFault, TestEngine, delay, fail, fail_with, hang, panic};
use flowcore::{
    Durability, Error, PauseError, Result, cancel_flow_run, execute_flow_run, flow, pause, rate_limit, receive_input,
    resume_flow_run, sleep_for, task,
};

const HOUR: Duration = Duration::from_secs(3600);

#[task(retries = 2, retry_delay = 3600, timeout = 60)]
async fn ask(question: u32) -> Result<u32> {
    tracing::info!("asked {question}");
    Ok(question + 1)
}

#[flow(retries = 1, retry_delay = 1800)]
async fn asking(question: u32) -> Result<u32> {
    Ok(ask(question).await?)
}

/// To be measured: `cargo test .. an_hours_retry -- --nocapture`.
#[tokio::test]
async fn an_hours_retry_takes_no_time() {
    let real = std::time::Instant::now();
    let engine = TestEngine::new();
    engine.inject(fail("ask", "not now").first(2));
    assert_eq!(asking(1).on(&engine).await.unwrap(), 2);
    let states = engine.task_states("ask-0").await;
    assert_eq!(states, ["Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed"]);
    println!("two retries of an hour: {:?}", real.elapsed());
    assert!(engine.elapsed() >= 2 * HOUR && engine.elapsed() < 2 * HOUR + Duration::from_secs(60));
    assert_eq!(engine.executions("ask"), 3);
    assert_eq!(engine.flow_states("asking").await, ["Pending", "Running", "Completed"]);
}

#[tokio::test]
async fn what_is_injected_happens_to_the_executions_that_are_meant() {
    #[task(retries = 4, timeout = 60)]
    async fn troubled(n: u32) -> u32 {
        n
    }

    #[flow]
    async fn trouble() -> Result<Vec<u32>> {
        Ok(troubled::map([1, 2]).await?)
    }

    let engine = TestEngine::new();
    engine.inject(hang("troubled").of_run("troubled-0").nth(1));
    engine.inject(panic("troubled", "out of ink").of_run("troubled-0").nth(2));
    engine.inject(fail_with("troubled", || std::io::Error::other("busy")).of_run("troubled-0").nth(3));
    engine.inject(delay("troubled", 59).of_run("troubled-0").nth(4));
    engine.inject(fail("another", "nobody asks it"));
    assert_eq!(trouble().on(&engine).await.unwrap(), [1, 2]);
    let run = engine.task_run("troubled-0").await;
    let states = engine.client().task_run_states(run.id).await.unwrap();
    let told: Vec<_> = states.iter().filter_map(|state| state.message.as_deref()).collect();
    for (told, expected) in told.iter().zip(["took longer than 60s", "panicked: out of ink", "busy"]) {
        assert!(told.contains(expected), "{told}");
    }
    assert_eq!((run.times.run_count, engine.task_run("troubled-1").await.times.run_count), (4, 1));
    assert_eq!(engine.elapsed().as_secs(), 60 + 59);
}

#[tokio::test]
async fn a_hang_that_nothing_ends_is_an_error() {
    #[task]
    async fn endless() {}

    #[flow]
    async fn stuck() -> Result<()> {
        Ok(endless().await?)
    }

    let engine = TestEngine::new();
    engine.inject(hang("endless"));
    let error = stuck().on(&engine).await.unwrap_err();
    assert!(format!("{error:?}").contains("has no timeout"), "{error:?}");
}

#[tokio::test]
async fn sleeps_pauses_timeouts_and_rates_are_in_virtual_time() {
    #[flow(timeout = 36000)]
    async fn patience() -> Result<()> {
        sleep_for(3600).await?;
        assert!(matches!(pause().timeout(3600).await, Err(PauseError::TimedOut(_))));
        assert!(receive_input::<u32>().timeout(3600).next().await.unwrap_err().is_timeout());
        for _ in 0..3 {
            rate_limit("hourly", 1).await?;
        }
        std::future::pending::<()>().await;
        Ok(())
    }

    let real = std::time::Instant::now();
    let engine = TestEngine::new();
    let hourly = NewLimit { slot_decay_per_second: 1.0 / 3600.0, ..NewLimit::new("hourly", 1) };
    engine.client().create_limit(hourly).await.unwrap();
    let outcome = patience().on(&engine).return_state().await;
    assert_eq!(outcome.state.unwrap().name, "TimedOut");
    assert_eq!(engine.elapsed().as_secs(), 10 * 3600);
    println!("ten hours: {:?}", real.elapsed());
}

#[tokio::test]
async fn a_plain_function_is_waited_for_while_time_stands_still() {
    #[task(timeout = 0.001)]
    fn plain() -> u32 {
        tracing::info!("on a thread");
        std::thread::sleep(Duration::from_millis(20));
        7
    }

    #[flow]
    async fn plainly() -> Result<u32> {
        Ok(plain().await?)
    }

    let engine = TestEngine::new();
    assert_eq!(plainly().on(&engine).await.unwrap(), 7);
    assert!(engine.elapsed() < Duration::from_millis(20));
    assert!(engine.log_messages().await.contains(&"on a thread".to_owned()));
}

#[tokio::test]
async fn a_task_runner_does_not_let_time_go_on_while_it_works() {
    #[task(task_runner = thread_pool("own", 1), timeout = 1)]
    fn on_a_pool() -> u32 {
        std::thread::sleep(Duration::from_millis(20));
        8
    }

    #[flow]
    async fn pooled_in_time() -> Result<u32> {
        Ok(on_a_pool().await?)
    }

    let engine = TestEngine::new();
    assert_eq!(pooled_in_time().on(&engine).await.unwrap(), 8);
}

#[tokio::test]
async fn a_paused_flow_is_resumed_and_cancelled_through_the_engine() {
    #[flow]
    async fn paused_in_time() -> Result<()> {
        pause().await?;
        pause().await?;
        Ok(())
    }

    let engine = TestEngine::new();
    let flow = tokio::spawn(paused_in_time().on(&engine).into_future());
    tokio::time::sleep(HOUR).await;
    let id = engine.flow_run("paused-in-time").await.id;
    resume_flow_run(&engine, id).await.unwrap();
    tokio::time::sleep(HOUR).await;
    assert_eq!(engine.flow_run("paused-in-time").await.state.kind, StateType::Paused);
    cancel_flow_run(&engine, id).await.unwrap();
    assert!(flow.await.unwrap().is_err());
    let states = engine.flow_states("paused-in-time").await;
    assert_eq!(states.last().map(String::as_str), Some("Cancelled"));
}

#[tokio::test]
async fn engines_on_one_store_see_what_the_others_ask() {
    #[flow]
    async fn asked_from_beside() {
        std::future::pending::<()>().await;
    }

    let store = Arc::new(MemoryStore::new());
    let (one, other) = (TestEngine::on(store.clone()), TestEngine::on(store));
    let flow = tokio::spawn(asked_from_beside().on(&one).into_future());
    tokio::time::sleep(HOUR / 60).await;
    cancel_flow_run(&other, other.flow_run("asked-from-beside").await.id).await.unwrap();
    assert!(flow.await.unwrap().is_err());
    assert!(one.elapsed() < HOUR / 30);
}

#[tokio::test]
async fn a_store_that_is_away_is_waited_for_and_an_answer_that_is_lost_does_no_harm() {
    #[task(durability = Committed)]
    async fn pay(amount: u32) -> u32 {
        amount
    }

    #[flow]
    async fn paying_in_time() -> Result<u32> {
        Ok(pay(3u32).await?)
    }

    let engine = TestEngine::new();
    engine.store().inject(StoreFault::of(["record_task_runs"]).nth(1).answer_lost());
    engine.store().inject(StoreFault::of(["swap_flow_run"]).lasting(40));
    let failed = paying_in_time().on(&engine).await;
    assert!(failed.is_err(), "whoever wants a commit is told that it failed");
    assert!(engine.elapsed().as_secs() >= 40 && engine.store().failed() > 2);
    let run = engine.flow_run("paying-in-time").await;
    assert!(run.state.kind == StateType::Failed, "{:?}", run.state);
    execute_flow_run(&engine, run.id).await.unwrap();
    assert_eq!(engine.executions("pay"), 1, "what was written although the answer was lost is not executed again");
}

#[tokio::test]
async fn tasks_without_room_in_the_journal_fail_in_virtual_time() {
    #[task]
    async fn one_of_many(n: u32) -> u32 {
        n
    }

    #[flow]
    async fn too_many() -> Result<usize> {
        let outcomes = one_of_many::map(flowcore::each(0..20_000)).outcomes().await;
        Ok(outcomes.iter().filter(|outcome| outcome.result.is_err()).count())
    }

    let engine = TestEngine::new();
    engine.store().inject(StoreFault::of(["record_task_runs"]).lasting(30));
    assert!(too_many().on(&engine).await.unwrap() > 0);
    assert!(engine.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
#[should_panic(expected = "there is no task run of `ask-9`; there are: [\"ask-0\"]")]
async fn what_is_not_there_is_listed() {
    let engine = TestEngine::new();
    asking(1).name("asked-once").on(&engine).await.unwrap();
    engine.task_run("ask-9").await;
}

#[tokio::test]
async fn log_lines_and_times_are_those_of_the_engine() {
    #[flow]
    async fn logging_in_time() -> Result<()> {
        sleep_for(3600).await?;
        ask(3u32).durability(Durability::Committed).await?;
        Err(Error::msg("done"))
    }

    let engine = TestEngine::new();
    let begun = engine.now();
    assert!(logging_in_time().on(&engine).await.is_err());
    let runs = engine.client().flow_runs(&FlowRunFilter::default()).await.unwrap();
    assert_eq!((runs[0].created, runs[0].state.timestamp), (begun, engine.now()));
    let run = engine.task_run("ask-0").await;
    assert!(run.state.timestamp - begun >= chrono::TimeDelta::hours(1));
}
