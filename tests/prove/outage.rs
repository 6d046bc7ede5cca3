//! Kills a server with SIGKILL under a program with several flow runs, starts it again after minutes, and checks that no run
//! has failed, and that every task run and every log line is there once.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use flowcore::model::{FlowRunFilter, LogFilter, Page, StateType, TaskRunFilter};
use flowcore::{Error, Result, each, flow, store, task, unmapped};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::arguments;
use crate::server::{on_all, start};

/// How much to prove.
pub(crate) struct Plan {
    /// How long the server is away.
    seconds: u64,
    /// How many flow runs there are: some begin before the outage, the others in it.
    flows: u32,
    /// How many tasks each has.
    tasks: u32,
    /// How many lines each task logs.
    lines: u32,
}

/// How many tasks of a flow run at once.
const AT_ONCE: u64 = 8;

/// A program that takes this much longer than the outage hangs.
const HANGS: Duration = Duration::from_secs(300);

/// What says that a flow run is under way.
const BEGUN: &str = "begun";

impl Plan {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut plan = Plan { seconds: 300, flows: 6, tasks: 200, lines: 10 };
        arguments::read(
            arguments,
            &mut [
                ("--seconds", &mut plan.seconds),
                ("--flows", &mut plan.flows),
                ("--tasks", &mut plan.tasks),
                ("--lines", &mut plan.lines),
            ],
        )?;
        Ok(plan)
    }

    fn arguments(&self) -> [String; 4] {
        [self.seconds.to_string(), self.flows.to_string(), self.tasks.to_string(), self.lines.to_string()]
    }
}

/// Proves it on SQLite, and on PostgreSQL if there is one.
pub(crate) async fn run(plan: &Plan) -> Result<()> {
    println!("{} s away under {} flow runs of {} tasks", plan.seconds, plan.flows, plan.tasks);
    on_all(async |kind, database| on(plan, kind, database).await).await
}

async fn on(plan: &Plan, kind: &str, database: &str) -> Result<()> {
    let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
    let mut server = start(database, port).await?;
    let home = tempfile::tempdir()?;
    let mut program = Command::new(std::env::current_exe()?)
        .arg("outage-program")
        .args(plan.arguments())
        .env("FLOWCORE_HOME", home.path())
        .env("FLOWCORE_API_URL", format!("http://127.0.0.1:{port}/api"))
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let stdout = program.stdout.take().ok_or_else(|| Error::msg("the program has no output"))?;
    let mut said = BufReader::new(stdout).lines();
    let begun = tokio::time::timeout(HANGS, async {
        while let Some(line) = said.next_line().await? {
            if line == BEGUN {
                return Ok::<_, Error>(());
            }
        }
        Err(Error::msg("the program ends before its first flow run has begun"))
    });
    begun.await.map_err(|_| Error::msg("the program does not begin"))??;
    server.start_kill()?;
    server.wait().await?;
    let away = Instant::now();
    let ended = tokio::spawn(program.wait_with_output());
    tokio::time::sleep(Duration::from_secs(plan.seconds)).await;
    if ended.is_finished() {
        return Err(Error::msg("the program has ended without the server, which has to judge its flow runs' ends"));
    }
    let mut server = start(database, port).await?;
    let away = away.elapsed();
    let output = tokio::time::timeout(Duration::from_secs(plan.seconds) + HANGS, ended).await;
    let output = output.map_err(|_| Error::msg("the program hangs"))???;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::msg(format!("the program: {}\n{said}", output.status)));
    }
    server.start_kill()?;
    server.wait().await?;
    let lines = check(database, plan).await?;
    println!(
        "{kind}: {:.0} s away: {} flow runs have completed, {lines} lines are there once",
        away.as_secs_f64(),
        plan.flows
    );
    Ok(())
}

/// Looks at the rows themselves. Tells how many lines there are.
async fn check(database: &str, plan: &Plan) -> Result<usize> {
    let store = store::connect(database).await?;
    let named = FlowRunFilter { flow_names: Some(vec!["outlasting".to_owned()]), ..FlowRunFilter::default() };
    let runs = store.flow_runs(&FlowRunFilter { page: Page::ALL, ..named }).await?;
    let completed = runs.iter().filter(|run| run.state.kind == StateType::Completed).count();
    if completed != plan.flows as usize || runs.len() != completed {
        return Err(Error::msg(format!("{completed} of {} flow runs have completed, of {}", runs.len(), plan.flows)));
    }
    let mut lines: BTreeMap<String, u32> = BTreeMap::new();
    for run in runs {
        let filter = TaskRunFilter { flow_run_ids: Some(vec![run.id]), page: Page::ALL, ..TaskRunFilter::default() };
        let task_runs = store.task_runs(&filter).await?;
        let completed = task_runs.iter().filter(|run| run.state.kind == StateType::Completed).count();
        if completed != plan.tasks as usize || task_runs.len() != completed {
            let all = task_runs.len();
            return Err(Error::msg(format!("{}: {completed} of {all} task runs have completed", run.name)));
        }
        let filter = LogFilter { flow_run_id: Some(run.id), page: Page::ALL, ..LogFilter::default() };
        for line in store.logs(&filter).await? {
            if line.message.starts_with("line ") {
                *lines.entry(line.message).or_default() += 1;
            }
        }
    }
    store.close().await?;
    let twice: Vec<&String> = lines.iter().filter(|(_, times)| **times > 1).map(|(line, _)| line).collect();
    let expected = plan.flows as usize * plan.tasks as usize * plan.lines as usize;
    if lines.len() != expected || !twice.is_empty() {
        let missing = expected.saturating_sub(lines.len());
        return Err(Error::msg(format!(
            "{missing} of {expected} lines are missing, {} are there more than once",
            twice.len()
        )));
    }
    Ok(expected)
}

#[task]
async fn outlast(flow: u32, task: u32, lines: u32, milliseconds: u64) -> u32 {
    for line in 0..lines {
        tracing::info!("line {flow}/{task}/{line}");
    }
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    task
}

#[flow(task_limit = 8)]
async fn outlasting(flow: u32, tasks: u32, lines: u32, milliseconds: u64) -> Result<()> {
    let calls =
        outlast::map(unmapped(flow), each((0..tasks).collect::<Vec<_>>()), unmapped(lines), unmapped(milliseconds))
            .submit();
    if flow == 0 {
        println!("{BEGUN}");
    }
    calls.await?;
    Ok(())
}

/// The program: its flow runs begin one after the other over the outage, and their tasks go on beyond it.
pub(crate) async fn program(arguments: &[String]) -> Result<()> {
    let numbers: Vec<u32> = arguments.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let [seconds, flows, tasks, lines] = numbers[..] else {
        return Err(Error::msg("outage-program, and four numbers"));
    };
    let seconds = u64::from(seconds);
    let milliseconds = seconds * 1000 * AT_ONCE / u64::from(tasks.max(1));
    let mut running = tokio::task::JoinSet::new();
    for flow in 0..flows {
        running.spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds) * flow / flows).await;
            outlasting(flow, tasks, lines, milliseconds).await
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}
