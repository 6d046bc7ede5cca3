//! The concurrency limits of deployments: who gets a slot, for how long, and who is next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use flowcore::{Collision, Result, flow};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::clock::HandClock;
use crate::rust_client::Program;
use crate::serving::{Serving, deployment};
use crate::world::{World, text};

/// A deployment with a limit, and the server that is asked.
struct Limited<'w> {
    world: &'w World,
    id: String,
}

impl<'w> Limited<'w> {
    async fn new(world: &'w World, name: &str, limit: u32, more: Value) -> Self {
        let flow = world.flow("limited").await;
        let mut body =
            json!({"flow_id": flow, "name": name, "concurrency_limit": limit, "enforce_parameter_schema": false});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Limited { world, id: text(&world.post("/deployments/", body).await["id"]) }
    }

    async fn run(&self) -> String {
        self.run_with(json!({})).await
    }

    async fn run_with(&self, body: Value) -> String {
        text(&self.world.post(&format!("/deployments/{}/create_flow_run", self.id), body).await["id"])
    }

    async fn slots(&self) -> Value {
        let deployment = self.world.get(&format!("/deployments/{}", self.id)).await;
        deployment["global_concurrency_limit"]["active_slots"].clone()
    }

    async fn state(&self, run: &str) -> Value {
        self.world.get(&format!("/flow_runs/{run}")).await["state"].clone()
    }

    async fn lease(&self, run: &str) -> Value {
        self.state(run).await["state_details"]["deployment_concurrency_lease_id"].clone()
    }
}

fn cancels_new() -> Value {
    json!({"concurrency_options": {"collision_strategy": "CANCEL_NEW"}})
}

/// Proposes a state, and gives the verdict with its reason.
async fn set(world: &World, run: &str, kind: &str) -> (String, String) {
    let answer = world.set_state(run, json!({"type": kind})).await;
    (text(&answer["status"]), answer["details"]["reason"].as_str().unwrap_or_default().to_owned())
}

async fn begin(world: &World, run: &str) {
    for kind in ["PENDING", "RUNNING"] {
        assert_eq!(set(world, run, kind).await, ("ACCEPT".to_owned(), String::new()), "{run} {kind}");
    }
}

async fn renew(world: &World, lease: &Value) -> StatusCode {
    let path = format!("/v2/concurrency_limits/leases/{}/renew", text(lease));
    world.ask(Method::POST, &path, Some(json!({"lease_duration": 60}))).await.0
}

pub(crate) async fn of_two_who_take_a_run_one_has_it_with_its_slot(world: Arc<World>) {
    let other = world.replica().await;
    for (name, options) in [("waits", json!({})), ("cancels", cancels_new())] {
        let limited = Limited::new(&world, name, 1, options).await;
        for round in 0..25 {
            let run = limited.run().await;
            let (one, two, three) =
                tokio::join!(set(&world, &run, "PENDING"), set(&other, &run, "PENDING"), set(&world, &run, "PENDING"));
            let mut said = [one, two, three];
            said.sort();
            assert_eq!(said.each_ref().map(|(status, _)| status.as_str()), ["ABORT", "ABORT", "ACCEPT"], "{said:?}");
            assert!(said[0].1.starts_with("This run is in a PENDING state"), "round {round}: {said:?}");
            let state = limited.state(&run).await;
            assert_eq!((&state["type"], limited.slots().await), (&json!("PENDING"), json!(1)), "round {round}");
            // What it says is the lease of the slot that is taken.
            assert_eq!(renew(&world, &limited.lease(&run).await).await, StatusCode::NO_CONTENT);
            set(&world, &run, "COMPLETED").await;
            assert_eq!(limited.slots().await, 0);
        }
    }
    other.stop().await;
}

pub(crate) async fn many_who_begin_at_once_keep_to_the_limit(world: Arc<World>) {
    let other = world.replica().await;
    let limited = Limited::new(&world, "many", 2, json!({})).await;
    let mut runs = Vec::new();
    for _ in 0..8 {
        runs.push(limited.run().await);
    }
    while !runs.is_empty() {
        let servers = [&*world, &other];
        let asked = runs.iter().enumerate().map(|(n, run)| set(servers[n % 2], run, "PENDING"));
        futures_util::future::join_all(asked).await;
        let mut begun = Vec::new();
        for run in &runs {
            match limited.state(run).await["name"].as_str().unwrap() {
                "Pending" => begun.push(run.clone()),
                name => assert_eq!(name, "AwaitingConcurrencySlot"),
            }
        }
        assert_eq!((begun.len(), limited.slots().await), (2.min(runs.len()), json!(2)));
        // Whose slots are given back at once makes room for others at once.
        futures_util::future::join_all(begun.iter().map(|run| set(&world, run, "CANCELLED"))).await;
        assert_eq!(limited.slots().await, 0);
        runs.retain(|run| !begun.contains(run));
    }
    other.stop().await;
}

pub(crate) async fn the_states_of_a_run_name_the_lease_of_its_slot(world: Arc<World>) {
    let limited = Limited::new(&world, "named", 1, json!({})).await;
    let (run, foreign) = (limited.run().await, limited.run().await);
    assert_eq!(limited.lease(&run).await, Value::Null);
    let pending = world.set_state(&run, json!({"type": "PENDING"})).await;
    let lease = pending["state"]["state_details"]["deployment_concurrency_lease_id"].clone();
    assert!(lease.is_string(), "{pending}");
    let details = json!({"deployment_concurrency_lease_id": null});
    let submitting = json!({"type": "PENDING", "name": "Submitting", "state_details": details});
    assert_eq!(world.set_state(&run, submitting).await["status"], "ACCEPT");
    assert_eq!(limited.lease(&run).await, lease);
    let running = world.set_state(&run, json!({"type": "RUNNING"})).await;
    assert_eq!(running["state"]["state_details"]["deployment_concurrency_lease_id"], lease);
    assert_eq!(renew(&world, &lease).await, StatusCode::NO_CONTENT);

    // Nobody gives away what is not his.
    let details = json!({"deployment_concurrency_lease_id": lease});
    world.set_state(&foreign, json!({"type": "COMPLETED", "state_details": details})).await;
    let body = json!({"state": {"type": "RUNNING", "state_details": details}, "force": true});
    world.post(&format!("/flow_runs/{foreign}/set_state"), body).await;
    world.set_state(&foreign, json!({"type": "COMPLETED"})).await;
    let born_with = json!({"state": {"type": "RUNNING", "state_details": details}});
    let born_with = limited.run_with(born_with).await;
    world.set_state(&born_with, json!({"type": "COMPLETED"})).await;
    assert_eq!(limited.slots().await, 1);

    world.set_state(&run, json!({"type": "COMPLETED"})).await;
    assert_eq!((limited.lease(&run).await, limited.slots().await), (lease.clone(), json!(0)));
    assert_eq!(renew(&world, &lease).await, StatusCode::GONE);
    // An end is no exception: who begins again takes a slot, and each time it is another lease.
    begin(&world, &run).await;
    assert!(limited.lease(&run).await != lease);
    assert_eq!(limited.slots().await, 1);
    let ended = limited.run().await;
    set(&world, &ended, "FAILED").await;
    let refused = world.set_state(&ended, json!({"type": "PENDING"})).await;
    assert_eq!((&refused["status"], &refused["state"]["name"]), (&json!("REJECT"), &json!("AwaitingConcurrencySlot")));
}

pub(crate) async fn a_retry_in_its_process_keeps_the_slot(world: Arc<World>) {
    let limited = Limited::new(&world, "retried", 1, json!({})).await;
    let policy = json!({"empirical_policy": {"retries": 2, "retry_delay": 0}});
    let (run, other) = (limited.run_with(policy).await, limited.run().await);
    begin(&world, &run).await;
    let lease = limited.lease(&run).await;
    assert_eq!(set(&world, &run, "FAILED").await, ("REJECT".to_owned(), "Retrying".to_owned()));
    assert_eq!((limited.slots().await, limited.lease(&run).await), (json!(1), lease.clone()));
    assert_eq!(set(&world, &other, "PENDING").await.0, "REJECT");
    assert_eq!(set(&world, &run, "RUNNING").await.0, "ACCEPT");
    assert_eq!((limited.slots().await, limited.lease(&run).await), (json!(1), lease));
    // One that asks for it itself leaves its process.
    let away = json!({"type": "SCHEDULED", "name": "AwaitingRetry"});
    assert_eq!(world.set_state(&run, away).await["status"], "ACCEPT");
    assert_eq!(limited.slots().await, 0);
    begin(&world, &run).await;
    set(&world, &run, "FAILED").await;
    // Somebody else takes it from its process: it has its slot already.
    assert_eq!(set(&world, &run, "PENDING").await.0, "ACCEPT");
    assert_eq!(limited.slots().await, 1);
    set(&world, &run, "CANCELLED").await;
    assert_eq!(limited.slots().await, 0);
}

pub(crate) async fn a_slot_is_lost_that_is_not_used_or_renewed(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["REPOSSESSOR"], &[]).await;
    let options = json!({"collision_strategy": "ENQUEUE", "grace_period_seconds": 60});
    let limited = Limited::new(&server, "lost", 1, json!({"concurrency_options": options})).await;
    let (slow, quick) = (limited.run().await, limited.run().await);
    set(&server, &slow, "PENDING").await;
    let lease = limited.lease(&slow).await;
    clock.pass(65).await;
    assert_eq!(limited.slots().await, 0);
    begin(&server, &quick).await;
    let lost = server.set_state(&slow, json!({"type": "RUNNING"})).await;
    assert_eq!((&lost["status"], &lost["state"]["type"]), (&json!("REJECT"), &json!("CANCELLED")));
    assert_eq!(lost["details"]["reason"], "Deployment concurrency limit reached after lease expiry.");
    let message = "Deployment concurrency slot lost during provisioning - no slots available to continue execution";
    assert_eq!((&lost["state"]["message"], limited.slots().await), (&json!(message), json!(1)));

    // Who renews nothing has it while it runs; who has renewed it once goes on to do so, or is dead.
    clock.pass(700).await;
    assert_eq!(limited.slots().await, 1);
    let of_quick = limited.lease(&quick).await;
    assert_eq!(renew(&server, &of_quick).await, StatusCode::NO_CONTENT);
    clock.pass(50).await;
    assert_eq!((renew(&server, &of_quick).await, limited.slots().await), (StatusCode::NO_CONTENT, json!(1)));
    let waiting = limited.run().await;
    assert_eq!(set(&server, &waiting, "PENDING").await.0, "REJECT");
    clock.pass(65).await;
    assert_eq!((renew(&server, &of_quick).await, limited.slots().await), (StatusCode::GONE, json!(0)));
    assert_eq!(set(&server, &waiting, "PENDING").await.0, "ACCEPT");

    // If nobody else has it, it is taken anew.
    let old = limited.lease(&waiting).await;
    clock.pass(65).await;
    assert_eq!(limited.slots().await, 0);
    assert_eq!(set(&server, &waiting, "RUNNING").await.0, "ACCEPT");
    assert_eq!(limited.slots().await, 1);
    assert!(![old, lease].contains(&limited.lease(&waiting).await));
    server.stop().await;
}

pub(crate) async fn what_cannot_begin_takes_no_slot(world: Arc<World>) {
    let limited = Limited::new(&world, "full", 1, json!({})).await;
    let full = limited.run().await;
    begin(&world, &full).await;
    let aborted = |from: &str| {
        ("ABORT".to_owned(), format!("This run is in a {from} state and cannot transition to a PENDING state."))
    };
    assert_eq!(set(&world, &full, "PENDING").await, aborted("RUNNING"));
    let cancelled = limited.run().await;
    set(&world, &cancelled, "CANCELLED").await;
    assert_eq!(set(&world, &cancelled, "PENDING").await, aborted("CANCELLED"));
    let details = json!({"transition_id": "00000000-0000-0000-0000-000000000007"});
    let again = limited.run_with(json!({"state": {"type": "SCHEDULED", "state_details": details}})).await;
    let answer = world.set_state(&again, json!({"type": "PENDING", "state_details": details})).await;
    let reason = "This run has already made this state transition.";
    assert_eq!((&answer["details"]["reason"], &answer["state"]["name"]), (&json!(reason), &json!("Scheduled")));

    let limit = format!("/v2/concurrency_limits/deployment:{}", limited.id);
    world.ask(Method::PATCH, &limit, Some(json!({"limit": 0}))).await;
    let none = "The deployment concurrency limit is 0. The flow will deadlock if submitted again.".to_owned();
    assert_eq!(set(&world, &again, "PENDING").await, ("ABORT".to_owned(), none));
    world.sql("DELETE FROM deployments WHERE name = 'full'").await;
    assert_eq!(set(&world, &again, "PENDING").await, ("ABORT".to_owned(), "Deployment not found.".to_owned()));
    assert_eq!(limited.state(&again).await["name"], "Scheduled");
}

pub(crate) async fn who_has_waited_longest_is_next(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["REPOSSESSOR"], &[]).await;
    let limited = Limited::new(&server, "queue", 1, json!({})).await;
    let mut runs = Vec::new();
    for _ in 0..6 {
        runs.push(limited.run().await);
        clock.pass(1).await;
    }
    let [first, a, b, c, d, late] = &runs[..] else { unreachable!() };
    let due = async |run: &str| {
        let time = text(&limited.state(run).await["state_details"]["scheduled_time"]);
        (time.parse::<DateTime<Utc>>().unwrap() - flowcore::clock::Clock::now(&*clock)).num_seconds()
    };
    begin(&server, first).await;
    for run in [d, c, b, a] {
        assert_eq!(set(&server, run, "PENDING").await.0, "REJECT");
    }
    assert_eq!([due(a).await, due(b).await], [30, 30]);
    set(&server, first, "COMPLETED").await;
    assert_eq!([due(a).await, due(b).await, due(c).await], [0, 30, 30], "one slot, one run");
    // It is not overtaken, neither by those that come later nor by those that wait.
    for run in [late, b] {
        assert_eq!(
            set(&server, run, "PENDING").await,
            ("REJECT".to_owned(), "Deployment concurrency limit reached.".to_owned())
        );
    }
    begin(&server, a).await;
    // Who waits no more stands in nobody's way.
    set(&server, b, "CANCELLED").await;
    set(&server, a, "COMPLETED").await;
    assert_eq!([due(c).await, due(d).await], [0, 30]);
    // Nobody takes it: after some seconds it is the next one's turn, and not before.
    clock.pass(5).await;
    assert!(due(d).await > 0);
    clock.pass(10).await;
    assert!(due(d).await <= 0, "the next one is called");
    begin(&server, d).await;
    set(&server, c, "PENDING").await;
    set(&server, d, "COMPLETED").await;
    begin(&server, c).await;
    // A higher limit makes room as well.
    set(&server, late, "PENDING").await;
    assert_eq!(due(late).await, 30);
    let more = json!({"concurrency_limit": 2});
    server.ask(Method::PATCH, &format!("/deployments/{}", limited.id), Some(more)).await;
    clock.pass(5).await;
    assert!(due(late).await <= 0);
    server.stop().await;
}

#[flow]
async fn in_turn() -> Result<()> {
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(())
}

pub(crate) async fn a_free_slot_is_taken_at_once(world: Arc<World>) {
    const RUNS: usize = 8;
    let home = TempDir::new().unwrap();
    let engine = Program::start_in(&world.api, home.path()).await.engine;
    let serve = in_turn::deployment("turns").concurrency_limit(1, Collision::Enqueue).serve();
    let serving = Serving::start(&engine, serve);
    let id = text(&deployment(&world, "in-turn/turns").await["id"]);
    let create = format!("/deployments/{id}/create_flow_run");
    let later = json!({"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": "2099-01-01T00:00:00Z"}}});
    let first = text(&world.post(&create, later).await["id"]);
    assert_eq!(set(&world, &first, "PENDING").await.0, "ACCEPT");
    let mut made = Vec::new();
    for _ in 0..RUNS {
        made.push(text(&world.post(&create, json!({})).await["id"]));
    }
    let waiting = json!({"flow_runs": {"state": {"name": {"any_": ["AwaitingConcurrencySlot"]}}}});
    let begin = Instant::now();
    while world.post("/flow_runs/count", waiting.clone()).await != RUNS {
        assert!(begin.elapsed() < Duration::from_secs(25), "they do not wait for the one that has the slot");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    set(&world, &first, "CANCELLED").await;
    let body = json!({"flow_runs": {"deployment_id": {"any_": [id]}, "state": {"type": {"any_": ["COMPLETED"]}}}});
    let begin = Instant::now();
    let mut runs = loop {
        let found = world.post("/flow_runs/filter", body.clone()).await.as_array().unwrap().clone();
        if found.len() == RUNS {
            break found;
        }
        assert!(begin.elapsed() < Duration::from_secs(25), "{} have run", found.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let time = |value: &Value| text(value).parse::<DateTime<Utc>>().unwrap();
    runs.sort_by_key(|run| time(&run["start_time"]));
    let order: Vec<String> = runs.iter().map(|run| text(&run["id"])).collect();
    assert_eq!(order, made, "they have come in their order");
    let mut gaps = Vec::new();
    for pair in runs.windows(2) {
        let states = world.get(&format!("/flow_run_states/?flow_run_id={}", text(&pair[1]["id"]))).await;
        let taken = states.as_array().unwrap().iter().find(|state| state["type"] == "PENDING").unwrap();
        gaps.push((time(&taken["timestamp"]) - time(&pair[0]["end_time"])).num_milliseconds());
    }
    gaps.sort_unstable();
    assert!(gaps[0] >= 0, "one at a time: {gaps:?}");
    // The machine may have other things to do meanwhile; nobody who asks every few seconds is twice as quick by chance.
    assert!(gaps[1] < 100, "milliseconds from an end until the slot is taken: {gaps:?}");
    serving.stop().await;
    engine.close().await.unwrap();
}

pub(crate) async fn who_would_be_late_is_cancelled_where_that_is_wanted(world: Arc<World>) {
    let late = json!({"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": Utc::now() - chrono::TimeDelta::minutes(1)}}});
    let cancels = Limited::new(&world, "cancels", 1, cancels_new()).await;
    let (has, finds_none) = (cancels.run().await, cancels.run_with(late.clone()).await);
    set(&world, &has, "PENDING").await;
    let free = Limited::new(&world, "free", 1, cancels_new()).await;
    let finds_one = free.run_with(late.clone()).await;
    let waits = Limited::new(&world, "waits", 1, json!({})).await;
    let (first, second) = (waits.run().await, waits.run_with(late).await);
    set(&world, &first, "PENDING").await;
    let server = world.serving_replica().await;
    let begin = Instant::now();
    loop {
        let mut states = Vec::new();
        for run in [&finds_none, &finds_one, &second] {
            states.push(text(&cancels.state(run).await["name"]));
        }
        if states == ["Cancelled", "Late", "Late"] {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{states:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(cancels.state(&finds_none).await["message"], "Deployment concurrency limit reached.");
    server.stop().await;
}
