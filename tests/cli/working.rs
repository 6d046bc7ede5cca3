//! `flowcore deploy`, `flowcore deployment` and `flowcore worker`: runs that start by themselves, in processes of their own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flowcore_tests::built::programs;
use serde_json::Value;

use crate::world::{Transcript, World};

/// What is not so by then never will be.
const DEADLINE: Duration = Duration::from_secs(60);

/// A server, and what is asked of it by commands.
struct Site {
    world: World,
    api: String,
    /// Another home, of whoever executes runs.
    worker_home: tempfile::TempDir,
}

impl Site {
    async fn start() -> Self {
        let world = World::new().await;
        let started = world.flowcore("server start --background --port 0");
        assert_eq!(started.code, Some(0), "{started}");
        let api = started.out.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        Site { world, api, worker_home: tempfile::tempdir().unwrap() }
    }

    fn flowcore(&self, line: &str) -> Transcript {
        self.world.flowcore_with(&[("FLOWCORE_API_URL", &self.api)], line)
    }

    fn json(&self, line: &str) -> Value {
        self.flowcore(line).json()
    }

    fn deploy(&self, name: &str, more: &str) -> Transcript {
        let program = programs().join("deployments");
        let line =
            format!("deploy {}:report --name {name} --pool default --param region=north {more}", program.display());
        self.flowcore(&line)
    }

    fn worker(&self, more: &str) -> Worker {
        let mut command = self.world.command(&format!("worker start --pool default {more}"));
        command.env("FLOWCORE_API_URL", &self.api).env("FLOWCORE_HOME", self.worker_home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        Worker(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Makes a run and gives its id.
    fn run(&self, line: &str) -> String {
        let made = self.flowcore(&format!("deployment run {line}"));
        assert_eq!(made.code, Some(0), "{made}");
        made.out.rsplit('(').next().unwrap().trim().trim_end_matches([')', '.']).to_owned()
    }

    /// Waits until a run is in a state, and gives it.
    fn in_state(&self, id: &str, state: &str) -> Value {
        let begin = Instant::now();
        loop {
            let run = self.json(&format!("api get /flow_runs/{id}"));
            if run["state"]["name"] == state {
                return run;
            }
            assert!(begin.elapsed() < DEADLINE, "it is not {state}: {run}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.world.flowcore("server stop");
    }
}

/// A worker, which is killed at the end if it has not ended.
struct Worker(Child);

impl Worker {
    fn signal(&self, signal: &str) {
        signal_process(signal, &self.0.id().to_string());
    }

    /// Waits for its end, and tells whether it ended well.
    fn ended(&mut self) -> bool {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.success();
            }
            assert!(begin.elapsed() < DEADLINE, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal_process(signal: &str, pid: &str) {
    assert!(Command::new("kill").args([signal, pid]).status().unwrap().success());
}

fn lives(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

#[tokio::test]
async fn a_deployed_program_is_started_for_each_run() {
    let site = Site::start().await;
    let foreign = site.flowcore("deploy /bin/sh:report --name x --pool default");
    assert!(foreign.code == Some(1) && foreign.err.contains("was not built with flowcore"), "{foreign}");
    let deployed = site.deploy("nightly", "--timezone Europe/Oslo --interval 60");
    assert!(
        deployed.code == Some(1) && deployed.err.contains("work-pool create default"),
        "no such pool yet: {deployed}"
    );
    assert_eq!(site.flowcore("work-pool create default").code, Some(0));
    let deployed = site.deploy("nightly", "--interval 86400 --tag nightly");
    assert_eq!(deployed.code, Some(0), "{deployed}");
    // Deployed again without schedules it keeps those that it has.
    assert_eq!(site.deploy("nightly", "").code, Some(0));
    let inspected = site.json("deployment inspect report/nightly --output json");
    assert_eq!(inspected["schedules"][0]["schedule"]["interval"], 86400.0, "{inspected}");
    assert_eq!(inspected["description"], "Adds up what a region has sold.");
    assert_eq!(inspected["parameter_openapi_schema"]["required"], serde_json::json!(["region"]));
    let listed = site.flowcore("deployment ls");
    assert!(listed.out.contains("report/nightly") && listed.out.contains("every 86400 s"), "{listed}");
    let refused = site.flowcore("deployment run report/nightly --param days=many");
    assert!(refused.code == Some(1) && refused.err.contains("days"), "{refused}");

    let mut worker = site.worker("--limit 2");
    let watched = site.flowcore("deployment run report/nightly --param days=4 --tag once --watch");
    assert_eq!(watched.code, Some(0), "{watched}");
    assert!(watched.out.contains("north has sold 50 in 4 days"), "{watched}");
    assert!(watched.out.contains("north: 50"), "what it prints is in the log as well: {watched}");
    let runs = site.json("flow-run ls --output json");
    let run = runs.as_array().unwrap().iter().find(|run| run["state"]["type"] == "COMPLETED").unwrap();
    let id = run["id"].as_str().unwrap();
    let found = site.json(&format!("api get /flow_runs/{id}"));
    assert_eq!((&found["run_count"], &found["work_pool_name"]), (&1.into(), &"default".into()), "{found}");
    assert!(found["tags"].as_array().unwrap().len() == 1 && found["infrastructure_pid"].is_string(), "{found}");
    let workers = site.json("api post /work_pools/default/workers/filter --data {}");
    assert_eq!(workers[0]["status"], "ONLINE");

    // Asked to end, it waits for what is under way.
    let long = site.run("report/nightly --param pause=0.5");
    site.in_state(&long, "Running");
    worker.signal("-TERM");
    assert!(worker.ended());
    site.in_state(&long, "Completed");
}

#[tokio::test]
async fn a_run_that_is_cancelled_or_killed_stands_as_that() {
    let site = Site::start().await;
    assert_eq!(site.flowcore("work-pool create default").code, Some(0));
    assert_eq!(site.deploy("long", "--param pause=100").code, Some(0));
    let mut worker = site.worker("--grace 5");
    let [cancelled, killed, left] = [(); 3].map(|()| site.run("report/long"));
    let pid = |id: &str| {
        let run = site.in_state(id, "Running");
        run["infrastructure_pid"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
    };
    let pids = [pid(&cancelled), pid(&killed), pid(&left)];
    let asked = site.flowcore(&format!("flow-run cancel {cancelled}"));
    assert_eq!(asked.code, Some(0), "{asked}");
    site.in_state(&cancelled, "Cancelled");
    signal_process("-KILL", &pids[1]);
    let crashed = site.in_state(&killed, "Crashed");
    assert!(crashed["state"]["message"].as_str().unwrap().contains("process"), "{crashed}");
    // Twice asked, it ends what is under way as well.
    worker.signal("-TERM");
    worker.signal("-INT");
    assert!(worker.ended());
    let begin = Instant::now();
    while pids.iter().any(|pid| lives(pid)) {
        assert!(begin.elapsed() < DEADLINE, "a process is left");
        std::thread::sleep(Duration::from_millis(20));
    }
    let run = site.json(&format!("api get /flow_runs/{left}"));
    assert!(run["end_time"].is_string(), "{run}");
}
