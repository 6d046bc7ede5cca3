//! `flowcore flow serve` and `flowcore agent start`.

#![cfg(unix)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flowcore_tests::built::programs;
use serde_json::{Value, json};

use crate::served::{Served, id_in};

/// What is not so by then never will be.
const DEADLINE: Duration = Duration::from_secs(60);

/// A command that goes on until it is asked to end; killed at the end if it has not ended.
struct Going(Child);

impl Going {
    fn start(served: &Served, home: &Path, variables: &[(&str, &str)], words: &[&str]) -> Self {
        let mut command = served.world.command("");
        command.args(words).env("FLOWCORE_API_URL", &served.api).env("FLOWCORE_HOME", home);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(variables.iter().copied());
        Going(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Asks it to end, and tells whether it ended well.
    fn ended(&mut self) -> bool {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
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

impl Drop for Going {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until what a command prints as JSON is as it should be.
fn until(served: &Served, line: &str, good: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let asked = served.run(line);
        if let Ok(found) = serde_json::from_str(&asked.out)
            && good(&found)
        {
            return found;
        }
        assert!(begin.elapsed() < DEADLINE, "{asked}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn a_program_serves_its_flow_in_place_of_the_command() {
    let served = Served::start().await;
    let home = tempfile::tempdir().unwrap();
    let entrypoint = format!("{}:report", programs().join("deployments").display());
    let wrong = served.run(&format!("flow serve {entrypoint}s --name mine"));
    assert!(wrong.code == Some(1) && wrong.err.contains("it has: report"), "{wrong}");
    let alone = served.world.flowcore(&format!("flow serve {entrypoint} --name mine"));
    assert!(alone.code == Some(1) && alone.err.contains("FLOWCORE_API_URL"), "{alone}");
    let words = ["flow", "serve", &entrypoint, "-n", "mine", "-t", "by-command", "--limit", "2", "--cron", "0 0 1 1 *"];
    let mut serving = Going::start(&served, home.path(), &[], &words);
    let inspect = "deployment inspect report/mine -o json";
    let found = until(&served, inspect, |found| found["paused"] == false);
    assert_eq!(
        (&found["tags"], &found["schedules"][0]["schedule"]["cron"]),
        (&json!(["by-command"]), &json!("0 0 1 1 *"))
    );
    let watched = served.run("deployment run report/mine --param region=north --watch");
    assert!(watched.code == Some(0) && watched.out.contains("north has sold"), "{watched}");
    assert!(serving.ended());
    assert_eq!(served.json(inspect)["paused"], true);
}

#[tokio::test]
async fn an_agent_takes_so_many_runs_of_its_queue_at_once() {
    let served = Served::start().await;
    let home = tempfile::tempdir().unwrap();
    served.does("work-queue create old");
    let program = programs().join("deployments");
    served.does(&format!(
        "deploy {}:report --name aged --pool default-agent-pool --work-queue old --param region=north --param pause=0.2",
        program.display()
    ));
    let runs = [(); 2].map(|()| id_in(&served.does("deployment run report/aged")));
    let one = [("PREFECT_AGENT_MAX_CONCURRENT_FLOW_RUNS", "1")];
    let mut agent = Going::start(&served, home.path(), &one, &["agent", "start", "-q", "old"]);
    let completed = |run: &Value| run["state"]["type"] == "COMPLETED";
    let mut runs = runs.map(|id| until(&served, &format!("api get /flow_runs/{id}"), completed));
    runs.sort_by(|one, other| one["start_time"].as_str().cmp(&other["start_time"].as_str()));
    assert!(runs[0]["end_time"].as_str() <= runs[1]["start_time"].as_str(), "one after the other: {runs:?}");
    assert!(agent.ended());
}
