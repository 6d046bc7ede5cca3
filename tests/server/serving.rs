//! Deployments that programs in Rust serve.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flowcore::{Collision, Engine, Error, Result, Schedule, Serve, flow};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::rust_client::Program;
use crate::world::{World, text};

/// What is not so by then never will be.
const DEADLINE: Duration = Duration::from_secs(60);

/// Counts for somebody.
#[flow]
async fn counting(by: u32, name: String) -> Result<String> {
    if name == "hopeless" {
        return Err(Error::msg("there is no hope"));
    }
    Ok(format!("{name} {by}"))
}

/// How many are there at once in each room, and were at most.
static ROOMS: Mutex<BTreeMap<String, (u32, u32)>> = Mutex::new(BTreeMap::new());

#[flow]
async fn crowded(room: String) -> Result<()> {
    let come = |there: u32| {
        let mut rooms = ROOMS.lock().unwrap();
        let (now, most) = rooms.entry(room.clone()).or_default();
        *now = now.wrapping_add(there);
        *most = (*most).max(*now);
    };
    come(1);
    // Until the room has been full once.
    while ROOMS.lock().unwrap()[&room].1 < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    come(u32::MAX);
    Ok(())
}

/// Deployments that are being served, and what ends it.
pub(crate) struct Serving {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<()>>,
}

impl Serving {
    pub(crate) fn start(engine: &Engine, serve: Serve) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = serve.on(engine).until(async { drop(stopped.await) });
        Serving { stop, serving: tokio::spawn(serve.into_future()) }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(DEADLINE, self.serving).await.expect("it ends").unwrap().unwrap();
    }
}

/// Asks for runs until they are as they should be.
async fn runs(world: &World, deployment: &str, good: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let body = json!({"flow_runs": {"deployment_id": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"});
    let begin = Instant::now();
    loop {
        let found = world.post("/flow_runs/filter", body.clone()).await;
        let found = found.as_array().unwrap().clone();
        if good(&found) {
            return found;
        }
        assert!(begin.elapsed() < DEADLINE, "the runs go on to be {}", json!(found));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a deployment is there.
pub(crate) async fn deployment(world: &World, name: &str) -> Value {
    let path = format!("/deployments/name/{name}");
    let asking = async {
        loop {
            let (status, found) = world.ask(Method::GET, &path, None).await;
            if status.is_success() && found["paused"] == false {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, asking).await.expect("the deployment is served")
}

fn in_state(name: &'static str) -> impl Fn(&[Value]) -> bool {
    move |runs| !runs.is_empty() && runs.iter().all(|run| run["state"]["name"] == name)
}

pub(crate) async fn served_runs_are_executed_as_they_are_due(world: Arc<World>) {
    let scheduling = world.serving_replica().await;
    let home = TempDir::new().unwrap();
    let engine = Program::start_in(&world.api, home.path()).await.engine;
    let often = Schedule::every(1).parameter("by", 7).slug("often");
    let serve = counting::deployment("often").parameter("name", "tick").schedule(often).tag("served").serve();
    let serving = Serving::start(&engine, serve);
    let made = deployment(&world, "counting/often").await;
    let id = text(&made["id"]);
    assert_eq!(made["description"], "Counts for somebody.");
    assert!(text(&made["entrypoint"]).ends_with(":counting"), "{made}");
    assert_eq!(made["parameter_openapi_schema"]["required"], json!(["by", "name"]));

    let done = |run: &&Value| run["state"]["type"] == "COMPLETED";
    let found = runs(&world, &id, |runs| runs.iter().filter(done).count() >= 3).await;
    let times: Vec<&Value> = found.iter().map(|run| &run["expected_start_time"]).collect();
    assert!(times.windows(2).all(|pair| pair[0] != pair[1]), "one run a tick: {times:?}");
    for run in found.iter().filter(done) {
        assert_eq!((&run["run_count"], &run["parameters"]), (&json!(1), &json!({"by": 7, "name": "tick"})));
        assert!(run["start_time"].as_str() >= run["expected_start_time"].as_str(), "not before its time: {run}");
        assert!(run["tags"].as_array().unwrap().contains(&json!("served")));
    }

    // Paused, with its schedules, when nobody serves it.
    serving.stop().await;
    let left = world.get(&format!("/deployments/{id}")).await;
    assert_eq!((&left["paused"], &left["schedules"][0]["active"]), (&json!(true), &json!(true)));
    // Whoever serves it again goes on with the schedules that the server has.
    let serving = Serving::start(&engine, counting::deployment("often").parameter("name", "tock").serve());
    assert_eq!(deployment(&world, "counting/often").await["schedules"][0]["slug"], "often");
    runs(&world, &id, |runs| runs.iter().any(|run| run["parameters"]["name"] == "tock" && done(&run))).await;
    serving.stop().await;
    engine.close().await.unwrap();
    scheduling.stop().await;
}

pub(crate) async fn whoever_asks_for_a_run_gets_it_at_once(world: Arc<World>) {
    let home = TempDir::new().unwrap();
    let engine = Program::start_in(&world.api, home.path()).await.engine;
    let serve = flowcore::serve([
        counting::deployment("asked").parameter("by", 1).no_schedules().unchecked_parameters(),
        crowded::deployment("asked").parameter("room", &world.api).concurrency_limit(30, Collision::Enqueue),
    ]);
    let serving = Serving::start(&engine, serve.limit(3));
    let counting = text(&deployment(&world, "counting/asked").await["id"]);
    let crowded = text(&deployment(&world, "crowded/asked").await["id"]);

    let begin = Instant::now();
    let make = format!("/deployments/{counting}/create_flow_run");
    world.post(&make, json!({"parameters": {"name": "now"}})).await;
    runs(&world, &counting, in_state("Completed")).await;
    assert!(begin.elapsed() < Duration::from_secs(4), "it was announced, and not found by the next question");

    // One that fails, one whose parameters do not fit, one that is cancelled before its time.
    world.post(&make, json!({"parameters": {"name": "hopeless"}})).await;
    world.post(&make, json!({"parameters": {"name": 5}})).await;
    let later = json!(chrono::Utc::now() + chrono::TimeDelta::seconds(2));
    let state = json!({"type": "SCHEDULED", "state_details": {"scheduled_time": later}});
    let cancelled = world.post(&make, json!({"parameters": {"name": "never"}, "state": state})).await;
    world.set_state(&text(&cancelled["id"]), json!({"type": "CANCELLED"})).await;
    let ended = |runs: &[Value]| runs.len() == 4 && runs.iter().all(|run| run["end_time"].is_string());
    let found = runs(&world, &counting, ended).await;
    let message = |name: Value| {
        let run = found.iter().find(|run| run["parameters"]["name"] == name).unwrap();
        (text(&run["state"]["name"]), run["state"]["message"].as_str().unwrap_or_default().to_owned())
    };
    let (state, why) = message(json!("hopeless"));
    assert!(state == "Failed" && why.contains("there is no hope"), "{state}: {why}");
    let (state, why) = message(json!(5));
    assert!(state == "Failed" && why.contains("`name` does not fit"), "{state}: {why}");
    assert_eq!(message(json!("never")).0, "Cancelled");

    // More than one answer of the server holds, three at once.
    let make = format!("/deployments/{crowded}/create_flow_run");
    for _ in 0..20 {
        world.post(&make, json!({})).await;
    }
    let found = runs(&world, &crowded, |runs| runs.len() == 20 && in_state("Completed")(runs)).await;
    assert!(found.iter().all(|run| run["run_count"] == 1));
    assert_eq!(ROOMS.lock().unwrap()[&world.api], (0, 3));
    serving.stop().await;
    engine.close().await.unwrap();
}

pub(crate) async fn two_who_serve_the_same_share_its_runs(world: Arc<World>) {
    let home = TempDir::new().unwrap();
    let mut engines = Vec::new();
    let mut serving = Vec::new();
    for _ in 0..2 {
        let engine = Program::start_in(&world.api, home.path()).await.engine;
        let shared = counting::deployment("shared").parameter("by", 1).parameter("name", "shared");
        serving.push(Serving::start(&engine, shared.serve().without_pause()));
        engines.push(engine);
    }
    let id = text(&deployment(&world, "counting/shared").await["id"]);
    for _ in 0..30 {
        world.post(&format!("/deployments/{id}/create_flow_run"), json!({})).await;
    }
    let found = runs(&world, &id, |runs| runs.len() == 30 && in_state("Completed")(runs)).await;
    assert!(found.iter().all(|run| run["run_count"] == 1), "each was executed once");
    for serving in serving {
        serving.stop().await;
    }
    assert_eq!(world.get(&format!("/deployments/{id}")).await["paused"], false);
    for engine in engines {
        engine.close().await.unwrap();
    }

    let alone = Engine::memory();
    let error = format!("{:?}", counting::deployment("alone").serve().on(&alone).await.unwrap_err());
    assert!(error.contains("needs a server") && error.contains("FLOWCORE_API_URL"), "{error}");
}
