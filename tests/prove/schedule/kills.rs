//! A schedule whose worker, server and runs are killed: every tick has one run, and each comes to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use flowcore::{Error, Result};
use serde_json::{Value, json};
use tokio::process::Command;

use super::api::micros;
use super::punctual::{Note, notes};
use super::site::Site;
use super::{Plan, eventually};
use crate::random::Random;

/// Between two kills, in milliseconds, at most.
const BETWEEN: u64 = 3_000;

/// By when the dead have been noticed, and what they left has been executed again: 90 s, and the attempt itself.
const SETTLED: Duration = Duration::from_secs(180);

/// A tick, in microseconds.
const TICK: i64 = 1_000_000;

/// Who dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Server,
    Worker,
    Both,
    /// The worker and all that it has started, as when a machine is switched off.
    Host,
}

pub(super) async fn prove(plan: &Plan, kind: &str, database: &str) -> Result<()> {
    let mut random = Random::new(plan.seed);
    let mut site = Site::start(database, "kills").await?;
    let schedules = json!([{"schedule": {"interval": 1.0}, "active": true}]);
    let deployment = site.deploy("ticking", 3, 0.1, &schedules).await?;
    let mut kills: BTreeMap<Victim, u32> = BTreeMap::new();
    let begin = Instant::now();
    for number in 0..plan.kills {
        tokio::time::sleep(Duration::from_millis(random.below(BETWEEN))).await;
        let victim = match random.below(3) {
            // These first, since it takes a while until they are noticed.
            _ if number < plan.hosts => Victim::Host,
            0 => Victim::Server,
            1 => Victim::Worker,
            _ => Victim::Both,
        };
        kill(&mut site, victim).await?;
        *kills.entry(victim).or_default() += 1;
    }
    // The times ahead go; the runs that are due stay.
    site.api.patch(&format!("/deployments/{deployment}"), &json!({"paused": true})).await?;
    let paused = chrono::Utc::now().timestamp_micros();
    let runs = eventually("every run has completed", SETTLED, async || {
        let runs = site.api.runs(&deployment).await?;
        let is_done = runs.iter().all(|run| run["state"]["type"] == "COMPLETED");
        if !is_done && begin.elapsed() > SETTLED / 2 {
            tell_of_those_left(&runs);
        }
        Ok(Some(runs).filter(|_| is_done))
    })
    .await?;
    one_run_a_tick(&runs, paused)?;
    let again = one_executor_a_run(&runs, &notes(&site.notes())?)?;
    let open = site.api.open_task_runs(&deployment).await?;
    if open > 0 {
        return Err(Error::msg(format!("{open} task runs stand open in runs that have ended")));
    }
    println!(
        "{kind}: {} ticks, {kills:?} killed in {:.0} s: a run each, all completed, {again} of them executed again",
        runs.len(),
        begin.elapsed().as_secs_f64()
    );
    site.end().await;
    Ok(())
}

fn tell_of_those_left(runs: &[Value]) {
    let left = runs.iter().filter(|run| run["state"]["type"] != "COMPLETED");
    for run in left.take(3) {
        eprintln!("{} is {} since {}", run["id"], run["state"]["name"], run["state"]["timestamp"]);
    }
}

async fn kill(site: &mut Site, victim: Victim) -> Result<()> {
    let children = match victim {
        Victim::Host => children(&site.worker),
        _ => Vec::new(),
    };
    if victim != Victim::Worker && victim != Victim::Host {
        site.server.kill().await?;
    }
    if victim != Victim::Server {
        site.worker.kill().await?;
    }
    if !children.is_empty() {
        // Some have ended meanwhile.
        Command::new("kill").arg("-9").args(children).stderr(std::process::Stdio::null()).status().await?;
    }
    if victim != Victim::Worker && victim != Victim::Host {
        site.start_server().await?;
    }
    if victim != Victim::Server {
        site.start_worker()?;
    }
    Ok(())
}

/// Lists the processes that this one has started.
fn children(parent: &tokio::process::Child) -> Vec<String> {
    let Some(pid) = parent.id() else { return Vec::new() };
    let mut children = BTreeSet::new();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children.extend(text.split_whitespace().map(str::to_owned));
    }
    children.into_iter().collect()
}

/// From the first time to the last that had come when the schedule was paused, none is missing and none is there twice.
pub(super) fn one_run_a_tick(runs: &[Value], paused: i64) -> Result<()> {
    let mut times = Vec::with_capacity(runs.len());
    for run in runs {
        times.push(micros(&run["expected_start_time"])?);
    }
    for pair in times.windows(2) {
        if pair[1] - pair[0] != TICK {
            return Err(Error::msg(format!("between {} and {} there is not one tick", pair[0], pair[1])));
        }
    }
    match times.last() {
        Some(last) if *last + TICK >= paused => Ok(()),
        last => Err(Error::msg(format!("the last of the ticks before {paused} is {last:?}"))),
    }
}

/// An attempt of a run is begun once, and none while another one goes on. Gives how many were executed again.
fn one_executor_a_run(runs: &[Value], notes: &[Note]) -> Result<usize> {
    let mut of_runs: BTreeMap<&str, Vec<(u32, &str)>> = BTreeMap::new();
    for note in notes {
        of_runs.entry(&note.run).or_default().push((note.attempt, &note.what));
    }
    let mut again = 0;
    for run in runs {
        let id = run["id"].as_str().unwrap_or_default();
        let noted = of_runs.remove(id).unwrap_or_default();
        let begun: Vec<u32> = noted.iter().filter(|(_, what)| *what == "begun").map(|(attempt, _)| *attempt).collect();
        let rises = begun.windows(2).all(|pair| pair[0] < pair[1]);
        let in_turn = noted.windows(2).all(|pair| pair[0].0 <= pair[1].0);
        let ends_once = noted.iter().filter(|(_, what)| *what == "ended").count() == 1;
        if !rises || !in_turn || !ends_once {
            return Err(Error::msg(format!("run {id} was executed as {noted:?}")));
        }
        again += usize::from(begun.len() > 1);
    }
    Ok(again)
}
