//! Tasks outside a flow: they run on the process's own engine, so that each test here is a process of its own.

use std::process::Command;

use flowcore::model::{FlowRunFilter, LogFilter, TaskRun, TaskRunFilter};
use flowcore::settings::Settings;
use flowcore::{Durability, Result, connect, task};

use crate::world::history;

/// Names the folder in which the process below finds its database.
const HOME: &str = "FLOWCORE_HOME";

#[task]
async fn alone(n: u32) -> Result<u32> {
    tracing::info!("counting");
    Ok(below(n).await? + 1)
}

#[task]
async fn below(n: u32) -> u32 {
    n
}

#[task]
async fn broken() -> Result<u32> {
    Err(flowcore::Error::msg("alone and broken"))
}

async fn runs(settings: &Settings) -> Vec<(TaskRun, String)> {
    // Through a database handle of its own: what it sees is committed.
    let client = connect::client(settings).await.unwrap();
    let mut runs = Vec::new();
    for run in client.task_runs(&TaskRunFilter::default()).await.unwrap() {
        let states = client.task_run_states(run.id).await.unwrap();
        runs.push((run, history(&states)));
    }
    client.close().await.unwrap();
    runs
}

/// What the process does; started as a test without a folder of its own it does nothing.
#[tokio::test]
async fn program() {
    if std::env::var_os("FLOWCORE_TEST_OUTSIDE").is_none() {
        return;
    }
    flowcore::init().await.unwrap();
    let settings = Settings::load().unwrap();
    assert_eq!(alone(4).await.unwrap(), 5);
    // Committed when it has returned.
    let first = runs(&settings).await;
    let seen: Vec<_> = first.iter().map(|(run, states)| (run.flow_run_id, states.as_str())).collect();
    assert_eq!(seen, [(None, "PENDING RUNNING COMPLETED"); 2]);
    let (outer, inner) = (&first[0].0, &first[1].0);
    let parent = serde_json::json!({"__parents__": [{"input_type": "task_run", "id": outer.id}]});
    assert_eq!(serde_json::to_value(&inner.task_inputs).unwrap(), parent);
    let submitted = alone::map([1, 2]).durability(Durability::Committed).submit();
    assert_eq!(submitted.await.unwrap(), [2, 3]);
    let error = broken().submit().await.unwrap_err();
    assert_eq!(error.to_string(), "task `broken-0` failed");
    let all = runs(&settings).await;
    assert_eq!(all.len(), 2 + 4 + 1);
    assert_eq!(all.iter().filter(|(_, states)| states == "PENDING RUNNING FAILED").count(), 1);
    flowcore::Engine::default().await.unwrap().close().await.unwrap();
    println!("done outside");
}

#[tokio::test]
async fn the_own_engine_is_as_the_projects_file_says() {
    let home = tempfile::tempdir().unwrap();
    let file = "logging.level = 'WARNING'\ndatabase.url = 'elsewhere.db'\ntask_limits = 1\n";
    std::fs::write(home.path().join("flowcore.toml"), file).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "outside::program", "--nocapture"]).env(HOME, home.path()).current_dir(home.path());
    let output = command.env("FLOWCORE_TEST_OUTSIDE", "1").output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    assert!(home.path().join("elsewhere.db").is_file() && !home.path().join("flowcore.db").exists());
    assert!(!err.contains("counting") && err.contains("did you mean task_limit?"), "{err}");
}

#[tokio::test]
async fn tasks_outside_a_flow_are_recorded_and_committed() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "outside::program", "--nocapture"]).env(HOME, home.path());
    command.env("FLOWCORE_TEST_OUTSIDE", "1").env("FLOWCORE_TASK_LIMITS", "3");
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("done outside"), "{out}\n{err}");
    assert!(err.contains("Task run 'alone-0' - counting"), "{err}");
    assert_eq!(err.matches("FLOWCORE_TASK_LIMITS is not a setting").count(), 1, "{err}");
    let path = home.path().to_str().unwrap().to_owned();
    let settings = Settings::from_lookup(&|name| (name == HOME).then(|| path.clone())).unwrap();
    let client = connect::client(&settings).await.unwrap();
    assert!(client.flow_runs(&FlowRunFilter::default()).await.unwrap().is_empty());
    let lines = client.logs(&LogFilter::default()).await.unwrap();
    assert_eq!(lines.iter().filter(|line| line.message == "counting" && line.task_run_id.is_some()).count(), 3);
}
