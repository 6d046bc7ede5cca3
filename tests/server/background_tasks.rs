//! Tasks that programs in Rust leave to workers in Rust.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flowcore::client::ClientError;
use flowcore::model::StateType;
use flowcore::{DelayedTask, Engine, Error, Result, TaskWorker, task};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use crate::rust_client::{Program, history};
use crate::world::World;

/// What is not so by then never will be.
const DEADLINE: Duration = Duration::from_secs(60);

#[task(tags = ["background"])]
async fn squared(number: u32, name: String) -> String {
    tracing::info!("squaring {number}");
    format!("{name} {}", number * number)
}

#[task]
async fn hopeless(why: String) -> Result<u32> {
    Err(Error::msg(why))
}

/// A worker that is under way, and what ends it.
struct Working {
    stop: oneshot::Sender<()>,
    worker: JoinHandle<Result<(), ClientError>>,
}

impl Working {
    fn start(engine: &Engine, worker: TaskWorker) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let engine = engine.clone();
        let worker = tokio::spawn(async move { worker.run_until(&engine, async { drop(stopped.await) }).await });
        Working { stop, worker }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(DEADLINE, self.worker).await.expect("it ends").unwrap().unwrap();
    }
}

async fn soon<T>(what: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what.into_future()).await.expect("it does not take so long")
}

async fn states<T: Clone + Send + Sync + 'static>(engine: &Engine, of: &DelayedTask<T>) -> String {
    history(&engine.client().task_run_states(of.task_run_id()).await.unwrap())
}

fn squares() -> TaskWorker {
    TaskWorker::new().serve(squared::definition(), |number: u32, name: String| squared(number, name).retries(1))
}

pub(crate) async fn a_delayed_task_is_executed_by_a_worker(world: Arc<World>) {
    let home = TempDir::new().unwrap();
    let caller = Program::start_in(&world.api, home.path()).await.engine;
    let early = squared(3, "early").delay().on(&caller).await.unwrap();
    assert_eq!(early.state().await.unwrap().kind, StateType::Scheduled, "nobody is there to execute it");
    assert!(!early.wait(0.01).await);

    let elsewhere = Program::start_in(&world.api, home.path()).await.engine;
    let working = Working::start(&elsewhere, squares());
    assert_eq!(soon(early).await.unwrap(), "early 9");
    let mut delayed = Vec::new();
    for number in 0..30_u32 {
        delayed.push(squared(number, "many").delay().on(&caller).await.unwrap());
    }
    for (number, delayed) in (0..30_u32).zip(&delayed) {
        let outcome = soon(delayed.outcome()).await;
        assert_eq!(outcome.result.unwrap(), format!("many {}", number * number));
        assert_eq!(states(&caller, delayed).await, "SCHEDULED PENDING RUNNING COMPLETED");
    }
    working.stop().await;
    // The arguments are not needed any more.
    let kept = std::fs::read_dir(home.path().join("results")).unwrap().flatten();
    let kept: Vec<_> = kept.map(|entry| entry.file_name()).collect();
    assert!(kept.is_empty(), "{kept:?}");

    // What nobody has taken waits for the next worker.
    let late = squared(5, "late").delay().on(&caller).await.unwrap();
    let working = Working::start(&elsewhere, squares());
    assert_eq!(soon(late).await.unwrap(), "late 25");
    working.stop().await;
    for engine in [caller, elsewhere] {
        engine.close().await.unwrap();
    }
}

pub(crate) async fn what_goes_wrong_in_the_background_is_told(world: Arc<World>) {
    let home = TempDir::new().unwrap();
    let engine = Program::start_in(&world.api, home.path()).await.engine;
    // This worker takes another type of argument than there is, and another task for one of them.
    let worker = TaskWorker::new()
        .serve(hopeless::definition(), |why: String| hopeless(why).retries(0))
        .serve(squared::definition(), |number: String, name: String| squared(number.len() as u32, name));
    let working = Working::start(&engine, worker);
    let delayed = hopeless("there is no hope").delay().on(&engine).await.unwrap();
    let error = soon(delayed).await.unwrap_err();
    assert!(format!("{error:?}").contains("there is no hope"), "{error:?}");
    let delayed = squared(2, "wrong").delay().on(&engine).await.unwrap();
    let error = format!("{:?}", soon(delayed).await.unwrap_err());
    assert!(error.contains("could not be executed") && error.contains("`number` does not fit"), "{error}");
    working.stop().await;

    let alone = Engine::memory();
    let error = format!("{:?}", squared(2, "alone").delay().on(&alone).await.unwrap_err());
    assert!(error.contains("a background task needs a server") && error.contains("FLOWCORE_API_URL"), "{error}");
    let error = squares().run(&alone).await.unwrap_err().to_string();
    assert!(error.contains("a background task needs a server"), "{error}");
    engine.close().await.unwrap();
}

pub(crate) async fn a_worker_has_its_limit_and_ends_gracefully(world: Arc<World>) {
    #[derive(Default)]
    struct Gauge {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    #[task]
    async fn gauged(#[resource] gauge: Arc<Gauge>, #[resource] go: Arc<Semaphore>) {
        let now = gauge.now.fetch_add(1, Ordering::SeqCst) + 1;
        gauge.most.fetch_max(now, Ordering::SeqCst);
        go.acquire().await.unwrap().forget();
        gauge.now.fetch_sub(1, Ordering::SeqCst);
    }

    let home = TempDir::new().unwrap();
    let engine = Program::start_in(&world.api, home.path()).await.engine;
    let (gauge, go) = (Arc::new(Gauge::default()), Arc::new(Semaphore::new(0)));
    let mut delayed = Vec::new();
    for _ in 0..8 {
        delayed.push(gauged(gauge.clone(), go.clone()).delay().on(&engine).await.unwrap());
    }
    let make = {
        let (gauge, go) = (gauge.clone(), go.clone());
        move || gauged(gauge.clone(), go.clone())
    };
    let working = Working::start(&engine, TaskWorker::new().serve(gauged::definition(), make).limit(2));
    let full = async {
        while gauge.now.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(full).await;
    go.add_permits(4);
    // Any four: two that are sent one after the other may be begun in either order.
    let ended = async || {
        let mut ended = 0;
        for delayed in &delayed {
            let state = delayed.state().await.unwrap();
            assert!(!state.is_terminal() || state.kind == StateType::Completed, "{state:?}");
            ended += usize::from(state.is_terminal());
        }
        ended
    };
    soon(async {
        while ended().await < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    soon(async {
        while gauge.now.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    // Two are under way: they are waited for, and no more are taken.
    let stopping = tokio::spawn(working.stop());
    go.add_permits(8);
    soon(stopping).await.unwrap();
    for delayed in &delayed {
        let state = delayed.state().await.unwrap();
        assert!(matches!(state.kind, StateType::Completed | StateType::Scheduled), "{state:?}");
    }
    assert_eq!((ended().await, gauge.most.load(Ordering::SeqCst)), (6, 2));
    engine.close().await.unwrap();
}

/// The worker that is killed, in a process of its own; nothing unless the test below starts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker() {
    let Ok(home) = std::env::var("FLOWCORE_TEST_WORKER_HOME") else { return };
    let api = std::env::var("FLOWCORE_TEST_WORKER_API").unwrap();
    let engine = Program::start_in(&api, Path::new(&home)).await.engine;
    fragile_worker(&home).run_until(&engine, std::future::pending()).await.unwrap();
}

/// Takes for ever the first time.
#[task]
async fn fragile(#[resource] home: PathBuf, number: u32) -> u32 {
    if !home.join("begun").exists() {
        std::fs::write(home.join("begun"), "").unwrap();
        std::future::pending::<()>().await;
    }
    number + 1
}

fn fragile_worker(home: &str) -> TaskWorker {
    let home = PathBuf::from(home);
    TaskWorker::new().serve(fragile::definition(), move |number: u32| fragile(home.clone(), number))
}

fn start_worker(home: &Path, api: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "background_tasks::worker", "--nocapture"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("FLOWCORE_TEST_WORKER_HOME", home).env("FLOWCORE_TEST_WORKER_API", api);
    command.kill_on_drop(true).spawn().unwrap()
}

pub(crate) async fn the_run_of_a_killed_worker_goes_to_another(world: Arc<World>) {
    let home = TempDir::new().unwrap();
    let engine = Program::start_in(&world.api, home.path()).await.engine;
    let mut killed = start_worker(home.path(), &world.api);
    let delayed = fragile(home.path().to_owned(), 41).delay().on(&engine).await.unwrap();
    soon(async {
        while !home.path().join("begun").exists() || delayed.state().await.unwrap().kind != StateType::Running {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let working = Working::start(&engine, fragile_worker(home.path().to_str().unwrap()));
    killed.kill().await.unwrap();
    let outcome = soon(delayed.outcome()).await;
    assert_eq!(outcome.result.unwrap(), 42);
    let history = states(&engine, &delayed).await;
    assert!(history.starts_with("SCHEDULED PENDING RUNNING SCHEDULED PENDING RUNNING"), "{history}");
    assert!(history.ends_with("COMPLETED"), "{history}");
    working.stop().await;
    engine.close().await.unwrap();
}
