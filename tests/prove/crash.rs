//! Kills a process with SIGKILL at random moments while it runs a flow of many tasks, resumes the run each time, and
//! checks: no recorded result is lost, no task is executed again after its recorded completion, no row stays RUNNING,
//! the flow comes to the right result, and each of its transactions is committed whole or undone whole.

use std::collections::HashSet;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowcore::client::Client;
use flowcore::connect;
use flowcore::model::{FlowRun, FlowRunFilter, FlowRunId, Page, StateType, TaskRun, TaskRunFilter};
use flowcore::settings::Settings;
use flowcore::{EXECUTE, Error, Result};

use crate::arguments;
use crate::ledger::Ledger;
use crate::random::Random;
use crate::victim::{LOG, expected, transactions};

/// How much to prove.
pub(crate) struct Plan {
    kills: u32,
    tasks: u32,
    seed: u64,
}

/// What was seen.
#[derive(Default)]
struct Seen {
    kills: u32,
    runs: u32,
    executions: usize,
    again: usize,
}

/// A resumed process that takes longer than this hangs.
const HANGS: Duration = Duration::from_secs(120);

impl Plan {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut plan = Plan { kills: 200, tasks: 1000, seed: u64::from(std::process::id()) };
        arguments::read(
            arguments,
            &mut [("--kills", &mut plan.kills), ("--tasks", &mut plan.tasks), ("--seed", &mut plan.seed)],
        )?;
        Ok(plan)
    }
}

pub(crate) async fn run(plan: &Plan) -> Result<()> {
    println!("{} kills under {} tasks, seed {}", plan.kills, plan.tasks, plan.seed);
    let started = Instant::now();
    let mut random = Random::new(plan.seed | 1);
    let mut seen = Seen::default();
    while seen.kills < plan.kills {
        one_flow(plan, &mut random, &mut seen).await?;
    }
    println!(
        "{} kills over {} flow runs in {:.0} s: {} executions of {} tasks ({} were interrupted and executed again); \
         no recorded result lost, no recorded completion executed again, no row left RUNNING, \
         no transaction in part",
        seen.kills,
        seen.runs,
        started.elapsed().as_secs_f64(),
        seen.executions,
        seen.runs * (plan.tasks + 1),
        seen.again
    );
    Ok(())
}

/// Kills and resumes one flow run until it has completed.
async fn one_flow(plan: &Plan, random: &mut Random, seen: &mut Seen) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (home, log) = (folder.path().join("home"), folder.path().join("executions"));
    let settings =
        Settings::from_lookup(&|name| (name == "FLOWCORE_HOME").then(|| home.to_string_lossy().into_owned()))?;
    let mut resume: Option<FlowRunId> = None;
    let mut completed: HashSet<String> = HashSet::new();
    let mut ledger = Ledger::default();
    let mut kills = 0;
    // A run of this size takes a few hundred milliseconds, so that kills fall into all of its life.
    let window = 40 + u64::from(plan.tasks) / 2;
    loop {
        let before = executions(&log)?.len();
        let mut child = start(plan, &home, &log, resume)?;
        // The last process of a flow is left alive, as is every one once there were kills enough.
        let kill = seen.kills < plan.kills && kills < 12;
        let ended = if kill {
            tokio::time::sleep(Duration::from_millis(random.below(window))).await;
            child.start_kill()?;
            child.wait().await?
        } else {
            tokio::time::timeout(HANGS, child.wait()).await.map_err(|_| Error::msg("the resumed process hangs"))??
        };
        if kill && !ended.success() {
            (seen.kills, kills) = (seen.kills + 1, kills + 1);
        }
        for number in &executions(&log)?[before..] {
            if completed.contains(number) {
                return Err(Error::msg(format!("task {number} was executed again after its recorded completion")));
            }
        }
        let client = connect::client(&settings).await?;
        client.crash_abandoned_runs(&connect::probe()).await?;
        let Some(run) = top_run(&client).await? else {
            client.close().await?;
            // Killed before the run was made.
            continue;
        };
        let (tasks, puts) = (task_runs(&client, "work ").await?, task_runs(&client, "put ").await?);
        check_nothing_runs(&client, &tasks).await?;
        check_nothing_runs(&client, &puts).await?;
        ledger.look(&log, &puts)?;
        let now: HashSet<String> = tasks.iter().filter(|run| run.state.is_completed()).map(number).collect();
        if let Some(lost) = completed.difference(&now).next() {
            return Err(Error::msg(format!("the recorded result of task {lost} is lost")));
        }
        completed = now;
        resume = Some(run.id);
        let done = run.state.is_completed();
        if done {
            check_complete(plan, &run, &tasks, &client).await?;
            ledger.check(&log, &puts, transactions(plan.tasks))?;
            let all = executions(&log)?;
            seen.runs += 1;
            seen.executions += all.len();
            seen.again += all.len() - all.iter().collect::<HashSet<_>>().len();
        } else if !kill {
            return Err(Error::msg(format!("the run did not complete: {:?}", run.state)));
        }
        client.close().await?;
        if done {
            return Ok(());
        }
    }
}

fn start(plan: &Plan, home: &Path, log: &Path, resume: Option<FlowRunId>) -> Result<tokio::process::Child> {
    let mut command = tokio::process::Command::new(std::env::current_exe()?);
    command.args(["victim", &plan.tasks.to_string()]).env("FLOWCORE_HOME", home).env(LOG, log);
    command.env("FLOWCORE_LOGGING_LEVEL", "error").stdin(Stdio::null()).kill_on_drop(true);
    match resume {
        Some(id) => command.env(EXECUTE, id.to_string()),
        None => command.env_remove(EXECUTE),
    };
    Ok(command.spawn()?)
}

fn executions(log: &Path) -> Result<Vec<String>> {
    match std::fs::read_to_string(log) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

async fn top_run(client: &Arc<dyn Client>) -> Result<Option<FlowRun>> {
    let filter = FlowRunFilter { flow_names: Some(vec!["victim".into()]), ..FlowRunFilter::default() };
    Ok(client.flow_runs(&filter).await?.into_iter().next())
}

/// Lists the runs whose names begin so, in all flow runs.
async fn task_runs(client: &Arc<dyn Client>, names: &str) -> Result<Vec<TaskRun>> {
    let filter = TaskRunFilter { name_like: Some(names.to_owned()), page: Page::ALL, ..TaskRunFilter::default() };
    Ok(client.task_runs(&filter).await?)
}

fn number(run: &TaskRun) -> String {
    run.name.trim_start_matches("work ").to_owned()
}

async fn check_nothing_runs(client: &Arc<dyn Client>, tasks: &[TaskRun]) -> Result<()> {
    if let Some(run) = tasks.iter().find(|run| !run.state.is_terminal()) {
        return Err(Error::msg(format!("task run {} stays in {}", run.name, run.state.name)));
    }
    let runs = client.flow_runs(&FlowRunFilter { page: Page::ALL, ..FlowRunFilter::default() }).await?;
    match runs.iter().find(|run| matches!(run.state.kind, StateType::Running | StateType::Pending)) {
        Some(run) => Err(Error::msg(format!("flow run {} stays in {}", run.name, run.state.name))),
        None => Ok(()),
    }
}

async fn check_complete(plan: &Plan, run: &FlowRun, tasks: &[TaskRun], client: &Arc<dyn Client>) -> Result<()> {
    let numbers: HashSet<String> = tasks.iter().map(number).collect();
    let wanted = plan.tasks as usize + 1;
    if numbers.len() != wanted || tasks.len() != wanted || !tasks.iter().all(|run| run.state.is_completed()) {
        let message =
            format!("{} rows for {} of {wanted} tasks, or not all of them completed", tasks.len(), numbers.len());
        return Err(Error::msg(message));
    }
    let states = client.flow_run_states(run.id).await?;
    let last = states.last().map(|state| (state.kind, serde_json::to_string(&state.data)));
    match last {
        Some((StateType::Completed, Ok(data))) if data.contains(&expected(plan.tasks).to_string()) => Ok(()),
        other => Err(Error::msg(format!("the flow's last state is {other:?}"))),
    }
}
