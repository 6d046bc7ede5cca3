//! Why a flow run does not move. The server's clock is moved on by hand where time matters.

use std::sync::Arc;

use chrono::TimeDelta;
use flowcore::client::WhyClient;
use flowcore::clock::Clock;
use flowcore::model::{
    FlowRun, FlowRunId, Labels, Pauses, ProcessId, ProcessLease, RetryPolicy, SlotAsk, SlotHolder, SlotId,
};
use flowcore::orchestration::{Executor, Liveness, NewFlowRun, NewLimit, Orchestrator, Probe};
use flowcore::store::Store;
use flowcore::store::memory::MemoryStore;
use flowcore::wire::Cause;
use reqwest::{Method, StatusCode};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::HandClock;
use crate::world::{World, text};

/// Asks why, and holds the cause, a word of each sentence and the names of what stands in the way against what is expected.
async fn expect(server: &World, run: &str, cause: &str, says: &str, advises: &str, blockers: &[&str]) {
    let why = server.get(&format!("/flow_runs/{run}/why")).await;
    assert_eq!(why["cause"], cause, "{why}");
    let (message, advice) = (text(&why["message"]), text(&why["advice"]));
    assert!(message.contains(says) && advice.contains(advises), "{why}");
    let named: Vec<String> = why["blockers"].as_array().unwrap().iter().map(|one| text(&one["name"])).collect();
    assert_eq!(named, blockers, "{why}");
}

async fn change(server: &World, path: &str, body: Value) {
    let (status, answer) = server.ask(Method::PATCH, path, Some(body)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{path}: {answer}");
}

async fn force(server: &World, run: &str, state: Value) {
    server.post(&format!("/flow_runs/{run}/set_state"), json!({"state": state, "force": true})).await;
}

/// Makes a deployment, and gives the path of its runs to be made.
async fn deployment(server: &World, name: &str, more: Value) -> String {
    let flow = server.flow("why").await;
    let mut body = json!({"name": name, "flow_id": flow, "enforce_parameter_schema": false});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    text(&server.post("/deployments/", body).await["id"])
}

async fn run_of(server: &World, deployment: &str, name: &str) -> String {
    text(&server.post(&format!("/deployments/{deployment}/create_flow_run"), json!({"name": name})).await["id"])
}

pub(crate) async fn a_run_for_a_worker_waits_for_what_stands_in_its_way(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &[], &[]).await;
    server.post("/work_pools/", json!({"name": "pool", "type": "process"})).await;
    let placed = deployment(&server, "placed", json!({"work_pool_name": "pool"})).await;
    let run = run_of(&server, &placed, "first").await;
    expect(&server, &run, "NO_WORKER", "No worker of the pool 'pool' is there", "worker start --pool pool", &["pool"])
        .await;
    server.post("/work_pools/pool/workers/heartbeat", json!({"name": "w"})).await;
    expect(
        &server,
        &run,
        "QUEUE_NOT_POLLED",
        "No worker asks for the work of the queue 'default'",
        "--work-queue default",
        &["default"],
    )
    .await;
    server.post("/work_pools/pool/get_scheduled_flow_runs", json!({})).await;
    expect(&server, &run, "DUE", "takes it when it asks next", "Wait", &[]).await;

    let pause = |paused: bool| json!({"is_paused": paused});
    change(&server, "/work_pools/pool", pause(true)).await;
    expect(&server, &run, "POOL_PAUSED", "The pool 'pool' is paused", "work-pool resume pool", &["pool"]).await;
    change(&server, "/work_pools/pool", pause(false)).await;
    change(&server, "/work_pools/pool/queues/default", pause(true)).await;
    expect(&server, &run, "QUEUE_PAUSED", "'default'", "work-queue resume default --pool pool", &["default"]).await;
    change(&server, "/work_pools/pool/queues/default", pause(false)).await;

    let other = run_of(&server, &placed, "in the way").await;
    force(&server, &other, json!({"type": "RUNNING"})).await;
    let limit = |limit: Value| json!({"concurrency_limit": limit});
    change(&server, "/work_pools/pool", limit(json!(1))).await;
    expect(&server, &run, "POOL_FULL", "Of the pool 'pool' 1 runs", "raise the pool's", &["in the way"]).await;
    change(&server, "/work_pools/pool", limit(Value::Null)).await;
    change(&server, "/work_pools/pool/queues/default", limit(json!(1))).await;
    expect(&server, &run, "QUEUE_FULL", "Of the queue 'default' 1 runs", "raise the queue's", &["in the way"]).await;
    change(&server, "/work_pools/pool/queues/default", limit(Value::Null)).await;

    server.set_state(&run, json!({"type": "PENDING"})).await;
    expect(&server, &run, "TAKEN", "has taken the run at", "what the worker logs", &[]).await;
    clock.leap(1000);
    expect(&server, &run, "WORKER_GONE", "no worker is there any more", "Start a worker", &["pool"]).await;
    server.stop().await;
}

pub(crate) async fn a_run_of_a_deployment_waits_for_a_slot_or_for_who_serves_it(world: Arc<World>) {
    let limited = deployment(&world, "limited", json!({"concurrency_limit": 1})).await;
    let (one, two) = (run_of(&world, &limited, "one").await, run_of(&world, &limited, "two").await);
    expect(&world, &two, "NOBODY_SERVES", "'limited' has no pool", "Start the program", &["limited"]).await;
    for run in [&one, &two] {
        world.set_state(run, json!({"type": "PENDING"})).await;
    }
    expect(&world, &two, "DEPLOYMENT_FULL", "'limited' 1 runs", "raise the deployment's", &["one"]).await;
    expect(&world, &one, "TAKEN", "has been taken", "Wait", &[]).await;
    let paused = deployment(&world, "paused", json!({"paused": true})).await;
    let run = run_of(&world, &paused, "of paused").await;
    expect(&world, &run, "DEPLOYMENT_PAUSED", "'paused' is paused", "Start the program", &["paused"]).await;
    world.post("/deployments/get_scheduled_flow_runs", json!({"deployment_ids": [paused]})).await;
    expect(&world, &run, "DUE", "whoever serves the deployment", "Wait", &[]).await;
}

pub(crate) async fn a_run_waits_for_its_time_a_resume_or_somebody(world: Arc<World>) {
    let flow = world.flow("why").await;
    let later = json!(chrono::Utc::now() + TimeDelta::hours(1));
    let run = async |state: Value| world.flow_run(json!({"flow_id": flow, "state": state})).await;
    let timed = |name: &str| json!({"type": "SCHEDULED", "name": name, "state_details": {"scheduled_time": later}});
    expect(&world, &run(timed("Scheduled")).await, "WAITS_FOR_TIME", "waits for its time", "Wait", &[]).await;
    expect(&world, &run(timed("AwaitingRetry")).await, "WAITS_FOR_RETRY", "is tried again at", "Wait", &[]).await;
    let due = run(json!({"type": "SCHEDULED"})).await;
    expect(&world, &due, "NOBODY_EXECUTES", "nobody has been asked", &format!("flow-run retry {due}"), &[]).await;

    let paused = run(json!({"type": "RUNNING"})).await;
    expect(&world, &paused, "RUNNING", "nothing is known to stand in its way", "flow-run watch", &[]).await;
    let with = |details: Value| json!({"type": "PAUSED", "name": "Paused", "state_details": details});
    force(&world, &paused, with(json!({"pause_timeout": later, "pause_key": "1"}))).await;
    expect(&world, &paused, "PAUSED", "its process waits for a resume", "flow-run resume", &[]).await;
    force(&world, &paused, with(json!({"pause_timeout": later, "pause_reschedule": true}))).await;
    expect(&world, &paused, "SUSPENDED", "no process has it", "It fails at", &[]).await;
    force(&world, &paused, with(json!({"pause_timeout": later, "run_input_keyset": {"schema": "k"}}))).await;
    expect(&world, &paused, "WAITS_FOR_INPUT", "told something", "flow-run resume", &[]).await;

    let ending = run(json!({"type": "RUNNING"})).await;
    force(&world, &ending, json!({"type": "CANCELLING"})).await;
    expect(&world, &ending, "CANCELLING", "was asked to end", "end its process", &[]).await;
    force(&world, &ending, json!({"type": "CRASHED"})).await;
    expect(&world, &ending, "ENDED", "it is Crashed", "flow-run retry", &[]).await;
    let (status, _) = world.ask(Method::GET, &format!("/flow_runs/{}/why", Uuid::nil()), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

pub(crate) async fn a_running_run_waits_for_what_is_in_it(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &[], &[]).await;
    let flow = server.flow("why").await;
    let run = async |more: Value| {
        let mut body = json!({"flow_id": flow, "state": {"type": "RUNNING"}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.flow_run(body).await
    };
    let task = async |run: &str, name: &str, state: Value, tags: Value| {
        let body = json!({"flow_run_id": run, "task_key": name, "dynamic_key": name, "name": name, "state": state, "tags": tags});
        text(&server.post("/task_runs/", body).await["id"])
    };
    server.post("/concurrency_limits/", json!({"tag": "db", "concurrency_limit": 1})).await;
    let (holds, waits) = (run(json!({})).await, run(json!({})).await);
    let has = task(&holds, "has it", json!({"type": "PENDING"}), json!(["db"])).await;
    server.post(&format!("/task_runs/{has}/set_state"), json!({"state": {"type": "RUNNING"}})).await;
    task(&waits, "wants it", json!({"type": "PENDING"}), json!(["db"])).await;
    expect(&server, &waits, "WAITS_FOR_SLOT", "the tag `db`, of which there are 1", "raise the limit", &["has it"])
        .await;

    let tried = run(json!({})).await;
    let due = json!({"type": "SCHEDULED", "name": "AwaitingRetry", "state_details": {"scheduled_time": clock.now() + TimeDelta::hours(1)}});
    task(&tried, "flaky", due, json!([])).await;
    expect(&server, &tried, "WAITS_FOR_RETRY", "Its task 'flaky' failed", "Wait", &["flaky"]).await;

    let chain = run(json!({"name": "chain"})).await;
    let first = task(&chain, "first", json!({"type": "RUNNING"}), json!([])).await;
    let mut before = first.clone();
    for name in ["second", "third"] {
        let inputs = json!({"x": [{"input_type": "task_run", "id": before}]});
        let body = json!({"flow_run_id": chain, "task_key": name, "dynamic_key": name, "name": name,
            "state": {"type": "PENDING"}, "task_inputs": inputs});
        before = text(&server.post("/task_runs/", body).await["id"]);
    }
    let inspect = format!("`flowcore task-run inspect {first}`");
    expect(&server, &chain, "WAITS_FOR_TASK", "waits for 'first', which is Running", &inspect, &["first"]).await;

    let parent = run(json!({"name": "parent-run"})).await;
    let stands = task(&parent, "child", json!({"type": "RUNNING"}), json!([])).await;
    let child = run(json!({"parent_task_run_id": stands, "name": "child-run", "state": {"type": "SCHEDULED"}})).await;
    expect(&server, &parent, "WAITS_FOR_SUBFLOW", "'child-run', which is Scheduled", &child, &["child-run"]).await;

    let says = "is a subflow of 'parent-run', which is Running and is to execute it";
    expect(&server, &child, "WAITS_FOR_PARENT", says, &format!("flow-run why {parent}"), &["parent-run"]).await;
    force(&server, &parent, json!({"type": "FAILED"})).await;
    expect(&server, &child, "WAITS_FOR_PARENT", "nobody executes it any more", "flow-run retry", &["parent-run"]).await;

    // As Prefect's `concurrency("api")` asks: in a flow for its run, in a task for the task run.
    server.post("/v2/concurrency_limits/", json!({"name": "api", "limit": 1})).await;
    let lend = async |kind: &str, id: &str| {
        let body = json!({"slots": 1, "names": ["api"], "lease_duration": 60, "holder": {"type": kind, "id": id}});
        server.ask(Method::POST, "/v2/concurrency_limits/increment-with-lease", Some(body)).await
    };
    let (has, flow_waits) = (run(json!({"name": "has api"})).await, run(json!({})).await);
    let task_waits = run(json!({})).await;
    let wants = task(&task_waits, "wants api", json!({"type": "RUNNING"}), json!([])).await;
    let (status, lease) = lend("flow_run", &has).await;
    assert_eq!(status, StatusCode::OK, "{lease}");
    for (kind, id, run) in [("flow_run", &flow_waits, &flow_waits), ("task_run", &wants, &task_waits)] {
        assert_eq!(lend(kind, id).await.0, StatusCode::LOCKED);
        let says = "a slot of the concurrency limit `api`, of which there are 1";
        expect(&server, run, "WAITS_FOR_SLOT", says, "concurrency update api --limit N", &["has api"]).await;
    }
    let back = json!({"lease_id": lease["lease_id"]});
    server.ask(Method::POST, "/v2/concurrency_limits/decrement-with-lease", Some(back)).await;
    assert_eq!(lend("flow_run", &flow_waits).await.0, StatusCode::OK);
    expect(&server, &flow_waits, "RUNNING", "nothing is known", "watch", &[]).await;

    let silent = run(json!({})).await;
    let beat = json!([{"id": Uuid::now_v7(), "occurred": clock.now(), "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": format!("prefect.flow-run.{silent}")}}]);
    server.post("/events", beat).await;
    expect(&server, &silent, "RUNNING", "nothing is known", "watch", &[]).await;
    clock.leap(400);
    expect(&server, &silent, "PROCESS_SILENT", "Nothing was heard of the process", "taken for dead at", &[]).await;
    server.stop().await;
}

/// A look that shows nothing, as at a process on another machine.
struct Elsewhere;

impl Probe for Elsewhere {
    fn look(&self, _: &ProcessLease) -> Liveness {
        Liveness::Unknown
    }
}

async fn embedded_run(orchestrator: &Orchestrator, process: ProcessId) -> FlowRun {
    let new = NewFlowRun {
        id: FlowRunId(Uuid::now_v7()),
        flow_id: None,
        flow_name: "embedded".to_owned(),
        flow_tags: Vec::new(),
        name: "embedded".to_owned(),
        tags: Vec::new(),
        parameters: RawValue::from_string("{}".to_owned()).unwrap(),
        flow_version: None,
        parent_task_run_id: None,
        parent_task_run: None,
        policy: RetryPolicy::default(),
        labels: Labels::default(),
        origin: flowcore::model::FlowRunOrigin::default(),
        pauses: Pauses::default(),
        state: None,
        executor: Some(Executor { process_id: process, program: None }),
    };
    orchestrator.create_flow_run(new).await.unwrap()
}

#[tokio::test]
async fn without_a_server_dead_processes_and_limits_are_told() {
    let clock = Arc::new(HandClock::new());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let orchestrator = Orchestrator::new(store.clone(), clock.clone());
    let process = ProcessId(Uuid::now_v7());
    let expires = clock.now() + TimeDelta::seconds(60);
    let lease = ProcessLease {
        id: process,
        pid: 1,
        host: "elsewhere".into(),
        lock_file: String::new(),
        started: clock.now(),
        expires,
    };
    store.put_process(lease).await.unwrap();
    let (holds, waits) = (embedded_run(&orchestrator, process).await, embedded_run(&orchestrator, process).await);
    orchestrator.create_limit(NewLimit::new("db", 1)).await.unwrap().unwrap();
    for run in [&holds, &waits] {
        let ask = SlotAsk {
            id: SlotId(run.id.0),
            limits: vec!["db".to_owned()],
            slots: 1,
            holder: SlotHolder { flow_run_id: Some(run.id), task_run_id: None, name: format!("run {}", run.id) },
            process_id: Some(process),
            due: clock.now(),
            expires: None,
            strict: false,
            rate: false,
        };
        orchestrator.ask_for_slots(vec![ask]).await.unwrap();
    }
    let why = async |run: &FlowRun| orchestrator.why(run.id, &Elsewhere).await.unwrap().unwrap();
    assert_eq!(why(&holds).await.cause, Cause::Running);
    let slot = why(&waits).await;
    assert_eq!((slot.cause, slot.blockers[0].id), (Cause::WaitsForSlot, Some(holds.id.0)), "{slot:?}");
    assert!(slot.message.contains("the concurrency limit `db`"), "{slot:?}");
    clock.leap(61);
    assert_eq!(why(&holds).await.cause, Cause::ProcessDead);
    assert!(orchestrator.why(FlowRunId(Uuid::nil()), &Elsewhere).await.unwrap().is_none());
}
