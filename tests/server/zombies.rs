//! Runs that nobody executes any more, and slots that nobody has any more. Servers go by a clock that is moved on by hand.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use flowcore::clock::Clock;
use flowcore::model::{FlowRunId, ProcessId, ProcessLease};
use flowcore::orchestration::{Executor, NewFlowRun, Orchestrator};
use flowcore::store::{ServerStore, Store, sql};
use flowcore::wire::CLAIM_HEADER;
use flowcore::{Result, flow};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::HandClock;
use crate::rust_client::Program;
use crate::world::{World, text};

/// Sends a heartbeat of a run, as Prefect's clients do.
async fn beat(server: &World, clock: &HandClock, run: &str) {
    heartbeats(server, run, &[clock.now()]).await;
}

/// Sends a heartbeat that is to be believed for so many seconds, as workers do.
async fn beat_for(server: &World, clock: &HandClock, run: &str, seconds: i64) {
    let expires = clock.now() + TimeDelta::seconds(seconds);
    let event = json!({"id": Uuid::now_v7(), "occurred": clock.now(), "event": "prefect.flow-run.heartbeat",
        "payload": {"flowcore.expires": expires}, "resource": {"prefect.resource.id": format!("prefect.flow-run.{run}")}});
    server.post("/events", json!([event])).await;
}

/// Sends heartbeats of these times.
async fn heartbeats(server: &World, run: &str, times: &[chrono::DateTime<chrono::Utc>]) {
    let event = |time: &chrono::DateTime<chrono::Utc>| {
        json!({"id": Uuid::now_v7(), "occurred": time, "event": "prefect.flow-run.heartbeat", "payload": {},
            "resource": {"prefect.resource.id": format!("prefect.flow-run.{run}")}})
    };
    server.post("/events", times.iter().map(event).collect()).await;
}

/// Makes a run that is RUNNING.
async fn running(server: &World, body: Value) -> String {
    let mut run = json!({"flow_id": server.flow("zombies").await});
    run.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    let id = server.flow_run(run).await;
    server.set_state(&id, json!({"type": "PENDING"})).await;
    let answer = server.set_state(&id, json!({"type": "RUNNING"})).await;
    assert_eq!(answer["status"], "ACCEPT", "{answer}");
    id
}

/// Lists the names of the states that a run was in.
async fn history(server: &World, run: &str) -> Vec<String> {
    let states = server.get(&format!("/flow_run_states/?flow_run_id={run}")).await;
    states.as_array().unwrap().iter().map(|state| text(&state["name"])).collect()
}

async fn state(server: &World, run: &str) -> String {
    text(&server.get(&format!("/flow_runs/{run}")).await["state"]["name"])
}

/// Makes a run of a deployment with a limit of one and a retry, and begins it.
async fn deployed_run(server: &World) -> (String, String) {
    let (deployment, run) = made_run(server, json!({"retries": 1, "retry_delay": 10})).await;
    begin(server, &run).await;
    (deployment, run)
}

/// Makes a run of a deployment with a limit of one.
async fn made_run(server: &World, policy: Value) -> (String, String) {
    let flow = server.flow("zombies").await;
    let name = Uuid::now_v7().to_string();
    let body = json!({"name": name, "flow_id": flow, "concurrency_limit": 1, "enforce_parameter_schema": false});
    let deployment = text(&server.post("/deployments/", body).await["id"]);
    let policy = json!({"empirical_policy": policy});
    let run = text(&server.post(&format!("/deployments/{deployment}/create_flow_run"), policy).await["id"]);
    (deployment, run)
}

async fn begin(server: &World, run: &str) {
    for kind in ["PENDING", "RUNNING"] {
        let answer = server.set_state(run, json!({"type": kind})).await;
        assert_eq!(answer["status"], "ACCEPT", "{answer}");
    }
}

pub(crate) async fn a_run_whose_process_is_silent_crashes_once_and_is_tried_again(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    let replica = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    clock.pass(100).await;
    let (deployment, run) = deployed_run(&server).await;
    server.post("/v2/concurrency_limits", json!({"name": "db", "limit": 1})).await;
    let lend = json!({"names": ["db"], "slots": 1, "lease_duration": 3600, "holder": {"type": "flow_run", "id": run}});
    server.post("/v2/concurrency_limits/increment-with-lease", lend).await;
    let task = json!({"flow_run_id": run, "task_key": "open", "dynamic_key": "0", "name": "open", "state": {"type": "RUNNING"}});
    let task = text(&server.post("/task_runs/", task).await["id"]);
    let slots = async || {
        let of_deployment = server.get(&format!("/deployments/{deployment}")).await;
        let limit = server.get("/v2/concurrency_limits/db").await;
        (of_deployment["global_concurrency_limit"]["active_slots"].clone(), limit["active_slots"].clone())
    };
    for _ in 0..3 {
        beat(&server, &clock, &run).await;
        clock.pass(30).await;
    }
    clock.pass(40).await;
    assert_eq!((state(&server, &run).await.as_str(), slots().await), ("Running", (json!(1), json!(1))));
    clock.pass(20).await;
    // 90 s behind the last heartbeat.
    assert_eq!(history(&server, &run).await, ["Scheduled", "Pending", "Running", "Crashed", "AwaitingRetry"]);
    assert_eq!(slots().await, (json!(0), json!(0)));
    assert_eq!(server.get(&format!("/task_runs/{task}")).await["state"]["type"], "CRASHED");
    let states = server.get(&format!("/flow_run_states/?flow_run_id={run}")).await;
    let message = text(&states[3]["message"]);
    assert!(message.starts_with("Nothing was heard of the process that executes the run for "), "{message}");

    // The second attempt is the last.
    clock.pass(10).await;
    begin(&server, &run).await;
    beat(&server, &clock, &run).await;
    clock.pass(30).await;
    beat(&server, &clock, &run).await;
    clock.pass(120).await;
    assert_eq!(history(&server, &run).await[5..], ["Pending", "Running", "Crashed"]);
    assert_eq!(server.get(&format!("/flow_runs/{run}")).await["run_count"], 2);
    server.stop().await;
    replica.stop().await;
}

pub(crate) async fn a_run_that_was_taken_and_never_begun_is_taken_again(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    clock.pass(100).await;
    let flow = server.flow("zombies").await;
    let body = json!({"name": "taken", "flow_id": flow, "concurrency_limit": 1, "enforce_parameter_schema": false});
    let deployment = text(&server.post("/deployments/", body).await["id"]);
    let taken = async || {
        let run = text(&server.post(&format!("/deployments/{deployment}/create_flow_run"), json!({})).await["id"]);
        let answer = server.set_state(&run, json!({"type": "PENDING"})).await;
        assert_eq!(answer["status"], "ACCEPT", "{answer}");
        run
    };
    // It has no retries, which are for runs that were begun.
    let heard_of = taken().await;
    beat(&server, &clock, &heard_of).await;
    clock.pass(30).await;
    beat(&server, &clock, &heard_of).await;
    clock.pass(60).await;
    assert_eq!(state(&server, &heard_of).await, "Pending");
    clock.pass(30).await;
    assert_eq!(history(&server, &heard_of).await, ["Scheduled", "Pending", "Crashed", "AwaitingRetry"]);
    let stands = server.get(&format!("/flow_runs/{heard_of}")).await;
    assert!(text(&stands["state"]["message"]).contains("before it was begun"), "{stands}");
    // Its slot is free for whoever takes it again.
    begin(&server, &heard_of).await;
    assert_eq!(server.get(&format!("/flow_runs/{heard_of}")).await["run_count"], 1);
    server.set_state(&heard_of, json!({"type": "COMPLETED"})).await;
    let mute = taken().await;
    clock.pass(600).await;
    assert_eq!(state(&server, &mute).await, "Pending", "nobody said that anything would be heard");
    server.stop().await;
}

pub(crate) async fn a_run_whose_taker_dies_at_once_is_taken_again(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    clock.pass(100).await;
    let (_, run) = made_run(&server, json!({})).await;
    let take = async |claim: &str| {
        let request = server.request(Method::POST, &format!("/flow_runs/{run}/set_state"));
        request.header(CLAIM_HEADER, claim).json(&json!({"state": {"type": "PENDING"}})).send().await.unwrap().status()
    };
    assert_eq!(take("soon").await, 400);
    // Another one is as good as refused: nothing need be heard of who has the run.
    let (_, prefects) = made_run(&server, json!({})).await;
    server.set_state(&prefects, json!({"type": "PENDING"})).await;
    let path = format!("/flow_runs/{prefects}/set_state");
    let late =
        server.request(Method::POST, &path).header(CLAIM_HEADER, "60").json(&json!({"state": {"type": "PENDING"}}));
    assert_eq!(late.send().await.unwrap().status(), 200);
    assert_eq!(take("60").await, 201);
    clock.pass(60).await;
    assert_eq!(history(&server, &run).await, ["Scheduled", "Pending"]);
    clock.pass(30).await;
    assert_eq!(history(&server, &run).await, ["Scheduled", "Pending", "Crashed", "AwaitingRetry"]);
    assert_eq!(history(&server, &prefects).await, ["Scheduled", "Pending"]);

    // It may have been begun before: somebody has it executed once more.
    let (_, again) = made_run(&server, json!({})).await;
    begin(&server, &again).await;
    for state in [json!({"type": "FAILED"}), json!({"type": "SCHEDULED"})] {
        let answer = server.set_state(&again, state).await;
        assert_eq!(answer["status"], "ACCEPT", "{answer}");
    }
    let path = format!("/flow_runs/{again}/set_state");
    let taken =
        server.request(Method::POST, &path).header(CLAIM_HEADER, "60").json(&json!({"state": {"type": "PENDING"}}));
    assert_eq!(taken.send().await.unwrap().status(), 201);
    clock.pass(90).await;
    assert_eq!(history(&server, &again).await[5..], ["Pending", "Crashed", "AwaitingRetry"]);
    let stands = server.get(&format!("/flow_runs/{again}")).await;
    assert!(text(&stands["state"]["message"]).contains("before it was begun"), "{stands}");
    server.stop().await;
}

pub(crate) async fn a_run_that_is_said_to_have_crashed_is_tried_again(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    let (_, run) = deployed_run(&server).await;
    server.set_state(&run, json!({"type": "CRASHED", "message": "out of memory"})).await;
    clock.pass(10).await;
    assert_eq!(history(&server, &run).await[3..], ["Crashed", "AwaitingRetry"]);
    clock.pass(10).await;
    begin(&server, &run).await;
    server.set_state(&run, json!({"type": "CRASHED", "message": "out of memory"})).await;
    clock.pass(60).await;
    assert_eq!(history(&server, &run).await[5..], ["Pending", "Running", "Crashed"], "it has no retries left");

    // What could not even be begun could not be begun the next time, either.
    let (_, hopeless) = made_run(&server, json!({"retries": 3})).await;
    server.set_state(&hopeless, json!({"type": "PENDING"})).await;
    server.set_state(&hopeless, json!({"type": "CRASHED", "message": "no such program"})).await;
    clock.pass(60).await;
    assert_eq!(history(&server, &hopeless).await, ["Scheduled", "Pending", "Crashed"]);
    server.stop().await;
}

pub(crate) async fn a_process_that_dies_before_its_retry_has_no_slot(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    clock.pass(100).await;
    let (deployment, run) = deployed_run(&server).await;
    let slots = async || {
        let deployment = server.get(&format!("/deployments/{deployment}")).await;
        deployment["global_concurrency_limit"]["active_slots"].clone()
    };
    beat(&server, &clock, &run).await;
    clock.pass(30).await;
    beat(&server, &clock, &run).await;
    assert_eq!(server.set_state(&run, json!({"type": "FAILED"})).await["state"]["name"], "AwaitingRetry");
    clock.pass(60).await;
    assert_eq!(slots().await, 1);
    clock.pass(60).await;
    assert_eq!((state(&server, &run).await.as_str(), slots().await), ("AwaitingRetry", json!(0)));
    begin(&server, &run).await;
    assert_eq!(slots().await, 1);
    server.stop().await;
}

pub(crate) async fn nobody_is_waited_for_who_never_spoke_up(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    let mute = running(&server, json!({})).await;
    let usual = running(&server, json!({})).await;
    let paused = running(&server, json!({})).await;
    beat(&server, &clock, &paused).await;
    let details =
        json!({"pause_timeout": clock.now() + TimeDelta::days(1), "pause_key": "1", "pause_reschedule": true});
    let suspended = json!({"state": {"type": "PAUSED", "name": "Suspended", "state_details": details}, "force": true});
    server.post(&format!("/flow_runs/{paused}/set_state"), suspended).await;
    for _ in 0..4 {
        // As often as Prefect's clients do where nothing is set.
        beat(&server, &clock, &usual).await;
        clock.pass(180).await;
    }
    let stands = [state(&server, &mute).await, state(&server, &usual).await, state(&server, &paused).await];
    assert_eq!(stands, ["Running", "Running", "Suspended"]);
    clock.pass(300).await;
    assert_eq!([state(&server, &mute).await, state(&server, &usual).await], ["Running", "Crashed"]);
    server.stop().await;
}

pub(crate) async fn a_run_that_died_with_its_worker_before_it_began_crashes(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    clock.pass(100).await;
    let pending = async || {
        let id = server.flow_run(json!({"flow_id": server.flow("zombies").await})).await;
        server.set_state(&id, json!({"type": "PENDING"})).await;
        id
    };
    let (taken, quiet) = (pending().await, pending().await);
    clock.pass(1).await;
    beat_for(&server, &clock, &taken, 60).await;
    clock.pass(60).await;
    assert_eq!(state(&server, &taken).await, "Pending");
    clock.pass(30).await;
    assert_eq!([state(&server, &taken).await, state(&server, &quiet).await], ["Crashed", "Pending"]);
    server.stop().await;
}

pub(crate) async fn a_server_that_was_away_waits(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    let (lives, dead) = (running(&server, json!({})).await, running(&server, json!({})).await);
    let begin = clock.now();
    for run in [&lives, &dead] {
        heartbeats(&server, run, &[begin - TimeDelta::seconds(30), begin]).await;
    }
    server.stop().await;
    clock.leap(600);
    let server = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    clock.pass(60).await;
    assert_eq!(state(&server, &lives).await, "Running", "nobody could have told the server");
    let kept: Vec<_> = (1..=20).map(|number| begin + TimeDelta::seconds(30 * number)).collect();
    heartbeats(&server, &lives, &kept).await;
    clock.pass(60).await;
    assert_eq!([state(&server, &lives).await, state(&server, &dead).await], ["Running", "Crashed"]);
    // A machine that slept has missed what was said meanwhile, too.
    beat(&server, &clock, &lives).await;
    clock.leap(3600);
    clock.until_asleep(1).await;
    clock.pass(30).await;
    assert_eq!(state(&server, &lives).await, "Running");
    server.stop().await;
}

pub(crate) async fn a_run_of_flowcore_is_found_that_died_early(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    let process = Uuid::now_v7().to_string();
    let early = running(&server, json!({"labels": {"flowcore.process": process, "team": "data"}})).await;
    let nobodys = running(&server, json!({"labels": {"flowcore.process": ""}})).await;
    clock.pass(70).await;
    assert_eq!(state(&server, &early).await, "Running");
    clock.pass(20).await;
    assert_eq!([state(&server, &early).await, state(&server, &nobodys).await], ["Crashed", "Running"]);
    let labels = server.get(&format!("/flow_runs/{early}")).await["labels"].clone();
    assert_eq!([&labels["flowcore.process"], &labels["team"]], ["", "data"], "its process has it no more");
    server.stop().await;
}

#[flow]
async fn cut_off() -> Result<()> {
    std::future::pending().await
}

pub(crate) async fn a_late_client_is_told_to_stop(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    let program = Program::start(&server.api).await;
    let engine = program.engine.clone();
    let call = tokio::spawn(async move { cut_off().on(&engine).await });
    let run = loop {
        let runs = server.post("/flow_runs/filter", json!({"flows": {"name": {"any_": ["cut-off"]}}})).await;
        match runs.as_array().unwrap().first() {
            Some(run) if run["state_type"] == "RUNNING" => break text(&run["id"]),
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    // The program speaks up by the machine's clock, of which little passes.
    clock.pass(100).await;
    assert_eq!(state(&server, &run).await, "Crashed");
    let ended = tokio::time::timeout(Duration::from_secs(30), call).await.expect("the call ends").unwrap();
    assert!(ended.is_err());
    assert_eq!(state(&server, &run).await, "Crashed", "who is late changes nothing");
    program.engine.close().await.unwrap();
    server.stop().await;
}

pub(crate) async fn a_program_whose_lease_has_ended_is_found(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let store: Arc<dyn ServerStore> = sql::connect_server(world.database()).await.unwrap();
    let lease = |expires: i64| ProcessLease {
        id: ProcessId(Uuid::now_v7()),
        pid: 1,
        host: "elsewhere".to_owned(),
        lock_file: "/nowhere".to_owned(),
        started: clock.now(),
        expires: clock.now() + TimeDelta::seconds(expires),
    };
    let rows: Arc<dyn Store> = store.clone();
    let orchestrator = Orchestrator::new(rows, clock.clone());
    let mut runs = Vec::new();
    for lease in [lease(20), lease(6000)] {
        let new = NewFlowRun {
            id: FlowRunId(Uuid::now_v7()),
            flow_id: None,
            flow_name: "embedded".to_owned(),
            flow_tags: Vec::new(),
            name: "embedded".to_owned(),
            tags: Vec::new(),
            parameters: serde_json::value::RawValue::from_string("{}".to_owned()).unwrap(),
            flow_version: None,
            parent_task_run_id: None,
            parent_task_run: None,
            policy: flowcore::model::RetryPolicy::default(),
            labels: flowcore::model::Labels::default(),
            origin: flowcore::model::FlowRunOrigin::default(),
            pauses: flowcore::model::Pauses::default(),
            state: None,
            executor: Some(Executor { process_id: lease.id, program: None }),
        };
        store.put_process(lease).await.unwrap();
        runs.push(orchestrator.create_flow_run(new).await.unwrap().id.to_string());
    }
    let server = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    clock.pass(50).await;
    assert_eq!(state(&server, &runs[0]).await, "Running", "its lease may be renewed");
    clock.pass(20).await;
    assert_eq!([state(&server, &runs[0]).await, state(&server, &runs[1]).await], ["Crashed", "Running"]);
    server.stop().await;
    store.close().await.unwrap();
}

pub(crate) async fn what_was_being_cancelled_is_cancelled(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["ZOMBIES"], &[]).await;
    let run = running(&server, json!({})).await;
    let begin = clock.now();
    heartbeats(&server, &run, &[begin - TimeDelta::seconds(30), begin]).await;
    server.post(&format!("/flow_runs/{run}/set_state"), json!({"state": {"type": "CANCELLING"}, "force": true})).await;
    clock.pass(85).await;
    assert_eq!(state(&server, &run).await, "Cancelled");
    server.stop().await;
}

pub(crate) async fn slots_come_back_whose_lease_has_ended(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["REPOSSESSOR"], &[]).await;
    let store = sql::connect_server(world.database()).await.unwrap();
    server.post("/v2/concurrency_limits", json!({"name": "db", "limit": 2})).await;
    let lend = || {
        server.post(
            "/v2/concurrency_limits/increment-with-lease",
            json!({"names": ["db"], "slots": 1, "lease_duration": 60}),
        )
    };
    let (renewed, lost) = (lend().await, lend().await);
    let renew = format!("/v2/concurrency_limits/leases/{}/renew", text(&renewed["lease_id"]));
    let leases = async || store.occupancy(&["db".to_owned()]).await.unwrap().leases;
    clock.pass(55).await;
    server.post(&renew, json!({"lease_duration": 60})).await;
    assert_eq!(leases().await.len(), 2);
    clock.pass(10).await;
    let left: Vec<String> = leases().await.iter().map(|lease| lease.id.to_string()).collect();
    assert_eq!(left, [text(&renewed["lease_id"])], "without {lost}");
    clock.pass(60).await;
    assert!(leases().await.is_empty());
    server.stop().await;
    store.close().await.unwrap();
}

pub(crate) async fn slots_come_back_of_runs_that_are_over(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["REPOSSESSOR"], &[]).await;
    server.post("/concurrency_limits/", json!({"tag": "db", "concurrency_limit": 2})).await;
    let run = running(&server, json!({})).await;
    let mut tasks = Vec::new();
    for key in ["ends", "goes on"] {
        let task = json!({"flow_run_id": run, "task_key": key, "dynamic_key": "0", "name": key, "tags": ["db"],
            "state": {"type": "PENDING"}});
        let task = text(&server.post("/task_runs/", task).await["id"]);
        let begun = server.post(&format!("/task_runs/{task}/set_state"), json!({"state": {"type": "RUNNING"}})).await;
        assert_eq!(begun["status"], "ACCEPT");
        tasks.push(task);
    }
    let slots = async || server.get("/concurrency_limits/tag/db").await["active_slots"].clone();
    assert_eq!(slots().await.as_array().unwrap().len(), 2);
    // It ends past the server, as those do that are told of by events.
    clock.leap(1);
    let ended = json!({"id": Uuid::now_v7(), "occurred": clock.now(), "event": "prefect.task-run.Crashed",
        "resource": {"prefect.resource.id": format!("prefect.task-run.{}", tasks[0]), "prefect.orchestration": "client"},
        "related": [{"prefect.resource.id": format!("prefect.flow-run.{run}"), "prefect.resource.role": "flow-run"}],
        "payload": {"validated_state": {"type": "CRASHED", "name": "Crashed"},
            "task_run": {"task_key": "ends", "dynamic_key": "0", "tags": ["db"], "end_time": clock.now()}}});
    server.post("/events", json!([ended])).await;
    clock.pass(10).await;
    assert_eq!(slots().await, json!([tasks[1]]));
    server.stop().await;
}
