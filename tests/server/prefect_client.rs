//! Prefect's own client, unmodified, against the server: what it runs is in `tests/prefect_client`.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::process::Command;

use crate::world::{World, given, on_sqlite};

/// Runs a program of Python's, which ends with a failure when something is not as it should be.
async fn run(world: &World, script: &str) {
    run_with(world, script, &[]).await;
}

async fn run_with(world: &World, script: &str, variables: &[(&str, &str)]) {
    let Some(python) = given("FLOWCORE_TEST_PREFECT_PYTHON", script) else { return };
    let home = TempDir::new().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("prefect_client").join(script);
    let mut command = Command::new(python);
    command.arg(&script).current_dir(home.path()).env("PREFECT_HOME", home.path()).env("PREFECT_API_URL", &world.api);
    command.env("PREFECT_SERVER_ANALYTICS_ENABLED", "false").env("DO_NOT_TRACK", "1").env("NO_PROXY", "127.0.0.1");
    // What commands say is not to be broken into lines.
    command.env("COLUMNS", "200").env("NO_COLOR", "1").envs(variables.iter().copied());
    let output = command.kill_on_drop(true).output().await.unwrap();
    let said = [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy).concat();
    assert!(output.status.success(), "{}: {}\n{said}", script.display(), output.status);
}

pub(crate) async fn a_flow_of_prefects_runs(world: Arc<World>) {
    run(&world, "flows.py").await;
}

pub(crate) async fn variables_and_artifacts_of_prefect(world: Arc<World>) {
    run(&world, "variables.py").await;
}

pub(crate) async fn blocks_of_prefect(world: Arc<World>) {
    run(&world, "blocks.py").await;
}

pub(crate) async fn events_automations_and_background_tasks_of_prefect(world: Arc<World>) {
    run(&world, "events.py").await;
}

pub(crate) async fn limits_of_prefect(world: Arc<World>) {
    run(&world, "limits.py").await;
}

pub(crate) async fn pools_of_prefect(world: Arc<World>) {
    run(&world, "pools.py").await;
}

pub(crate) async fn workers_of_prefect(world: Arc<World>) {
    run(&world, "workers.py").await;
}

pub(crate) async fn runs_of_prefect_pause_and_are_cancelled(world: Arc<World>) {
    run(&world, "pauses.py").await;
}

pub(crate) async fn deployments_of_prefects_run(world: Arc<World>) {
    run(&world, "deployments.py").await;
}

pub(crate) async fn commands_of_every_group_of_prefects(world: Arc<World>) {
    // What is transferred goes to another server.
    on_sqlite(|other| async move { run_with(&world, "commands.py", &[("OTHER_API_URL", &other.api)]).await }).await;
}
