//! Flows in Python on flowcore's worker: deployed by Prefect's own command, executed by its own engine.

use std::process::Command;
use std::time::{Duration, Instant};

use flowcore_tests::given::given;
use serde_json::Value;
use tempfile::TempDir;

use crate::site::{DEADLINE, Site, Worker, gone, signal_process};

const FLOWS: &str = r#"
import os, pathlib, subprocess, time
from prefect import flow, get_run_logger, task

@task
def double(x):
    return 2 * x

@flow(persist_result=True)
def shop(x: int, greeting: str = "none"):
    get_run_logger().info("sold %s, %s", x, os.environ.get("GREETING", greeting))
    print("printed", os.getcwd())
    return double(x)

def note(flow, run, state):
    pathlib.Path(os.environ["NOTES"], "cancelled").write_text(state.name)

@flow(on_cancellation=[note])
def sleeper():
    child = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 300 & wait; sleep 300"])
    pathlib.Path(os.environ["NOTES"], "pids").write_text(f"{os.getpid()} {child.pid}\n")
    time.sleep(300)

@flow
def dies():
    os._exit(7)
"#;

/// Prints the result of a run, as Prefect's client finds it.
const RESULT: &str = "
import sys
from prefect.client.orchestration import get_client
print('result:', get_client(sync_client=True).read_flow_run(sys.argv[1]).state.result())
";

/// A folder with flows in Python, and Prefect's command in it.
struct Python {
    interpreter: String,
    folder: TempDir,
    home: TempDir,
    api: String,
}

impl Python {
    async fn start(name: &str) -> Option<(Site, Self)> {
        let interpreter = given("FLOWCORE_TEST_PREFECT_PYTHON", name)?;
        let site = Site::start().await;
        let (folder, home) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        std::fs::write(folder.path().join("flows.py"), FLOWS).unwrap();
        assert_eq!(site.flowcore("work-pool create default").code, Some(0));
        let api = site.api.clone();
        Some((site, Python { interpreter, folder, home, api }))
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        vec![
            ("PREFECT_HOME", self.home.path().to_str().unwrap()),
            ("PREFECT_SERVER_ANALYTICS_ENABLED", "false"),
            ("DO_NOT_TRACK", "1"),
            ("NO_PROXY", "127.0.0.1"),
        ]
    }

    fn python(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.interpreter);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .envs(self.variables())
            .env("PREFECT_API_URL", &self.api);
        let output = command.output().unwrap();
        let said = [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy).concat();
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }

    fn deploy(&self, flow: &str, more: &[&str]) {
        let entrypoint = format!("flows.py:{flow}");
        let line = ["-m", "prefect", "--no-prompt", "deploy", &entrypoint, "--name", "py", "--pool", "default"];
        self.python(&[&line, more].concat());
    }

    fn worker(&self, site: &Site, more: &str) -> Worker {
        let mut variables = self.variables();
        variables
            .extend([("FLOWCORE_WORKER_PYTHON", &*self.interpreter), ("NOTES", self.folder.path().to_str().unwrap())]);
        site.worker_with(&variables, &format!("--inherit-env NOTES {more}"))
    }

    /// Waits for the two processes of `sleeper`.
    fn pids(&self) -> Vec<String> {
        let begin = Instant::now();
        loop {
            let pids = std::fs::read_to_string(self.folder.path().join("pids")).unwrap_or_default();
            if pids.ends_with('\n') {
                return pids.split_whitespace().map(str::to_owned).collect();
            }
            assert!(begin.elapsed() < DEADLINE, "it does not begin");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Waits until a run's log has a line with this in it.
fn logged(site: &Site, run: &str, text: &str) {
    let begin = Instant::now();
    loop {
        let said = site.flowcore(&format!("flow-run logs {run}"));
        if said.out.contains(text) {
            return;
        }
        assert!(begin.elapsed() < DEADLINE, "no `{text}` in {said}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test]
async fn a_flow_that_prefect_deployed_is_executed() {
    let name = "a_flow_that_prefect_deployed_is_executed";
    let Some((site, python)) = Python::start(name).await else { return };
    python.deploy("shop", &["--job-variable", "{\"env\": {\"GREETING\": \"hello\"}}"]);
    let _worker = python.worker(&site, "");
    let run = site.run("shop/py --param x=21");
    site.in_state(&run, "Completed");
    logged(&site, &run, "sold 21, hello");
    // The pull step that Prefect's command writes.
    let folder = python.folder.path().canonicalize().unwrap();
    logged(&site, &run, &format!("printed {}", folder.display()));
    assert!(python.python(&["-c", RESULT, &run]).contains("result: 42"));
    let names = site.json(&format!("api get /flow_run_states/?flow_run_id={run}"));
    let names: Vec<&str> = names.as_array().unwrap().iter().map(|state| state["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Scheduled", "Pending", "Running", "Completed"]);

    let elsewhere = TempDir::new().unwrap();
    let there = elsewhere.path().canonicalize().unwrap();
    // Without a space: a line of these tests is split at spaces.
    let command = format!("pwd;{}${{IFS}}-m${{IFS}}prefect.engine", python.interpreter);
    let variables = format!("--job-variable working_dir={} --job-variable command={command}", there.display());
    let run = site.run(&format!("shop/py --param x=1 {variables}"));
    site.in_state(&run, "Completed");
    logged(&site, &run, &there.display().to_string());
}

#[tokio::test]
async fn a_flow_in_python_ends_with_all_that_it_has_started() {
    let name = "a_flow_in_python_ends_with_all_that_it_has_started";
    let Some((site, python)) = Python::start(name).await else { return };
    python.deploy("sleeper", &[]);
    python.deploy("dies", &[]);
    let _worker = python.worker(&site, "--grace 10");
    let (cancelled, died) = (site.run("sleeper/py"), site.run("dies/py"));
    let crashed = site.in_state(&died, "Crashed");
    assert!(crashed["state"]["message"].as_str().unwrap().contains("exit status: 7"), "{crashed}");
    let pids = python.pids();
    site.in_state(&cancelled, "Running");
    assert_eq!(site.flowcore(&format!("flow-run cancel {cancelled}")).code, Some(0));
    site.in_state(&cancelled, "Cancelled");
    pids.iter().for_each(|pid| gone(pid));
    assert_eq!(
        std::fs::read_to_string(python.folder.path().join("cancelled")).unwrap(),
        "Cancelling",
        "its hook was called"
    );
    let states = site.json(&format!("api get /flow_run_states/?flow_run_id={cancelled}"));
    assert!(!states.to_string().contains("CRASHED"), "{states}");
}

#[tokio::test]
async fn a_flow_in_python_that_is_killed_with_its_worker_crashes() {
    let name = "a_flow_in_python_that_is_killed_with_its_worker_crashes";
    let Some((site, python)) = Python::start(name).await else { return };
    python.deploy("sleeper", &[]);
    let worker = python.worker(&site, "");
    let run = site.run("sleeper/py");
    let pids = python.pids();
    site.in_state(&run, "Running");
    // At once, so that its engine has spoken up once at most.
    worker.signal("-KILL");
    signal_process("-KILL", &format!("-{}", pids[0]));
    let crashed = site.in_state_within(Duration::from_secs(90), &run, "Crashed");
    assert!(crashed["state"]["message"].as_str().unwrap().starts_with("Nothing was heard"), "{crashed}");
}

#[tokio::test]
async fn the_processes_of_a_worker_that_is_killed_are_ended_by_the_next() {
    let name = "the_processes_of_a_worker_that_is_killed_are_ended_by_the_next";
    let Some((site, python)) = Python::start(name).await else { return };
    python.deploy("sleeper", &[]);
    let mut worker = python.worker(&site, "");
    let run = site.run("sleeper/py");
    let pids = python.pids();
    site.in_state(&run, "Running");
    worker.signal("-KILL");
    assert!(!worker.ended(), "it is dead");
    let mut next = python.worker(&site, "--grace 5");
    assert_eq!(site.flowcore(&format!("flow-run cancel {run}")).code, Some(0));
    site.in_state(&run, "Cancelled");
    pids.iter().for_each(|pid| gone(pid));
    next.signal("-TERM");
    assert!(next.ended());
    // Of the folders of both workers nothing is left.
    let left: Vec<_> = std::fs::read_dir(site.worker_home.path().join("workers"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["lock"], "{left:?}");
}

#[tokio::test]
async fn a_flow_in_python_is_executed_by_the_id_of_its_run() {
    let name = "a_flow_in_python_is_executed_by_the_id_of_its_run";
    let Some((site, python)) = Python::start(name).await else { return };
    python.deploy("shop", &[]);
    let run = site.run("shop/py --param x=4");
    let line = format!("flow-run execute {run} --python {}", python.interpreter);
    let mut command = site.world.command(&line);
    command.envs(python.variables()).env("FLOWCORE_API_URL", &site.api);
    let executed = site.world.transcript(&line, &command.output().unwrap());
    assert_eq!(executed.code, Some(0), "{executed}");
    logged(&site, &run, "sold 4, none");
    assert_eq!(site.in_state(&run, "Completed")["run_count"], 1);
}

#[tokio::test]
async fn a_worker_without_prefect_says_what_to_do() {
    let site = Site::start().await;
    assert_eq!(site.flowcore("work-pool create default").code, Some(0));
    let flow: Value = site.json("api post /flows/ --data {\"name\":\"lost\"}");
    let body = format!(
        "{{\"name\":\"py\",\"flow_id\":{},\"entrypoint\":\"flows.py:lost\",\"work_pool_name\":\"default\"}}",
        flow["id"]
    );
    site.json(&format!("api post /deployments/ --data {body}"));
    let _worker = site.worker("--python /nowhere/python");
    let run = site.run("lost/py");
    let crashed = site.in_state(&run, "Crashed");
    let why = crashed["state"]["message"].as_str().unwrap();
    assert!(why.contains("`/nowhere/python`") && why.contains("pip install prefect"), "{why}");
}
