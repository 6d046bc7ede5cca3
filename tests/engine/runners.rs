//! Task runners: on which threads the bodies of tasks run, how many at once, and that what holds for threads holds there.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowcore::clock::SystemClock;
use flowcore::{Error, Result, TaskRunner, cancel_flow_run, current, flow, task};

use crate::gate::Gate;
use crate::world::{World, eventually, soon};

/// A place that plain functions come to, which can be seen from outside, and that they leave when they are let go.
#[derive(Clone)]
struct Room(Arc<Inner>);

struct Inner {
    inside: Mutex<Vec<String>>,
    most: Mutex<usize>,
    seen: Mutex<BTreeSet<String>>,
    go: (Mutex<Sender<()>>, Mutex<Receiver<()>>),
}

impl Room {
    fn new() -> Self {
        let (sender, receiver) = channel();
        Room(Arc::new(Inner {
            inside: Mutex::default(),
            most: Mutex::default(),
            seen: Mutex::default(),
            go: (Mutex::new(sender), Mutex::new(receiver)),
        }))
    }

    /// Stays until one is let go.
    fn stay(&self) {
        self.come();
        self.0.go.1.lock().unwrap().recv_timeout(Duration::from_secs(60)).unwrap();
        self.0.inside.lock().unwrap().pop();
    }

    /// Notes on which thread it is.
    fn come(&self) {
        let mut inside = self.0.inside.lock().unwrap();
        inside.push(thread());
        let mut most = self.0.most.lock().unwrap();
        *most = inside.len().max(*most);
        self.0.seen.lock().unwrap().insert(thread());
    }

    fn let_go(&self, how_many: usize) {
        for _ in 0..how_many {
            self.0.go.0.lock().unwrap().send(()).unwrap();
        }
    }

    async fn holds(&self, how_many: usize) {
        eventually("the room", || async { self.0.inside.lock().unwrap().len() == how_many }).await;
    }

    fn threads(&self) -> Vec<String> {
        self.0.seen.lock().unwrap().iter().cloned().collect()
    }
}

fn thread() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

#[task]
fn stays(#[resource] room: Room) {
    room.stay();
}

#[tokio::test]
async fn submitted_tasks_run_on_the_flows_threads_and_no_more_at_once() {
    #[flow(task_runner = thread_pool("counted", 2))]
    async fn on_two_threads(#[resource] room: Room) -> Result<()> {
        let tasks: Vec<_> = (0..6).map(|_| stays(room.clone()).submit()).collect();
        room.holds(2).await;
        room.let_go(6);
        for task in tasks {
            task.await?;
        }
        Ok(())
    }

    #[flow(task_runner = blocking_pool(3))]
    async fn on_three_of_the_blocking_pool(#[resource] room: Room) -> Result<()> {
        let tasks: Vec<_> = (0..6).map(|_| stays(room.clone()).submit()).collect();
        room.holds(3).await;
        room.let_go(6);
        for task in tasks {
            task.await?;
        }
        Ok(())
    }

    let (world, own, blocking) = (World::memory(), Room::new(), Room::new());
    soon("own threads", on_two_threads(own.clone()).on(&world.engine)).await.unwrap();
    assert_eq!((own.threads(), *own.0.most.lock().unwrap()), (vec!["counted".to_owned()], 2));
    soon("the blocking pool", on_three_of_the_blocking_pool(blocking.clone()).on(&world.engine)).await.unwrap();
    assert_eq!(*blocking.0.most.lock().unwrap(), 3);
}

#[tokio::test]
async fn a_tasks_own_runner_counts_before_its_flows_which_is_for_submitted_tasks() {
    #[task]
    async fn thread_of() -> String {
        tokio::task::yield_now().await;
        thread()
    }

    #[task(task_runner = thread_pool("of-task", 1))]
    fn own_thread_of() -> String {
        thread()
    }

    #[flow(task_runner = thread_pool("of-flow", 1))]
    async fn runners() -> Result<Vec<String>> {
        Ok(vec![
            thread_of().submit().await?,
            own_thread_of().submit().await?,
            own_thread_of().await?,
            thread_of().task_runner(TaskRunner::thread_pool("of-call", 1)).await?,
        ])
    }

    #[flow(task_runner = thread_pool("of-flow", 1))]
    async fn no_runners() -> Result<bool> {
        let here = thread();
        let call = thread_of().task_runner(TaskRunner::current_runtime());
        Ok(thread_of().await? == here && call.submit().await? == here)
    }

    let world = World::memory();
    let threads = soon("the flow", runners().on(&world.engine)).await.unwrap();
    assert_eq!(threads, ["of-flow", "of-task", "of-task", "of-call"]);
    assert!(soon("the other flow", no_runners().on(&world.engine)).await.unwrap());
}

#[tokio::test]
async fn tasks_that_wait_for_each_other_share_one_thread() {
    #[task]
    async fn below(number: u32) -> u32 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        number + 1
    }

    #[task]
    async fn above(number: u32) -> Result<u32> {
        Ok(below(number).submit().await? + 1)
    }

    #[flow(task_runner = thread_pool("one", 1))]
    async fn nested_on_one_thread() -> Result<u32> {
        Ok(above::map(vec![1u32, 2, 3]).await?.into_iter().sum())
    }

    let world = World::memory();
    assert_eq!(soon("the flow", nested_on_one_thread().on(&world.engine)).await.unwrap(), 12);
}

#[tokio::test]
async fn the_run_is_at_hand_there_and_a_panic_is_caught() {
    #[task(task_run_name = "told")]
    fn tells() -> String {
        tracing::info!("told from {}", thread());
        current::task_run_name().unwrap_or_default()
    }

    #[task]
    async fn panics(asynchronous: bool) -> u32 {
        tokio::task::yield_now().await;
        panic!("on a thread, {asynchronous}");
    }

    #[task]
    fn panics_plainly() -> u32 {
        panic!("on a thread");
    }

    #[flow(task_runner = thread_pool("hardy", 1))]
    async fn hardy() -> Result<()> {
        let failed = panics(true).submit().outcome().await.state.and_then(|state| state.message);
        assert!(failed.as_deref().is_some_and(|message| message.contains("tests/engine/runners.rs")), "{failed:?}");
        assert!(panics_plainly().submit().await.is_err());
        assert_eq!(tells().submit().await?, "told");
        Ok(())
    }

    let world = World::memory();
    soon("the flow", hardy().on(&world.engine)).await.unwrap();
    let run = world.task_run("told").await;
    let logs = world.logs().await;
    assert!(logs.iter().any(|line| line.task_run_id == Some(run.id) && line.message == "told from hardy"));
}

#[tokio::test]
async fn what_waits_for_a_thread_is_not_running_and_has_not_begun_its_timeout() {
    #[task(task_run_name = "quick")]
    fn quick() {}

    #[flow(name = "patient-on-a-thread", task_runner = thread_pool("patient", 1))]
    async fn patient(#[resource] room: Room, #[resource] waits: Gate) -> Result<()> {
        let first = stays(room.clone()).submit();
        room.holds(1).await;
        let second = quick().timeout(0.01).submit();
        waits.pass().await;
        room.let_go(1);
        first.await?;
        Ok(second.await?)
    }

    let (world, room, waits) = (World::with_clock(Arc::new(SystemClock)), Room::new(), Gate::new());
    let check = async {
        waits.somebody().await;
        let long = tokio::time::Instant::now() + Duration::from_millis(50);
        eventually("the timeout is long over", || async { tokio::time::Instant::now() > long }).await;
        assert_eq!(world.task_history("quick").await, "PENDING");
        waits.open();
    };
    let (done, ()) =
        soon("the flow", async { tokio::join!(patient(room, waits.clone()).on(&world.engine).into_future(), check) })
            .await;
    done.unwrap();
    assert_eq!(world.task_history("quick").await, "PENDING RUNNING COMPLETED");
}

#[tokio::test]
async fn a_retry_waits_for_the_runners_thread() {
    #[task(retries = 1, timeout = 0.05)]
    fn slow_once(#[resource] room: Room) -> Result<()> {
        if current::attempt() > Some(1) {
            assert!(room.0.inside.lock().unwrap().is_empty(), "two attempts side by side");
            return Ok(());
        }
        room.stay();
        Err(Error::msg("too late"))
    }

    #[flow(task_runner = thread_pool("slow", 2))]
    async fn slowly(#[resource] room: Room) -> Result<()> {
        Ok(slow_once(room).submit().await?)
    }

    let (world, room) = (World::with_clock(Arc::new(SystemClock)), Room::new());
    let check = async {
        room.holds(1).await;
        let waits = "PENDING RUNNING SCHEDULED:AwaitingRetry";
        eventually("the attempt is over, its thread is not", || async {
            world.all_task_runs().await.len() == 1 && world.task_history("slow_once-0").await == waits
        })
        .await;
        room.let_go(1);
    };
    let flow = slowly(room.clone()).on(&world.engine).into_future();
    let (done, ()) = soon("the flow", async { tokio::join!(flow, check) }).await;
    done.unwrap();
    let history = world.task_history("slow_once-0").await;
    assert_eq!(history, "PENDING RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying COMPLETED");
}

#[tokio::test]
async fn a_cancelled_flow_waits_for_the_threads_of_its_runner() {
    #[flow(task_runner = thread_pool("cancelled", 1))]
    async fn cancelled_on_threads(#[resource] room: Room) -> Result<()> {
        let waits = stays(room.clone()).submit();
        let never = stays(room).submit();
        waits.await?;
        Ok(never.await?)
    }

    let (world, room) = (World::memory(), Room::new());
    let flow = tokio::spawn(cancelled_on_threads(room.clone()).on(&world.engine).into_future());
    room.holds(1).await;
    let run = world.flow_run("cancelled-on-threads").await;
    soon("the request", cancel_flow_run(&world.engine, run.id)).await.unwrap();
    eventually("its tasks end", || async { world.task_history("stays-0").await.ends_with("CANCELLED") }).await;
    assert!(!flow.is_finished());
    assert!(world.flow_history("cancelled-on-threads").await.ends_with("CANCELLING"));
    room.let_go(1);
    soon("the flow", flow).await.unwrap().unwrap_err();
    assert!(world.flow_history("cancelled-on-threads").await.ends_with("CANCELLED"));
    // The one that had no thread never got one.
    assert_eq!(world.task_history("stays-1").await, "PENDING CANCELLED");
}
