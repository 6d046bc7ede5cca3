//! `flowcore flow serve` and `flowcore agent start`.

#![cfg(unix)]

use std::time::{Duration, Instant};

use flowcore_tests::built::programs;
use serde_json::{Value, json};

use crate::site::{DEADLINE, Site, id_in};

/// Waits until what a command prints as JSON is as it should be.
fn until(site: &Site, line: &str, good: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let asked = site.flowcore(line);
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
    let site = Site::start().await;
    let entrypoint = format!("{}:report", programs().join("deployments").display());
    let wrong = site.flowcore(&format!("flow serve {entrypoint}s --name mine"));
    assert!(wrong.code == Some(1) && wrong.err.contains("it has: report"), "{wrong}");
    let alone = site.world.flowcore(&format!("flow serve {entrypoint} --name mine"));
    assert!(alone.code == Some(1) && alone.err.contains("FLOWCORE_API_URL"), "{alone}");
    let words = ["flow", "serve", &entrypoint, "-n", "mine", "-t", "by-command", "--limit", "2", "--cron", "0 0 1 1 *"];
    let mut serving = site.going(&[], &words);
    let inspect = "deployment inspect report/mine -o json";
    let found = until(&site, inspect, |found| found["paused"] == false);
    assert_eq!(
        (&found["tags"], &found["schedules"][0]["schedule"]["cron"]),
        (&json!(["by-command"]), &json!("0 0 1 1 *"))
    );
    let watched = site.flowcore("deployment run report/mine --param region=north --watch");
    assert!(watched.code == Some(0) && watched.out.contains("north has sold"), "{watched}");
    serving.signal("-TERM");
    assert!(serving.ended());
    assert_eq!(site.json(inspect)["paused"], true);
}

#[tokio::test]
async fn an_agent_takes_so_many_runs_of_its_queue_at_once() {
    let site = Site::start().await;
    site.does("work-queue create old");
    let program = programs().join("deployments");
    site.does(&format!(
        "deploy {}:report --name aged --pool default-agent-pool --work-queue old --param region=north --param pause=0.2",
        program.display()
    ));
    let runs = [(); 2].map(|()| id_in(&site.does("deployment run report/aged")));
    let one = [("PREFECT_AGENT_MAX_CONCURRENT_FLOW_RUNS", "1")];
    let mut agent = site.going(&one, &["agent", "start", "-q", "old"]);
    let completed = |run: &Value| run["state"]["type"] == "COMPLETED";
    let mut runs = runs.map(|id| until(&site, &format!("api get /flow_runs/{id}"), completed));
    runs.sort_by(|one, other| one["start_time"].as_str().cmp(&other["start_time"].as_str()));
    assert!(runs[0]["end_time"].as_str() <= runs[1]["start_time"].as_str(), "one after the other: {runs:?}");
    agent.signal("-TERM");
    assert!(agent.ended());
}
