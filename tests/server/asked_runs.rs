//! Runs of deployments that programs in Rust ask for: `run_deployment`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flowcore::model::{FlowRunFilter, StateType, TaskRun};
use flowcore::{Engine, Error, Result, flow, run_deployment};
use serde_json::{Value, json};

use crate::rust_client::Program;
use crate::serving::{Serving, deployment};
use crate::world::{World, text};

/// What is not so by then never will be.
const DEADLINE: Duration = Duration::from_secs(60);

/// Errands that have failed once.
static FAILED_ONCE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

#[flow]
async fn errand(to: String, #[default(false)] fails_once: bool) -> Result<String> {
    if fails_once && FAILED_ONCE.lock().unwrap().insert(to.clone()) {
        return Err(Error::msg("the door was shut"));
    }
    Ok(to)
}

/// Gives the id of the run that it has made, and how that ended.
#[flow]
async fn sending(to: String, timeout: Option<f64>, linked: bool) -> Result<(String, String)> {
    let mut asked = run_deployment("errand/served").parameter("to", to).tag("sent").as_subflow(linked);
    if let Some(timeout) = timeout {
        asked = asked.timeout(timeout);
    }
    let run = asked.await?;
    Ok((run.id.to_string(), run.state.name.to_string()))
}

#[flow(retries = 1)]
async fn insisting(to: String) -> Result<()> {
    run_deployment("errand/served").parameter("to", &to).await?;
    let run = run_deployment("errand/served").parameter("to", &to).parameter("fails_once", true).await?;
    match run.state.kind {
        StateType::Completed => Ok(()),
        _ => Err(Error::msg("it was in vain")),
    }
}

/// Gives the task runs of a program's only run of a flow, by their names.
async fn task_runs(program: &Program, flow: &str) -> Vec<TaskRun> {
    program.engine.flush().await.unwrap();
    let mut runs = program.task_runs(flow).await;
    runs.sort_by(|one, other| one.name.cmp(&other.name));
    runs
}

/// Waits until a task run has completed, and gives its state.
async fn completed(world: &World, run: &TaskRun) -> Value {
    let begin = Instant::now();
    loop {
        let found = world.get(&format!("/task_runs/{}", run.id)).await;
        if found["state"]["type"] == "COMPLETED" {
            return found["state"].clone();
        }
        assert!(begin.elapsed() < DEADLINE, "{found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn errands(world: &World) -> Vec<Value> {
    let filter = json!({"flows": {"name": {"any_": ["errand"]}}, "sort": "EXPECTED_START_TIME_ASC"});
    world.post("/flow_runs/filter", filter).await.as_array().unwrap().clone()
}

pub(crate) async fn a_run_that_a_flow_asks_for_is_its_subflow(world: Arc<World>) {
    let (serves, asks) = (Program::start(&world.api).await, Program::start(&world.api).await);
    let serving = Serving::start(&serves.engine, errand::deployment("served").serve());
    deployment(&world, "errand/served").await;
    let begin = Instant::now();
    let (id, state) = sending("town".to_owned(), None::<f64>, true).on(&asks.engine).await.unwrap();
    assert!(state == "Completed" && begin.elapsed() < Duration::from_secs(4), "it was heard of, and not asked after");
    let run = world.get(&format!("/flow_runs/{id}")).await;
    assert!(run["tags"].as_array().unwrap().contains(&json!("sent")), "{run}");
    let stands = task_runs(&asks, "sending").await;
    assert_eq!(stands.len(), 1);
    assert_eq!((&*stands[0].name, json!(stands[0].id)), ("errand/served-0", run["parent_task_run_id"].clone()));
    let state = completed(&world, &stands[0]).await;
    assert_eq!(state["state_details"]["child_flow_run_id"], json!(id));
    let subflows = FlowRunFilter {
        parent_flow_run_ids: Some(vec![asks.flow_run("sending").await.id]),
        ..FlowRunFilter::default()
    };
    assert_eq!(asks.engine.client().flow_runs(&subflows).await.unwrap().len(), 1);
    serving.stop().await;
}

pub(crate) async fn a_retried_flow_takes_the_runs_that_it_has_asked_for(world: Arc<World>) {
    let (serves, asks) = (Program::start(&world.api).await, Program::start(&world.api).await);
    let serving = Serving::start(&serves.engine, errand::deployment("served").serve());
    deployment(&world, "errand/served").await;
    insisting(world.api.clone()).on(&asks.engine).await.unwrap();
    let made = errands(&world).await;
    let states = |fails_once: bool| {
        let of = made.iter().filter(|run| (run["parameters"]["fails_once"] == true) == fails_once);
        of.map(|run| text(&run["state"]["type"])).collect::<BTreeSet<_>>()
    };
    assert_eq!(made.len(), 3, "what had completed was not done again: {made:?}");
    assert_eq!(states(false), BTreeSet::from(["COMPLETED".to_owned()]));
    assert_eq!(states(true), BTreeSet::from(["COMPLETED".to_owned(), "FAILED".to_owned()]));
    assert_eq!(task_runs(&asks, "insisting").await.len(), 2);
    serving.stop().await;
}

pub(crate) async fn who_does_not_wait_gets_the_run_at_once(world: Arc<World>) {
    let (serves, asks) = (Program::start(&world.api).await, Program::start(&world.api).await);
    // Nobody executes it at first.
    Serving::start(&serves.engine, errand::deployment("served").serve().without_pause()).stop().await;
    let (id, state) = sending("sea".to_owned(), Some(0.0_f64), true).on(&asks.engine).await.unwrap();
    assert_eq!(state, "Scheduled");
    let begin = Instant::now();
    let run = run_deployment("errand/served").parameter("to", "lake").timeout(0.3).on(&asks.engine).await.unwrap();
    assert!(run.state.kind == StateType::Scheduled && begin.elapsed() >= Duration::from_millis(300));
    assert_eq!(run.parent_task_run_id, None, "outside a flow it has no parent");

    // The task run follows, though the flow has ended.
    let serving = Serving::start(&serves.engine, errand::deployment("served").serve());
    let stands = task_runs(&asks, "sending").await;
    completed(&world, &stands[0]).await;
    assert_eq!(world.get(&format!("/flow_runs/{id}")).await["state"]["type"], "COMPLETED");

    let alone = Program::start(&world.api).await;
    let key =
        |key: &str| run_deployment("errand/served").parameter("to", "hill").idempotency_key(key).on(&alone.engine);
    assert_eq!(key("a").await.unwrap().id, key("a").await.unwrap().id);
    let (id, _) = sending("wood".to_owned(), None::<f64>, false).on(&alone.engine).await.unwrap();
    assert_eq!(world.get(&format!("/flow_runs/{id}")).await["parent_task_run_id"], Value::Null);
    for (wrong, why) in [
        (run_deployment("errand/none").on(&alone.engine), "there is no deployment `errand/none`"),
        (run_deployment("errand").on(&alone.engine), "write `flow/deployment`"),
        (run_deployment("errand/served").parameter("to", 5).on(&alone.engine), "to"),
        (run_deployment("errand/served").on(&Engine::memory()), "needs a server"),
    ] {
        let error = format!("{:?}", wrong.await.unwrap_err());
        assert!(error.contains(why), "{error}");
    }
    serving.stop().await;
}
