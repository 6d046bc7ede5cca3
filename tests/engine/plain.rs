//! Plain functions, whose threads cannot be stopped: the next attempt waits for them, and they can ask whether to end.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flowcore::clock::SystemClock;
use flowcore::{Result, current, flow, task};

use crate::clock::GatedClock;
use crate::gate::Gate;
use crate::world::{World, soon};

/// Which attempts came in and left, in order; the first lingers for the second.
#[derive(Clone)]
struct Visits(Arc<Inner>);

struct Inner {
    seen: Mutex<Vec<&'static str>>,
    second: (Mutex<Sender<()>>, Mutex<Receiver<()>>),
}

impl Visits {
    fn new() -> Self {
        let (sender, receiver) = channel();
        Visits(Arc::new(Inner { seen: Mutex::default(), second: (Mutex::new(sender), Mutex::new(receiver)) }))
    }

    /// The first visit lasts until the second begins, or until it is clear that it does not wait for the first one's end.
    fn visit(&self) {
        if self.0.seen.lock().unwrap().is_empty() {
            self.note("first in");
            let overlap = self.0.second.1.lock().unwrap().recv_timeout(Duration::from_millis(1500)).is_ok();
            self.note(if overlap { "both in" } else { "first out" });
        } else {
            self.note("second in");
            let _ = self.0.second.0.lock().unwrap().send(());
        }
    }

    fn note(&self, what: &'static str) {
        self.0.seen.lock().unwrap().push(what);
    }

    fn seen(&self) -> Vec<&'static str> {
        self.0.seen.lock().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_waits_for_the_thread_of_the_attempt_before() {
    #[task(retries = 1, timeout = 1)]
    fn slow(#[resource] visits: Visits) {
        visits.visit();
    }

    #[flow]
    async fn with_slow(#[resource] visits: Visits) -> Result<()> {
        Ok(slow(visits).await?)
    }

    #[flow(retries = 1, timeout = 1)]
    fn slow_itself(#[resource] visits: Visits) {
        visits.visit();
    }

    let world = World::with_clock(Arc::new(SystemClock));
    let (in_task, in_flow) = (Visits::new(), Visits::new());
    let both = async {
        tokio::join!(
            with_slow(in_task.clone()).on(&world.engine).into_future(),
            slow_itself(in_flow.clone()).on(&world.engine).into_future()
        )
    };
    let (task, flow) = soon("both", Box::pin(both)).await;
    task.unwrap();
    flow.unwrap();
    assert_eq!(in_task.seen(), ["first in", "first out", "second in"]);
    assert_eq!(in_flow.seen(), ["first in", "first out", "second in"]);
}

/// Works until it is told to end, and says that it was.
#[task]
fn work_until_told(#[resource] begun: Gate, #[resource] told: Gate) {
    begun.come();
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if current::is_cancelled() {
            told.come();
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_function_learns_that_it_should_end() {
    #[flow]
    async fn telling(way: String, #[resource] begun: Gate, #[resource] told: Gate) -> Result<()> {
        let call = work_until_told(begun.clone(), told);
        match &*way {
            "timeout" => drop(call.timeout(1).return_state().await),
            "cancel" => {
                let future = call.submit();
                begun.somebody().await;
                future.cancel();
                future.outcome().await;
            }
            _ => tokio::select! {
                _ = call.into_future() => {}
                () = begun.somebody() => {}
            },
        }
        Ok(())
    }

    #[flow(timeout = 1)]
    fn telling_itself(#[resource] begun: Gate, #[resource] told: Gate) {
        begun.come();
        while !current::is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        told.come();
    }

    assert!(!current::is_cancelled());
    let world = World::memory();
    for way in ["cancel", "drop"] {
        let told = Gate::new();
        soon(way, telling(way, Gate::new(), told.clone()).on(&world.engine)).await.unwrap();
        soon(way, told.somebody()).await;
    }
    // The timeout is over when the function has begun.
    let (begun, told) = (Gate::new(), Gate::new());
    let world = World::with_clock(Arc::new(GatedClock::new(begun.clone())));
    soon("timeout", telling("timeout", begun.clone(), told.clone()).on(&world.engine)).await.unwrap();
    soon("timeout", told.somebody()).await;
    soon("the flow", telling_itself(begun, told.clone()).on(&world.engine)).await.unwrap_err();
    soon("the flow's thread", told.somebody()).await;
}

#[tokio::test]
async fn what_a_task_has_started_beside_itself_learns_of_its_end() {
    #[task(timeout = 1)]
    async fn starts(#[resource] told: Gate) {
        let cancelled = current::cancelled();
        tokio::spawn(async move {
            cancelled.await;
            told.come();
        });
        std::future::pending::<()>().await;
    }

    #[flow]
    async fn starting(#[resource] told: Gate) -> Result<()> {
        Ok(starts(told).await?)
    }

    let (world, told) = (World::memory(), Gate::new());
    let error = soon("the flow", starting(told.clone()).on(&world.engine)).await.unwrap_err();
    assert_eq!(error.state().map(|state| &*state.name), Some("Failed"));
    soon("what it has started", told.somebody()).await;
}

/// What a timed-out task has submitted is asked to end with it.
#[tokio::test]
async fn a_timeout_reaches_what_the_task_has_submitted() {
    #[task]
    async fn inner(#[resource] gate: Gate) {
        gate.pass().await;
    }

    #[task]
    async fn outer(#[resource] gate: Gate) {
        drop(inner(gate.clone()).submit());
        gate.somebody().await;
        std::future::pending::<()>().await;
    }

    #[flow]
    async fn nesting(#[resource] gate: Gate) {
        outer(gate).timeout(0.05).return_state().await;
        // It waits for what was submitted.
    }

    let world = World::with_clock(Arc::new(SystemClock));
    soon("the flow", nesting(Gate::new()).on(&world.engine)).await.unwrap();
    assert!(world.task_history("inner-0").await.ends_with("CANCELLED"));
}
