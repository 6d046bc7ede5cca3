//! `flow-run retry`: the program is started anew and takes the run, or it is said why not.

use std::sync::Arc;

use flowcore::client::Client;
use flowcore::connect;
use flowcore::model::{FlowRun, Program, RetryPolicy, State, StateId, StateType};
use flowcore::orchestration::{Decision, Executor};
use flowcore::settings::Settings;
use insta::assert_snapshot;
use uuid::Uuid;

use crate::history::{new_run, process_id};
use crate::sweeping::lease;
use crate::world::World;

/// The test that is the program.
const PROGRAM: &str = "retrying::program";

/// What the program writes into the folder that it was started in.
const MARK: &str = "executed";

/// Ends the program as users' programs end: with a code of their own.
const CODE: i32 = 7;

/// This executable as a program that executes runs: started by itself it passes, started for a run it executes that.
#[tokio::test]
async fn program() {
    let Some((client, run)) = claimed().await else { return };
    println!("executing {} with profile {:?}", run.name, Settings::load().unwrap().profile);
    std::fs::write(MARK, run.id.to_string()).unwrap();
    let completed = State::new(StateType::Completed, StateId(Uuid::from_u128(1)), a_second_later(&run));
    client.set_flow_run_state(&run, completed).await.unwrap();
    client.close().await.unwrap();
    std::process::exit(CODE);
}

/// The same, dying in the middle of the run.
#[tokio::test]
async fn program_that_dies() {
    let Some((client, _run)) = claimed().await else { return };
    client.close().await.unwrap();
    std::process::abort();
}

/// Claims the run that this process was started for, if it was.
async fn claimed() -> Option<(Arc<dyn Client>, FlowRun)> {
    let id = std::env::var(flowcore::EXECUTE).ok()?;
    let client = connect::client(&Settings::load().unwrap()).await.unwrap();
    let run = client.flow_run(id.parse().unwrap()).await.unwrap().unwrap();
    let executor = Executor { process_id: process_id(), program: None };
    let claimed = client.claim_flow_run(&run, executor, RetryPolicy::default()).await.unwrap();
    assert!(matches!(claimed.decision, Decision::Accept(_)));
    Some((client, claimed.run))
}

fn a_second_later(run: &FlowRun) -> flowcore::model::Timestamp {
    run.state.timestamp + std::time::Duration::from_secs(1)
}

fn itself(world: &World, test: &str) -> Program {
    Program {
        executable: std::env::current_exe().unwrap(),
        arguments: ["--exact", test, "--nocapture"].map(str::to_owned).to_vec(),
        directory: world.home.path().to_owned(),
        executes_runs: true,
    }
}

fn shell(world: &World, script: &str) -> Program {
    Program {
        executable: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        directory: world.home.path().to_owned(),
        executes_runs: true,
    }
}

async fn begun(world: &World, program: Option<Program>) -> FlowRun {
    let mut new = new_run(1, "etl", "brave-otter");
    new.executor = Some(Executor { process_id: process_id(), program });
    world.begin(new).await
}

async fn failed(world: &World, program: Option<Program>) {
    let run = begun(world, program).await;
    world.enter(&run, world.state(StateType::Failed).message("the table is locked")).await;
}

fn state(world: &World) -> (String, String) {
    let run = &world.flowcore("flow-run ls -o json").json()[0];
    let text = |field: &str| run["state"][field].as_str().unwrap_or_default().to_owned();
    (text("name"), text("message"))
}

#[tokio::test]
async fn the_program_takes_the_run_and_gives_its_exit_code() {
    let world = World::new().await;
    failed(&world, Some(itself(&world, PROGRAM))).await;
    let retried = world.flowcore("flow-run retry brave-otter");
    assert_eq!(retried.code, Some(CODE), "{retried}");
    assert!(retried.out.contains("executing brave-otter"), "{retried}");
    assert!(retried.err.contains("Flow run 'brave-otter' is Completed."), "{retried}");
    assert_eq!(
        std::fs::read_to_string(world.home.path().join(MARK)).unwrap(),
        crate::history::flow_run_id(1).to_string()
    );
    assert_eq!(state(&world).0, "Completed");
}

#[tokio::test]
async fn the_program_has_the_settings_of_the_command_wherever_they_stood() {
    let world = World::new().await;
    failed(&world, Some(itself(&world, PROGRAM))).await;
    let place = |name: &str| world.home.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(place("url"), place("flowcore.db")).unwrap();
    std::fs::write(place("profiles.toml"), "[profiles.dev]\n").unwrap();
    let file = [("FLOWCORE_DATABASE_URL_FILE", &*place("url"))];
    let retried = world.flowcore_with(&file, "--profile dev flow-run retry brave-otter");
    assert_eq!(retried.code, Some(CODE), "{retried}");
    assert!(retried.out.contains("executing brave-otter with profile Some(\"dev\")"), "{retried}");
}

#[tokio::test]
async fn a_run_of_a_dead_process_crashes_first() {
    let world = World::new().await;
    let _lock = lease(&world, false).await;
    begun(&world, Some(itself(&world, PROGRAM))).await;
    assert_eq!(world.flowcore("flow-run retry 0196").code, Some(CODE));
    let states = world.flowcore("flow-run inspect 0196 -o json").json()["states"].clone();
    let names: Vec<_> = states.as_array().unwrap().iter().map(|state| state["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Pending", "Running", "Crashed", "AwaitingRetry", "Pending", "Retrying", "Completed"]);
}

#[tokio::test]
async fn a_program_that_does_not_take_the_run_leaves_it_as_it_was() {
    let world = World::new().await;
    failed(&world, Some(shell(&world, "exit 3"))).await;
    assert_snapshot!(world.flowcore("flow-run retry brave-otter"));
    assert_snapshot!(format!("{:?}", state(&world)));
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_that_cannot_be_started_leaves_the_run_as_it_was() {
    let world = World::new().await;
    let executable = world.home.path().join("etl");
    std::fs::write(&executable, "not a program").unwrap();
    failed(&world, Some(Program { executable, ..shell(&world, "") })).await;
    let retried = world.flowcore("flow-run retry brave-otter");
    assert_eq!(retried.code, Some(1), "{retried}");
    assert!(retried.err.contains("[home]/etl cannot be started: "), "{retried}");
    assert_eq!(state(&world).0, "Failed");
}

#[tokio::test]
async fn a_detached_program_goes_on_alone() {
    let world = World::new().await;
    failed(&world, Some(itself(&world, PROGRAM))).await;
    let retried = world.flowcore("flow-run retry brave-otter --detach");
    assert_eq!(retried.code, Some(0), "{retried}");
    assert!(retried.out.trim().parse::<u32>().is_ok(), "{retried}");
    let completed = async {
        while state(&world).0 != "Completed" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), completed).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_retried_is_refused() {
    let world = World::new().await;
    failed(&world, None).await;
    let without_program = world.flowcore("flow-run retry brave-otter");

    let world = World::new().await;
    failed(&world, Some(Program { executes_runs: false, executable: "/srv/etl".into(), ..itself(&world, PROGRAM) }))
        .await;
    let not_prepared = world.flowcore("flow-run retry brave-otter");

    let world = World::new().await;
    failed(&world, Some(Program { executable: "/srv/gone".into(), ..itself(&world, PROGRAM) })).await;
    let gone = world.flowcore("flow-run retry brave-otter");

    let world = World::new().await;
    let run = begun(&world, Some(itself(&world, PROGRAM))).await;
    world.enter(&run, world.state(StateType::Completed)).await;
    let completed = world.flowcore("flow-run retry brave-otter");

    let world = World::new().await;
    let _lock = lease(&world, true).await;
    begun(&world, Some(itself(&world, PROGRAM))).await;
    let mut running = world.flowcore("flow-run retry brave-otter");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    running.err = running.err.replace(&format!(" on {}:", host.trim()), " on [host]:");

    let refusals = [without_program, not_prepared, gone, completed, running];
    assert_snapshot!(refusals.map(|refusal| refusal.to_string()).join("\n"));
}

/// Ctrl-C reaches the command and the program together; the command stays to tell what became of the run.
#[cfg(unix)]
#[tokio::test]
async fn an_interrupt_is_the_programs_matter() {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    let world = World::new().await;
    failed(&world, Some(shell(&world, "trap 'exit 9' INT; echo ready; while :; do sleep 0.02; done"))).await;
    let mut command = world.command("flow-run retry brave-otter");
    let mut child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let group = format!("-{}", child.id());
    assert!(Command::new("/bin/kill").args(["-INT", "--", &group]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("the program ended (exit status: 9) without executing flow run"), "{text}");
    assert_eq!(state(&world).0, "Failed");
}

/// A program that dies in the middle of the run leaves it to be retried.
#[tokio::test]
async fn a_program_that_dies_leaves_a_crashed_run() {
    let world = World::new().await;
    failed(&world, Some(itself(&world, "retrying::program_that_dies"))).await;
    let retried = world.flowcore("flow-run retry brave-otter");
    assert_eq!(retried.code, Some(134), "{retried}");
    assert!(
        retried.err.contains("Flow run 'brave-otter' is Crashed; retry it with `flowcore flow-run retry "),
        "{retried}"
    );
    assert_eq!(state(&world).0, "Crashed");
}
