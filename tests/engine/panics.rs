//! Panics of user code, wherever it stands: a failure with its place, and never a hang.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use flowcore::model::{LogLevel, StateData};
use flowcore::{CachePolicy, HookEvent, Result, flow, task};
use serde::{Deserialize, Serialize};

use crate::world::{World, soon};

#[task]
async fn burst(n: u32) -> u32 {
    assert!(n == 0, "{n} is too much");
    n
}

#[task]
fn plainly() -> u32 {
    panic!("no luck")
}

#[task]
async fn nothing() {}

/// The line of a panic above, counted from this file's own lines.
fn place(text: &str) -> String {
    let line = include_str!("panics.rs").lines().position(|line| line.contains(text)).unwrap() + 1;
    let column = include_str!("panics.rs").lines().nth(line - 1).unwrap().find(|c: char| c != ' ').unwrap() + 1;
    format!("{}:{line}:{column}", file!())
}

#[tokio::test]
async fn panics_of_tasks_are_failures_with_their_place() {
    #[flow]
    async fn bursting() -> Vec<String> {
        let errors = [burst(1).await.unwrap_err(), plainly().submit().await.unwrap_err()];
        errors.iter().map(|error| format!("{error:?}")).collect()
    }

    let world = World::memory();
    let errors = soon("the flow", bursting().on(&world.engine)).await.unwrap();
    assert_eq!(errors[0], "task `burst-0` failed\n\nCaused by:\n    panicked: 1 is too much");
    assert_eq!(errors[1], "task `plainly-0` failed\n\nCaused by:\n    panicked: no luck");
    for (name, what, text) in [("burst-0", "1 is too much", "assert!(n == 0"), ("plainly-0", "no luck", "panic!(\"no")]
    {
        assert_eq!(world.task_history(name).await, "PENDING RUNNING FAILED");
        let state = world.task_run(name).await.state;
        let place = place(text);
        assert_eq!(state.message, Some(format!("The task panicked: {what} at {place}")));
        let failure = StateData::Failure { chain: vec![format!("panicked: {what}")], location: Some(place) };
        assert_eq!(state.data.as_deref(), Some(&failure));
    }
}

#[tokio::test]
async fn panics_of_flows_are_failures_with_their_place() {
    #[flow]
    async fn bad_luck() {
        nothing().await.unwrap();
        panic!("the flow itself");
    }

    #[flow(retries = 1)]
    fn bad_and_plain() {
        panic!("the plain flow");
    }

    let world = World::memory();
    let error = bad_luck().on(&world.engine).await.unwrap_err();
    assert!(format!("{error:?}").ends_with("panicked: the flow itself"), "{error:?}");
    assert_eq!(world.flow_history("bad-luck").await, "PENDING RUNNING FAILED");
    let message = world.flow_run("bad-luck").await.state.message;
    assert_eq!(message, Some(format!("The flow panicked: the flow itself at {}", place("panic!(\"the flow it"))));
    let error = bad_and_plain().on(&world.engine).await.unwrap_err();
    assert!(format!("{error:?}").ends_with("panicked: the plain flow"), "{error:?}");
    let history = world.flow_history("bad-and-plain").await;
    assert_eq!(history, "PENDING RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying FAILED");
}

#[tokio::test]
async fn a_panic_in_a_hook_is_logged_and_the_next_hook_is_called() {
    async fn explode(event: HookEvent) {
        panic!("hook of {}", event.run_name);
    }

    #[flow]
    async fn hooked(#[resource] called: Arc<AtomicU32>) -> Result<()> {
        let count = move |_: HookEvent| {
            called.fetch_add(1, Ordering::SeqCst);
            std::future::ready(())
        };
        Ok(nothing().on_completion(explode).on_completion(count.clone()).on_running(explode).on_running(count).await?)
    }

    let (world, called) = (World::memory(), Arc::new(AtomicU32::new(0)));
    hooked(called.clone()).on_completion(explode).on(&world.engine).await.unwrap();
    assert_eq!(called.load(Ordering::SeqCst), 2);
    assert_eq!(world.flow_history("hooked").await, "PENDING RUNNING COMPLETED");
    let mut lines: Vec<_> = world.logs().await.into_iter().filter(|line| line.level == LogLevel::Error).collect();
    let last = lines.pop().unwrap().message;
    let run = world.flow_run("hooked").await.name;
    assert!(last.starts_with(&format!("a hook of `{run}` panicked: hook of {run} at ")), "{last}");
    assert!(last.contains("panics.rs:"), "{last}");
    assert!(lines.len() == 2 && lines.iter().all(|line| line.message.contains("hook of nothing-0")), "{lines:?}");
}

/// A value whose serialization panics when it is told to.
#[derive(Clone, Deserialize)]
struct Trap(bool);

impl Serialize for Trap {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(!self.0, "sprung");
        serializer.serialize_bool(self.0)
    }
}

#[task]
async fn give_trap(sprung: bool) -> Trap {
    Trap(sprung)
}

#[task]
async fn take_trap(_trap: Trap) {}

/// Whatever panics in a run's surroundings, what waits for the run is told.
#[tokio::test]
async fn panics_around_the_body_hang_nobody() {
    #[flow]
    async fn surrounded() -> Vec<String> {
        let ends = [
            give_trap(true).submit().outcome().await.state,
            nothing().cache(CachePolicy::key(|_| panic!("no key"))).submit().outcome().await.state,
            burst(1).retries(1).retry_if(|_| panic!("no verdict")).submit().outcome().await.state,
        ];
        ends.into_iter().map(|state| state.map_or_else(String::new, |state| state.name.into_owned())).collect()
    }

    let world = World::memory();
    let ends = soon("the flow", surrounded().on(&world.engine)).await.unwrap();
    assert_eq!(ends, ["Failed", "Failed", "Failed"]);
    assert!(world.all_task_runs().await.iter().all(|run| run.state.name == "Failed"));

    #[flow]
    async fn given_a_trap() -> Result<()> {
        Ok(take_trap(Trap(true)).submit().await?)
    }

    #[flow]
    async fn gives_a_trap() -> Trap {
        Trap(true)
    }

    #[flow(retries = 1, retry_if = |_| panic!("no verdict"))]
    async fn unjudged() -> Result<()> {
        Err(flowcore::Error::msg("to be judged"))
    }

    soon("the flow", given_a_trap().on(&world.engine)).await.unwrap_err();
    assert_eq!(world.flow_history("given-a-trap").await, "PENDING RUNNING FAILED");
    let error = soon("the flow", gives_a_trap().on(&world.engine)).await.err().unwrap();
    assert!(format!("{error:?}").contains("sprung"), "{error:?}");
    assert_eq!(world.flow_history("gives-a-trap").await, "PENDING RUNNING FAILED");
    soon("the flow", unjudged().on(&world.engine)).await.unwrap_err();
    let history = world.flow_history("unjudged").await;
    assert!(history.ends_with("FAILED"), "{history}");
}
