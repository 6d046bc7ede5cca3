//! `flow-run execute`: one run of a deployment, by a process of the machine that asks.

use crate::site::{Site, Worker};
use crate::world::binary;

async fn site() -> Site {
    let site = Site::start().await;
    assert_eq!(site.flowcore("work-pool create default").code, Some(0));
    let deployed = site.deploy("one", "");
    assert_eq!(deployed.code, Some(0), "{deployed}");
    site
}

#[tokio::test]
async fn a_run_is_executed_by_its_id_and_once() {
    let site = site().await;
    let run = site.run("report/one");
    let executed = site.flowcore(&format!("flow-run execute {run}"));
    assert_eq!(executed.code, Some(0), "{executed}");
    assert!(executed.out.contains("north: 30") && executed.err.contains("is Completed."), "{executed}");
    assert_eq!(site.in_state(&run, "Completed")["run_count"], 1);
    assert!(site.flowcore(&format!("flow-run logs {run}")).out.contains("north: 30"));
    let again = site.flowcore(&format!("flow-run execute {run}"));
    assert!(again.code == Some(1) && again.err.contains("has ended: `flowcore flow-run retry`"), "{again}");
}

#[tokio::test]
async fn a_run_is_found_by_the_variable_that_workers_set() {
    let site = site().await;
    let nothing = site.flowcore("flow-run execute");
    assert!(nothing.code == Some(2) && nothing.err.contains("PREFECT__FLOW_RUN_ID"), "{nothing}");
    // As the command of a job, which a worker starts.
    let command = format!("{}${{IFS}}flow-run${{IFS}}execute", binary().display());
    let run = site.run(&format!("report/one --job-variable command={command}"));
    let _worker = site.worker("");
    site.in_state(&run, "Completed");
    assert!(site.flowcore(&format!("flow-run logs {run}")).out.contains("north: 30"));
}

#[tokio::test]
async fn an_executed_run_can_be_cancelled() {
    let site = site().await;
    let run = site.run("report/one --param pause=100");
    let mut command = site.world.command(&format!("flow-run execute {run}"));
    let mut executing = Worker::start(command.env("FLOWCORE_API_URL", &site.api));
    site.in_state(&run, "Running");
    assert_eq!(site.flowcore(&format!("flow-run cancel {run}")).code, Some(0));
    site.in_state(&run, "Cancelled");
    assert!(!executing.ended(), "a run that was cancelled has not completed");
}

#[tokio::test]
async fn whoever_ends_the_command_ends_the_run() {
    let site = site().await;
    let run = site.run("report/one --param pause=100");
    let mut command = site.world.command(&format!("flow-run execute {run}"));
    let mut executing = Worker::start(command.env("FLOWCORE_API_URL", &site.api));
    site.in_state(&run, "Running");
    executing.signal("-TERM");
    assert!(!executing.ended());
    let run = site.json(&format!("api get /flow_runs/{run}"));
    assert!(["CRASHED", "CANCELLED"].contains(&run["state"]["type"].as_str().unwrap()), "{run}");
}
