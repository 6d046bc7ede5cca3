//! The histories that tasks and flows leave, state by state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowcore::model::StateData;
use flowcore::store::Store;
use flowcore::{Error, Result, RetryDelay, RunError, State, current, flow, task};

use crate::clock::VirtualClock;
use crate::world::{World, history, soon};

/// Fails as often as `failures` says.
#[task]
async fn unsteady(failures: i32) -> Result<i32> {
    match current::attempt().unwrap_or_default() {
        attempt if attempt <= failures => Err(Error::msg(format!("attempt {attempt}"))),
        attempt => Ok(attempt),
    }
}

pub(crate) async fn retries_are_states_of_one_run(store: Arc<dyn Store>) {
    #[flow]
    async fn retrying() -> Result<i32> {
        let once = unsteady(0).task_run_name("once").await?;
        let third = unsteady(2).task_run_name("third").retries(5).retry_delay([1.0, 2.5]).await?;
        let never = unsteady(9).task_run_name("never").retries(2).return_state().await;
        assert!(never.result.is_err());
        Ok(once + third)
    }

    let world = World::on(store);
    assert_eq!(retrying().on(&world.engine).await.unwrap(), 4);
    assert_eq!(world.flow_history("retrying").await, "PENDING RUNNING COMPLETED");
    assert_eq!(world.task_history("once").await, "PENDING RUNNING COMPLETED");
    let third = "PENDING RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying SCHEDULED:AwaitingRetry RUNNING:Retrying";
    assert_eq!(world.task_history("third").await, format!("{third} COMPLETED"));
    assert_eq!(world.task_history("never").await, format!("{third} FAILED"));
    let runs = [world.task_run("once").await, world.task_run("third").await, world.task_run("never").await];
    assert_eq!(runs.map(|run| run.times.run_count), [1, 3, 3]);
    let states = world.task_states("third").await;
    let waits = states.iter().filter_map(|state| Some(state.scheduled_time()? - state.timestamp));
    assert_eq!(waits.map(|wait| wait.num_milliseconds()).collect::<Vec<_>>(), [1000, 2500]);
    // The last was tried again at once.
    let slept: Vec<_> = world.clock.slept().into_iter().filter(|slept| !slept.is_zero()).collect();
    assert_eq!(slept, [1.0, 2.5].map(Duration::from_secs_f64));
}

#[tokio::test]
async fn exponential_delays_grow_up_to_their_cap() {
    #[flow]
    async fn patient() -> Result<i32> {
        Ok(unsteady(4).retries(4).retry_delay(RetryDelay::exponential(1, 3)).retry_jitter(0.5).await?)
    }

    let world = World::memory();
    assert_eq!(patient().on(&world.engine).await.unwrap(), 5);
    // The clock's random numbers are 1, so that each wait is longer by half.
    assert_eq!(world.clock.slept(), [1.5, 3.0, 4.5, 4.5].map(Duration::from_secs_f64));
}

#[tokio::test]
async fn retries_are_only_for_errors_that_allow_them() {
    #[task(retries = 3)]
    async fn hopeless() -> Result<()> {
        Err(Error::msg("never").retriable(false))
    }

    #[flow]
    async fn choosy() -> Result<()> {
        let _ = hopeless().await;
        let only_second = |error: &Error| error.to_string() != "attempt 2";
        let _ = unsteady(5).retries(3).retry_if(only_second).await;
        Ok(())
    }

    #[flow(retries = 3, retry_if = |error| error.to_string() == "again")]
    async fn choosy_too(#[resource] count: Arc<AtomicU32>) -> Result<()> {
        Err(Error::msg(if count.fetch_add(1, Ordering::SeqCst) == 0 { "again" } else { "enough" }))
    }

    let world = World::memory();
    choosy().on(&world.engine).await.unwrap();
    assert_eq!(world.task_history("hopeless-0").await, "PENDING RUNNING FAILED");
    let unsteady = world.task_history("unsteady-0").await;
    assert_eq!(unsteady, "PENDING RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying FAILED");
    choosy_too(Arc::default()).on(&world.engine).await.unwrap_err();
    let flow = world.flow_history("choosy-too").await;
    assert_eq!(flow, "PENDING RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying FAILED");
}

pub(crate) async fn a_failed_flow_is_tried_again_and_its_finished_tasks_are_not(store: Arc<dyn Store>) {
    #[task]
    async fn tally(#[resource] count: Arc<AtomicU32>) -> u32 {
        count.fetch_add(1, Ordering::SeqCst)
    }

    #[flow(retries = 2, retry_delay = 10)]
    async fn stubborn(#[resource] count: Arc<AtomicU32>) -> Result<i32> {
        tally(count).await?;
        match current::attempt() {
            Some(attempt @ 3..) => Ok(attempt),
            attempt => Err(Error::msg(format!("{attempt:?}"))),
        }
    }

    let (world, count) = (World::on(store), Arc::new(AtomicU32::new(0)));
    assert_eq!(stubborn(count.clone()).on(&world.engine).await.unwrap(), 3);
    assert_eq!(
        world.flow_history("stubborn").await,
        "PENDING RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying SCHEDULED:AwaitingRetry RUNNING:Retrying COMPLETED"
    );
    assert_eq!(world.flow_run("stubborn").await.times.run_count, 3);
    assert_eq!(world.clock.slept(), [Duration::from_secs(10); 2]);
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert_eq!(world.task_history("tally-0").await, "PENDING RUNNING COMPLETED");
}

#[tokio::test]
async fn what_takes_too_long_times_out() {
    #[task(timeout = 2)]
    async fn slow() {
        std::future::pending::<()>().await;
    }

    /// Blocks until the engine has given it up: the retry waits for its thread.
    #[task(timeout = 3, retries = 1)]
    fn slow_and_plain() {
        while !flowcore::current::is_cancelled() {
            std::thread::yield_now();
        }
    }

    #[flow]
    async fn hurried() -> Vec<String> {
        let errors = [slow().await.unwrap_err(), slow_and_plain().await.unwrap_err()];
        errors.iter().map(|error| format!("{error:?}")).collect()
    }

    #[flow(timeout = 4)]
    async fn late() -> Result<()> {
        drop(endless().submit());
        Ok(endless().await?)
    }

    #[task]
    async fn endless() {
        std::future::pending::<()>().await;
    }

    let world = World::memory();
    let errors = soon("the flow", hurried().on(&world.engine)).await.unwrap();
    assert_eq!(errors[0], "task `slow-0` timed out\n\nCaused by:\n    The task took longer than 2s.");
    assert_eq!(errors[1], "task `slow_and_plain-0` timed out\n\nCaused by:\n    The task took longer than 3s.");
    assert_eq!(world.task_history("slow-0").await, "PENDING RUNNING FAILED:TimedOut");
    let plain = world.task_history("slow_and_plain-0").await;
    assert_eq!(plain, "PENDING RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying FAILED:TimedOut");
    let states = world.task_states("slow-0").await;
    assert_eq!(states[2].timestamp - states[1].timestamp, chrono::TimeDelta::seconds(2));

    let world = World::memory();
    let error = soon("the flow", late().on(&world.engine)).await.unwrap_err();
    assert!(format!("{error:?}").contains("The flow took longer than"), "{error:?}");
    assert_eq!(world.flow_history("late").await, "PENDING RUNNING FAILED:TimedOut");
    let runs = world.all_task_runs().await;
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run.state.is_terminal()), "{runs:?}");
}

#[tokio::test]
async fn what_depends_on_a_failure_is_not_ready() {
    #[task]
    async fn after(_n: i32) {}

    #[flow]
    async fn chained() -> Result<()> {
        let failed = unsteady(9).submit();
        let first = after(&failed).task_run_name("argument").submit();
        let _ = after(1).wait_for(&failed).task_run_name("waited").await;
        let second = after(2).wait_for(&first).task_run_name("second").await.unwrap_err();
        Err(second.into())
    }

    let world = World::memory();
    let error = chained().on(&world.engine).await.unwrap_err();
    let runs = world.all_task_runs().await;
    let ready: Vec<_> = runs.iter().filter(|run| run.state.name == "NotReady").collect();
    assert_eq!(ready.len(), 3);
    for run in ready {
        assert_eq!(history(&world.client.task_run_states(run.id).await.unwrap()), "PENDING PENDING:NotReady");
        assert_eq!((run.times.run_count, run.times.start_time), (0, None));
    }
    let chain = chain_of(&error);
    assert_eq!(chain.last().map(String::as_str), Some("attempt 1"), "{chain:?}");
}

fn chain_of(error: &RunError) -> Vec<String> {
    let mut chain = vec![error.to_string()];
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        chain.push(error.to_string());
        cause = error.source();
    }
    chain
}

#[tokio::test]
async fn chains_of_errors_are_kept() {
    #[derive(Debug)]
    struct Layer(&'static str, Option<std::io::Error>);

    impl std::fmt::Display for Layer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Layer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.1.as_ref().map(|error| error as _)
        }
    }

    #[task]
    async fn deep() -> std::result::Result<(), Layer> {
        Err(Layer("cannot load", Some(std::io::Error::other("the disk is gone"))))
    }

    #[flow]
    async fn deeper() -> Result<()> {
        Ok(deep().await?)
    }

    let world = World::memory();
    let error = deeper().on(&world.engine).await.unwrap_err();
    let run = world.flow_run("deeper").await;
    assert_eq!(
        chain_of(&error),
        [&*format!("flow run `{}` failed", run.name), "task `deep-0` failed", "cannot load", "the disk is gone"]
    );
    let user = error.user_error().unwrap().inner().downcast_ref::<RunError>().unwrap();
    assert!(user.user_error().unwrap().inner().is::<Layer>(), "the error's own type is at hand");
    let failure = |chain: &[&str]| {
        Some(StateData::Failure { chain: chain.iter().map(|text| (*text).to_owned()).collect(), location: None })
    };
    let task = world.task_run("deep-0").await;
    assert_eq!(task.state.data.as_deref().cloned(), failure(&["cannot load", "the disk is gone"]));
    assert_eq!(task.state.message.as_deref(), Some("The task failed: cannot load: the disk is gone"));
    let chain = ["task `deep-0` failed", "cannot load", "the disk is gone"];
    assert_eq!(run.state.data.as_deref().cloned(), failure(&chain));
}

#[tokio::test]
async fn flows_say_their_final_state_by_states_they_return() {
    #[flow]
    async fn one_state(fails: bool) -> Result<State> {
        let outcome = unsteady(if fails { 9 } else { 0 }).return_state().await;
        outcome.state.ok_or_else(|| Error::msg("no state"))
    }

    #[flow]
    async fn several_states(failures: Vec<i32>) -> Vec<State> {
        let outcomes = unsteady::map(failures).outcomes().await;
        outcomes.into_iter().filter_map(|outcome| outcome.state).collect()
    }

    let world = World::memory();
    let message = async |call: flowcore::FlowCall<Vec<State>>| {
        let outcome = call.on(&world.engine).return_state().await;
        let state = outcome.state.unwrap();
        (outcome.result.is_ok(), state.name.into_owned(), state.message.unwrap_or_default())
    };
    assert_eq!(message(several_states(vec![0, 0])).await, (true, "Completed".into(), "All states completed.".into()));
    assert_eq!(message(several_states(vec![0, 9, 9])).await, (false, "Failed".into(), "2/3 states failed.".into()));
    let good = one_state(false).on(&world.engine).await.unwrap();
    assert!(good.is_completed());
    let bad = one_state(true).on(&world.engine).await.unwrap_err();
    assert_eq!(bad.state().unwrap().message.as_deref(), Some("The task failed: attempt 1"));
}

#[tokio::test]
async fn times_are_kept() {
    #[task(retries = 1, retry_delay = 100)]
    async fn timed(#[resource] clock: Arc<VirtualClock>) -> Result<()> {
        clock.advance(Duration::from_secs(7));
        if current::attempt() == Some(1) { Err(Error::msg("once")) } else { Ok(()) }
    }

    #[flow]
    async fn hours(#[resource] clock: Arc<VirtualClock>) -> Result<()> {
        clock.advance(Duration::from_secs(1));
        Ok(timed(clock).await?)
    }

    let world = World::memory();
    let start = flowcore::clock::Clock::now(&*world.clock);
    let at = |seconds| Some(start + chrono::TimeDelta::seconds(seconds));
    hours(world.clock.clone()).on(&world.engine).await.unwrap();
    let (task, flow) = (world.task_run("timed-0").await.times, world.flow_run("hours").await.times);
    assert_eq!((task.start_time, task.end_time, task.total_run_time), (at(1), at(115), 14_000_000));
    assert_eq!((flow.start_time, flow.end_time, flow.total_run_time), (at(0), at(115), 115_000_000));
    assert_eq!((Some(flow.expected_start_time), Some(task.expected_start_time)), (at(0), at(1)));
}
