//! `flow-run cancel`, `resume` and `watch`, with real processes: programs that wait, are killed, and go on.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use flowcore::client::Client;
use flowcore::model::{FlowRun, FlowRunFilter, Page, Program, StateType, TaskRun, TaskRunFilter};
use flowcore::orchestration::Executor;
use flowcore_tests::built::programs;
use insta::assert_snapshot;

use crate::history::{new_run, process_id};
use crate::world::{Transcript, World};

/// A condition that is not met by then never will be.
const DEADLINE: Duration = Duration::from_secs(60);

/// Finds the example.
fn example() -> PathBuf {
    programs().join("examples").join("approval")
}

fn program(world: &World, line: &str) -> Command {
    let mut command = Command::new(example());
    command.args(line.split_whitespace()).env_clear().env("FLOWCORE_HOME", world.home.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A process that does not outlive its test.
struct Process(Option<Child>);

impl Process {
    fn start(mut command: Command) -> Self {
        Process(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    fn kill(&mut self) {
        let mut child = self.0.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn end(mut self) -> Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl World {
    async fn only_run(&self) -> Option<FlowRun> {
        Client::flow_runs(&self.client, &FlowRunFilter::default()).await.unwrap().pop()
    }

    async fn tasks(&self) -> Vec<TaskRun> {
        let filter = TaskRunFilter { page: Page::ALL, ..TaskRunFilter::default() };
        Client::task_runs(&self.client, &filter).await.unwrap()
    }

    /// Waits until the only run is in a state.
    async fn until(&self, state: &str) -> FlowRun {
        let met = async {
            loop {
                match self.only_run().await {
                    Some(run) if run.state.name == state => return run,
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        tokio::time::timeout(DEADLINE, met).await.unwrap_or_else(|_| panic!("no run is {state}"))
    }

    async fn history(&self) -> String {
        let run = self.only_run().await.unwrap();
        let states = Client::flow_run_states(&self.client, run.id).await.unwrap();
        states.iter().map(|state| state.name.to_string()).collect::<Vec<_>>().join(" ")
    }
}

/// Hides what is another each time: ids, names, times and paths.
fn plain(transcript: &Transcript, run: &FlowRun) -> String {
    let text = transcript.to_string().replace(&run.id.to_string(), "[id]").replace(&run.name, "[name]");
    text.replace(&example().display().to_string(), "[approval]")
}

#[tokio::test]
async fn a_suspended_program_ends_well_and_goes_on_with_its_input() {
    let world = World::new().await;
    let output = program(&world, "suspend").output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    let run = world.until("Suspended").await;
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(err.contains(&format!("was suspended; resume it with: flowcore flow-run resume {}", run.id)), "{err}");

    let inspected = world.flowcore(&format!("flow-run inspect {}", run.id));
    let waits = inspected.out.split("Waits for a resume").nth(1).unwrap_or_else(|| panic!("{inspected}"));
    assert!(waits.contains("approved  true or false\n  reason    a text or null, may be left out\n"), "{inspected}");
    let refused = world.flowcore(&format!("flow-run resume {} --input approved=maybe --input reason=3", run.id));
    assert_snapshot!(plain(&refused, &run));
    let mistyped = world.flowcore(&format!("flow-run resume {} --input approved=true --input reson=fine", run.id));
    assert_eq!(mistyped.code, Some(1), "{mistyped}");
    assert!(
        mistyped.err.contains("  reson: there is no such field\nIt expects:\n  approved  true or false"),
        "{mistyped}"
    );
    assert_eq!(world.history().await, "Pending Running Suspended", "nothing has changed");

    let resumed = world.flowcore(&format!("flow-run resume {} --input approved=true --input reason=fine", run.id));
    assert_eq!(resumed.code, Some(0), "{resumed}");
    assert!(resumed.out.contains("published \"# Waiting\": fine"), "{resumed}");
    assert!(resumed.err.contains("is Completed."), "{resumed}");
    assert_eq!(world.history().await, "Pending Running Suspended Resuming Pending Resuming Completed");
    let runs: Vec<_> = world.tasks().await.into_iter().map(|run| (run.name, run.times.run_count)).collect();
    assert_eq!(runs, [("draft-0".to_owned(), 1), ("publish-0".to_owned(), 1)]);
    let again = world.flowcore(&format!("flow-run resume {}", run.id));
    assert!(again.err.contains("cannot be resumed: it is Completed, and not paused"), "{again}");
}

#[tokio::test]
async fn a_program_that_waits_is_told_from_another_process() {
    let world = World::new().await;
    let waiting = Process::start(program(&world, "pause"));
    let run = world.until("Paused").await;
    let watching = Process::start(world.command(&format!("flow-run watch {}", run.id)));
    let refused = world.flowcore(&format!("flow-run retry {}", run.id));
    assert!(refused.err.contains("it is Paused in process"), "{refused}");
    let resumed = world.flowcore(&format!("flow-run resume {} --input-json {{\"approved\":true}}", run.id));
    assert!(resumed.out.contains("goes on in process"), "{resumed}");
    let output = waiting.end();
    assert!(String::from_utf8_lossy(&output.stdout).contains("published"), "{output:?}");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(world.history().await, "Pending Running Paused Running Completed");
    let watched = watching.end();
    let out = String::from_utf8_lossy(&watched.stdout);
    assert_eq!(watched.status.code(), Some(0), "{out}");
    for (what, times) in [(" | Pending", 1), (" | Running", 2), (" | Paused", 1), (" | Completed", 1), ("- Resumed", 1)]
    {
        assert_eq!(out.matches(what).count(), times, "{what}: {out}");
    }
    assert!(out.contains("Beginning flow run"), "{out}");
}

/// Killed while it waits: the approval is not lost, and the draft not made again.
#[tokio::test]
async fn a_program_that_was_killed_while_it_waited_goes_on() {
    let world = World::new().await;
    let mut waiting = Process::start(program(&world, "pause"));
    let run = world.until("Paused").await;
    waiting.kill();
    let swept = world.flowcore("flow-run sweep");
    assert!(swept.out.contains("Suspended") && swept.out.contains("flowcore flow-run resume"), "{swept}");
    let resumed = world.flowcore(&format!("flow-run resume {} --input approved=true", run.id));
    assert_eq!(resumed.code, Some(0), "{resumed}");
    assert_eq!(world.history().await, "Pending Running Paused Suspended Resuming Pending Resuming Completed");
    let drafts: Vec<_> = world.tasks().await.into_iter().filter(|run| run.name == "draft-0").collect();
    assert_eq!(drafts[0].times.run_count, 1);
}

#[tokio::test]
async fn a_program_that_was_killed_in_its_sleep_sleeps_for_the_rest() {
    let world = World::new().await;
    let mut sleeping = Process::start(program(&world, "sleep 1.5"));
    let run = world.until("Running").await;
    let asleep = async {
        while !world.tasks().await.first().is_some_and(|run| run.state.is_completed()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, asleep).await.unwrap();
    sleeping.kill();
    let retried = world.flowcore(&format!("flow-run retry {}", run.id));
    assert_eq!(retried.code, Some(0), "{retried}");
    let tasks = world.tasks().await;
    assert_eq!((tasks.len(), tasks[0].times.run_count), (1, 1), "the time of waking up is found once");
    let run = world.until("Completed").await;
    let slept = run.times.end_time.unwrap() - tasks[0].times.start_time.unwrap();
    assert!(slept >= chrono::TimeDelta::milliseconds(1500), "{slept}");
}

#[tokio::test]
async fn a_run_is_cancelled_from_another_process() {
    let world = World::new().await;
    let sleeping = Process::start(program(&world, "sleep 86400"));
    let run = world.until("Running").await;
    let watching = Process::start(world.command(&format!("flow-run watch {}", run.id)));
    let cancelled = world.flowcore(&format!("flow-run cancel {} --wait 60", run.id));
    assert_eq!(cancelled.code, Some(0), "{cancelled}");
    assert!(cancelled.err.contains("was asked to end in process"), "{cancelled}");
    assert!(cancelled.out.ends_with("is Cancelled.\n"), "{cancelled}");
    let output = sleeping.end();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("was cancelled"), "{output:?}");
    assert_eq!(watching.end().status.code(), Some(1));
    assert_eq!(world.history().await, "Pending Running Cancelling Cancelled");
    let again = world.flowcore(&format!("flow-run cancel {}", run.id));
    assert_snapshot!(plain(&again, &run));
}

#[tokio::test]
async fn a_suspended_run_is_cancelled_at_once() {
    let world = World::new().await;
    assert!(program(&world, "suspend").status().unwrap().success());
    let run = world.until("Suspended").await;
    assert_snapshot!(plain(&world.flowcore(&format!("flow-run cancel {}", run.id)), &run));
    assert_eq!(world.history().await, "Pending Running Suspended Cancelled");
}

/// Its input is kept, and the next resume starts the program again.
#[tokio::test]
async fn a_program_that_does_not_take_a_resumed_run_leaves_it_scheduled() {
    let world = World::new().await;
    let program = Program {
        executable: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), "exit 3".to_owned()],
        directory: world.home.path().to_owned(),
        executes_runs: true,
    };
    let mut new = new_run(1, "etl", "brave-otter");
    new.executor = Some(Executor { process_id: process_id(), program: Some(program) });
    let run = world.begin(new).await;
    let mut suspended = world.state(StateType::Paused).named("Suspended");
    suspended.details_mut().pause_reschedule = true;
    suspended.details_mut().pause_key = Some("1".to_owned());
    suspended.details_mut().input_schema = Some(serde_json::json!({"type": "integer"}));
    world.enter(&run, suspended).await;
    let unread = world.flowcore("flow-run resume brave-otter --input-json many");
    assert_eq!(unread.code, Some(2), "{unread}");
    assert_snapshot!(world.flowcore("flow-run resume brave-otter"));
    assert_snapshot!(world.flowcore("flow-run resume brave-otter --input-json 7"));
    let run = world.until("Resuming").await;
    assert_eq!(run.state.details.and_then(|details| details.input), Some(7.into()));
    let again = world.flowcore("flow-run resume brave-otter --input-json 8");
    assert!(again.err.contains("it has its input already"), "{again}");
    assert_eq!(world.flowcore("flow-run resume brave-otter").code, Some(1));
    let retried = world.flowcore("flow-run retry brave-otter");
    assert!(retried.err.contains("start it by resuming it once more"), "{retried}");
}
