//! A server that is away for a time: no run fails and nothing is lost, also where the program is killed meanwhile.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use flowcore::model::{LogFilter, Page, StateType};
use flowcore::{Engine, Result, TaskWorker, each, flow, task};
use flowcore_server::Server;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use crate::rust_client::Program;

/// How many tasks run while the server is away: more than one file of what waits takes.
const TASKS: u32 = 700;

/// A server that goes, and comes back on its port.
struct Fickle {
    database: String,
    address: SocketAddr,
    end: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Fickle {
    async fn start(folder: &Path) -> Self {
        let database = format!("sqlite://{}", folder.join("server.db").display());
        Self::on(database, "127.0.0.1:0".parse().unwrap()).await
    }

    async fn on(database: String, address: SocketAddr) -> Self {
        let server = Server::open(&database).await.unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel();
        let serving = tokio::spawn(async move {
            server.serve(listener, async { drop(ended.await) }).await.unwrap();
        });
        Fickle { database, address, end, serving }
    }

    fn api(&self) -> String {
        format!("http://{}/api", self.address)
    }

    /// Goes away; gives what is needed to come back.
    async fn stop(self) -> (String, SocketAddr) {
        self.end.send(()).unwrap();
        self.serving.await.unwrap();
        (self.database, self.address)
    }
}

#[task]
async fn say(number: u32) -> u32 {
    tracing::info!("said {number}");
    number
}

/// Checks that the server has all that the flow has told: each task run once with its whole history, each line once.
async fn assert_whole(program: &Program, flow: &str) {
    let runs = program.task_runs(flow).await;
    let completed = runs.iter().filter(|run| run.state.kind == StateType::Completed && run.name.starts_with("say-"));
    assert_eq!(completed.count(), TASKS as usize + 1);
    let histories = program.task_histories(flow).await;
    let whole = histories.iter().filter(|history| history.ends_with(": PENDING RUNNING COMPLETED"));
    assert!(whole.count() > TASKS as usize, "{histories:?}");
    let flow_run_id = Some(program.flow_run(flow).await.id);
    let filter = LogFilter { flow_run_id, page: Page::ALL, ..LogFilter::default() };
    let lines = program.engine.client().logs(&filter).await.unwrap();
    let mut said: Vec<&str> = lines.iter().filter_map(|line| line.message.strip_prefix("said ")).collect();
    said.sort_unstable();
    let mut expected: Vec<String> = (0..=TASKS).map(|number| number.to_string()).collect();
    expected.sort_unstable();
    assert_eq!(said, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_fails_no_run_and_loses_nothing() {
    #[flow]
    async fn patient(#[resource] begun: Arc<Semaphore>, #[resource] go: Arc<Semaphore>) -> Result<usize> {
        say(TASKS).await?;
        begun.add_permits(1);
        go.acquire().await.unwrap().forget();
        let said: Vec<u32> = say::map(each(0..TASKS)).await?;
        begun.add_permits(1);
        Ok(said.len())
    }

    let folder = TempDir::new().unwrap();
    let server = Fickle::start(folder.path()).await;
    let program = Program::start(&server.api()).await;
    let [begun, go] = [0, 0].map(|permits| Arc::new(Semaphore::new(permits)));
    let running = tokio::spawn(patient(begun.clone(), go.clone()).on(&program.engine).into_future());
    begun.acquire().await.unwrap().forget();
    let (database, address) = server.stop().await;
    go.add_permits(1);
    begun.acquire().await.unwrap().forget();
    // All that can be told without the server is safe on disk.
    program.engine.flush().await.unwrap();
    assert!(!running.is_finished(), "its end is the server's to judge");
    let server = Fickle::on(database, address).await;
    assert_eq!(running.await.unwrap().unwrap(), TASKS as usize);
    program.engine.close().await.unwrap();

    let reader = Program::start(&server.api()).await;
    assert_eq!(reader.flow_history("patient").await, "PENDING RUNNING COMPLETED");
    assert_whole(&reader, "patient").await;
    server.stop().await;
}

/// The program that is killed, in a process of its own; nothing unless the test below starts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn program() {
    #[flow]
    async fn doomed(#[resource] folder: std::path::PathBuf, #[resource] engine: Engine) -> Result<()> {
        say(TASKS).await?;
        engine.flush().await?;
        std::fs::write(folder.join("begun"), "").unwrap();
        while !folder.join("go").exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        say::map(each(0..TASKS)).await?;
        engine.flush().await?;
        std::fs::write(folder.join("told"), "").unwrap();
        std::future::pending().await
    }

    let Ok(folder) = std::env::var("FLOWCORE_TEST_OUTAGE_FOLDER") else { return };
    let api = std::env::var("FLOWCORE_TEST_OUTAGE_API").unwrap();
    let folder = Path::new(&folder);
    let program = Program::start_in(&api, folder).await;
    doomed(folder.to_owned(), program.engine.clone()).on(&program.engine).await.unwrap();
}

async fn file(path: std::path::PathBuf) {
    let appears = async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), appears).await.unwrap_or_else(|_| panic!("no {}", path.display()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_process_tells_what_a_killed_one_could_not() {
    let folder = TempDir::new().unwrap();
    let server = Fickle::start(folder.path()).await;
    let mut killed = Command::new(std::env::current_exe().unwrap());
    killed.args(["--exact", "outages::program", "--nocapture"]).stdout(Stdio::null()).stderr(Stdio::null());
    killed.env("FLOWCORE_TEST_OUTAGE_FOLDER", folder.path()).env("FLOWCORE_TEST_OUTAGE_API", server.api());
    let mut killed = killed.kill_on_drop(true).spawn().unwrap();
    file(folder.path().join("begun")).await;
    let (database, address) = server.stop().await;
    std::fs::write(folder.path().join("go"), "").unwrap();
    file(folder.path().join("told")).await;
    killed.kill().await.unwrap();

    let server = Fickle::on(database, address).await;
    let next = Program::start_in(&server.api(), folder.path()).await;
    assert_eq!(next.flow_history("doomed").await, "PENDING RUNNING CRASHED");
    next.engine.flush().await.unwrap();
    next.engine.close().await.unwrap();
    assert_whole(&next, "doomed").await;
    let outbox = folder.path().join("outbox");
    let left = std::fs::read_dir(std::fs::read_dir(outbox).unwrap().next().unwrap().unwrap().path()).unwrap();
    assert_eq!(left.count(), 0, "nothing waits any more");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_takes_tasks_again_when_the_server_is_back() {
    let folder = TempDir::new().unwrap();
    let server = Fickle::start(folder.path()).await;
    let engine = Program::start(&server.api()).await.engine;
    let (stop, stopped) = oneshot::channel::<()>();
    let worker = TaskWorker::new().serve(say::definition(), |number: u32| say(number).retries(1));
    let of_worker = engine.clone();
    let working = tokio::spawn(async move { worker.run_until(&of_worker, async { drop(stopped.await) }).await });
    assert_eq!(say(1).delay().on(&engine).await.unwrap().await.unwrap(), 1);
    let (database, address) = server.stop().await;
    let server = Fickle::on(database, address).await;
    let again = async { say(2).delay().on(&engine).await.unwrap().await.unwrap() };
    assert_eq!(tokio::time::timeout(Duration::from_secs(60), again).await.expect("it is taken"), 2);
    stop.send(()).unwrap();
    working.await.unwrap().unwrap();
    engine.close().await.unwrap();
    server.stop().await;
}
