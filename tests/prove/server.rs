//! Kills a server with SIGKILL at random moments while clients report runs of many tasks to it, starts it again each time,
//! and checks that every run and every task run has come to its true state: nothing that was acknowledged is lost.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowcore::model::{FlowRunFilter, FlowRunId, Page, StateType, TaskRunFilter};
use flowcore::store;
use flowcore::{Error, Result};
use flowcore_server::Server;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::arguments;
use crate::random::Random;

/// How much to prove.
pub(crate) struct Plan {
    kills: u32,
    tasks: u32,
    seed: u64,
}

/// A client that takes longer than this hangs.
const HANGS: Duration = Duration::from_secs(300);

/// A server that takes longer than this to answer does not begin.
const BEGINS: Duration = Duration::from_secs(20);

/// Between two kills, in milliseconds: from a server that has hardly begun to one that has worked for a while.
const BETWEEN: u64 = 1_500;

/// Who reports.
#[derive(Clone, Copy, Debug)]
enum Reporter {
    /// Prefect's own client.
    Python,
    /// flowcore's client over HTTP.
    Rust,
}

impl Plan {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut plan = Plan { kills: 50, tasks: 1000, seed: u64::from(std::process::id()) };
        arguments::read(
            arguments,
            &mut [("--kills", &mut plan.kills), ("--tasks", &mut plan.tasks), ("--seed", &mut plan.seed)],
        )?;
        Ok(plan)
    }
}

/// Proves it on SQLite, and on PostgreSQL if there is one.
pub(crate) async fn run(plan: &Plan) -> Result<()> {
    println!("{} kills under {} tasks, seed {}", plan.kills, plan.tasks, plan.seed);
    on_all(async |kind, database| on(plan, kind, database).await).await
}

/// Proves something on SQLite, and on PostgreSQL if `FLOWCORE_TEST_POSTGRES_URL` says where there is one.
pub(crate) async fn on_all(on: impl AsyncFn(&str, &str) -> Result<()>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    on("SQLite", &format!("sqlite://{}", folder.path().join("server.db").display())).await?;
    match std::env::var("FLOWCORE_TEST_POSTGRES_URL") {
        Ok(server) => {
            let name = format!("flowcore_prove_{}", std::process::id());
            let mut connection = PgConnection::connect(&server).await?;
            connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
            let (place, _) = server.rsplit_once('/').ok_or_else(|| Error::msg("the URL names no database"))?;
            let proved = on("PostgreSQL", &format!("{place}/{name}")).await;
            connection.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await?;
            proved?;
        }
        Err(_) => eprintln!("PostgreSQL was not proved: FLOWCORE_TEST_POSTGRES_URL is not set"),
    }
    Ok(())
}

async fn on(plan: &Plan, kind: &str, database: &str) -> Result<()> {
    let mut random = Random::new(plan.seed);
    let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
    let server = Arc::new(Mutex::new(start(database, port).await?));
    let begin = Instant::now();
    let (mut kills, mut flows, mut let_go) = (0, 0, 0);
    let mut reporters = [Reporter::Python, Reporter::Rust].into_iter().cycle();
    // Each reporter reports at least once.
    while kills < plan.kills || flows < 2 {
        let Some(reporter) = reporters.next() else { break };
        let folder = tempfile::tempdir()?;
        let client = tokio::spawn(report(reporter, plan.tasks, port, folder.path().to_owned(), Arc::clone(&server)));
        while !client.is_finished() && kills < plan.kills {
            tokio::time::sleep(Duration::from_millis(random.below(BETWEEN))).await;
            let mut server = server.lock().await;
            if client.is_finished() {
                break;
            }
            server.kill().await?;
            kills += 1;
            *server = start(database, port).await?;
        }
        let reported = client.await??;
        check(database, &reported, plan.tasks)
            .await
            .map_err(|error| Error::msg(format!("told by {reporter:?}: {error:?}\n{}", reported.last_words())))?;
        let_go += u32::from(reported.let_go());
        flows += 1;
    }
    println!(
        "{kind}: {kills} kills over {flows} flow runs of {} tasks in {:.0} s: every run and every task run is in its true state, \
         but for those of {let_go} clients of Prefect that said they let them go",
        plan.tasks,
        begin.elapsed().as_secs_f64()
    );
    server.lock().await.kill().await?;
    Ok(())
}

/// Starts this program as a server, and waits until it answers.
pub(crate) async fn start(database: &str, port: u16) -> Result<Child> {
    start_as("serve", database, port).await
}

/// Likewise a server that does also what nobody asks for.
pub(crate) async fn start_with_services(database: &str, port: u16) -> Result<Child> {
    start_as("serve-all", database, port).await
}

async fn start_as(name: &str, database: &str, port: u16) -> Result<Child> {
    let child = Command::new(std::env::current_exe()?)
        .args([name, database, &port.to_string()])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if begin.elapsed() > BEGINS {
            return Err(Error::msg("the server does not begin"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(child)
}

/// What [`start`] and [`start_with_services`] start.
pub(crate) async fn serve(arguments: &[String], has_services: bool) -> Result<()> {
    let [database, port] = arguments else { return Err(Error::msg("serve DATABASE PORT")) };
    let mut server = Server::open(database).await?;
    if has_services {
        server = server.with_services();
    }
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    server.serve(listener, std::future::pending()).await?;
    Ok(())
}

/// What Prefect's client says when it forgets what it has not sent: its connection was cut while it was being made.
const LETS_GO: &str = "Service 'EventsWorker' failed with";

/// What flowcore's client says when it ends while the server is away: the next program sends the rest.
const LEFT: &str = "is sent by the next program";

/// A run that was reported to the end.
struct Reported {
    run: FlowRunId,
    /// What the client has written to standard error.
    told: String,
}

impl Reported {
    /// Tells whether the client has said that it forgot task runs.
    fn let_go(&self) -> bool {
        self.told.contains(LETS_GO)
    }

    fn last_words(&self) -> String {
        let lines: Vec<&str> = self.told.lines().collect();
        lines[lines.len().saturating_sub(LAST)..].join("\n")
    }
}

/// How many of a client's lines are shown.
const LAST: usize = 5;

/// Runs a client until its flow has ended, and tells which run that was.
///
/// Whoever holds the server may kill it. Prefect's client does not notice when the connection is lost on which it has sent its
/// last event: the server stays for it from the end of its flow on, and it sends one event more.
async fn report(
    reporter: Reporter,
    tasks: u32,
    port: u16,
    home: PathBuf,
    server: Arc<Mutex<Child>>,
) -> Result<Reported> {
    let api = format!("http://127.0.0.1:{port}/api");
    let mut command = match reporter {
        Reporter::Python => {
            let python = std::env::var("FLOWCORE_TEST_PREFECT_PYTHON").map_err(|_| {
                Error::msg("FLOWCORE_TEST_PREFECT_PYTHON does not say which Python has the package prefect")
            })?;
            let mut command = Command::new(python);
            command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/prefect_client/many_tasks.py"));
            command.env("PREFECT_HOME", &home).env("PREFECT_API_URL", &api).env("DO_NOT_TRACK", "1");
            // A server that is killed once a second needs more patience than one that is restarted once a month.
            command.env("PREFECT_CLIENT_MAX_RETRIES", "20").env("PREFECT_SERVER_ANALYTICS_ENABLED", "false");
            command
        }
        Reporter::Rust => in_rust(&home, &api)?,
    };
    command.arg(tasks.to_string()).current_dir(&home).env("NO_PROXY", "127.0.0.1").kill_on_drop(true);
    let told = home.join("told.log");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(std::fs::File::create(&told)?);
    let end = async {
        let mut client = command.spawn()?;
        let mut lines =
            BufReader::new(client.stdout.take().ok_or_else(|| Error::msg("the output is not piped"))?).lines();
        let mut run = None;
        let mut stays = None;
        while let Some(line) = lines.next_line().await? {
            let Some(id) = line.strip_prefix("flow run ") else { continue };
            run = id.trim().parse().ok().map(FlowRunId);
            if let Reporter::Python = reporter {
                stays = Some(server.lock().await);
            }
            drop(client.stdin.take());
        }
        let status = client.wait().await?;
        drop(stays);
        Ok::<_, Error>((status, run))
    };
    let end = tokio::time::timeout(HANGS, end).await;
    let (status, run) = end.map_err(|_| Error::msg(format!("the client in {reporter:?} hangs")))??;
    let told = std::fs::read_to_string(&told)?;
    match run {
        Some(run) if status.success() => {
            if told.contains(LEFT) {
                let _stays = server.lock().await;
                in_rust(&home, &api)?.arg("0").status().await?;
            }
            Ok(Reported { run, told })
        }
        _ => Err(Error::msg(format!("the client in {reporter:?}: {status}, run {run:?}\n{told}"))),
    }
}

fn in_rust(home: &Path, api: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("reporter").env("FLOWCORE_HOME", home).env("FLOWCORE_API_URL", api).env("NO_PROXY", "127.0.0.1");
    Ok(command)
}

/// Looks at the rows themselves.
async fn check(database: &str, reported: &Reported, tasks: u32) -> Result<()> {
    let run = reported.run;
    let store = store::connect(database).await?;
    let flow_runs = store.flow_runs(&FlowRunFilter { ids: Some(vec![run]), ..FlowRunFilter::default() }).await?;
    let state = flow_runs.first().map(|run| run.state.kind);
    let filter = TaskRunFilter { flow_run_ids: Some(vec![run]), page: Page::ALL, ..TaskRunFilter::default() };
    let task_runs = store.task_runs(&filter).await?;
    let (mut completed, mut other) = (0, Vec::new());
    for task_run in &task_runs {
        match task_run.state.kind {
            StateType::Completed => completed += 1,
            kind => other.push(format!("{} is {kind:?}", task_run.name)),
        }
    }
    store.close().await?;
    let all_are_there = reported.let_go() || completed == tasks && other.is_empty();
    if state != Some(StateType::Completed) || !all_are_there {
        return Err(Error::msg(format!(
            "flow run {run}: {state:?}, {completed} of {tasks} task runs are completed, others: {}",
            other.join(", ")
        )));
    }
    Ok(())
}
