//! `flow-run sweep`: runs whose process has died.

use std::fs::File;

use flowcore::client::Client;
use flowcore::clock::Clock;
use flowcore::model::ProcessLease;
use flowcore::orchestration::Executor;
use insta::assert_snapshot;

use crate::history::{new_run, process_id, program};
use crate::world::World;

/// Keeps a lease whose lock is free or held, as long as the file is not dropped.
pub(crate) async fn lease(world: &World, held: bool) -> File {
    let path = world.home.path().join("process.lock");
    let file = File::create(&path).unwrap();
    if held {
        file.lock().unwrap();
    }
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    let (started, expires) = (world.clock.now(), world.clock.now() + std::time::Duration::from_secs(10 * 365 * 86_400));
    let lock_file = path.to_str().unwrap().to_owned();
    let lease = ProcessLease { id: process_id(), pid: 4711, host, lock_file, started, expires };
    Client::put_process(&world.client, lease).await.unwrap();
    file
}

#[tokio::test]
async fn runs_of_dead_processes_crash_and_may_be_retried() {
    let world = World::new().await;
    std::fs::write(world.home.path().join("etl"), "").unwrap();
    let _lock = lease(&world, false).await;
    let mut new = new_run(1, "etl", "brave-otter");
    new.executor = Some(Executor { process_id: process_id(), program: Some(program(&world)) });
    world.begin(new).await;
    world.begin(new_run(2, "etl", "calm-heron")).await;
    assert_snapshot!(world.flowcore("flow-run sweep"));
    let runs = world.flowcore("flow-run ls -o json").json();
    assert_eq!((&runs[0]["state"]["name"], &runs[1]["state"]["name"]), (&"Crashed".into(), &"Crashed".into()));
    assert_snapshot!(world.flowcore("flow-run sweep"), @r"
    $ flowcore flow-run sweep
    stderr: No run was left behind by a process that has died.
    ");
}

#[tokio::test]
async fn runs_of_living_processes_stay() {
    let world = World::new().await;
    let _lock = lease(&world, true).await;
    world.begin(new_run(1, "etl", "brave-otter")).await;
    assert_eq!(world.flowcore("flow-run sweep -o json").json().as_array().unwrap().len(), 0);
    let run = &world.flowcore("flow-run ls -o json").json()[0];
    assert_eq!(run["state"]["name"], "Running");
}

#[tokio::test]
async fn why_a_run_does_not_move_is_told_with_what_to_do() {
    let world = World::new().await;
    let run = world.begin(new_run(1, "etl", "calm-heron")).await;
    let why = world.flowcore("flow-run why calm-heron");
    assert_eq!(why.code, Some(0), "{why}");
    let mut lines = why.out.lines();
    assert_eq!(lines.next(), Some("The process that executed the run has died."));
    assert!(lines.next().unwrap().contains(&format!("`flowcore flow-run retry {}`", run.id)), "{why}");
    assert_eq!(world.flowcore("flow-run why calm-heron -o json").json()["cause"], "PROCESS_DEAD");
    world.flowcore("flow-run sweep");
    assert!(world.flowcore("flow-run why calm-heron").out.starts_with("The run has ended: it is Crashed."));
}
