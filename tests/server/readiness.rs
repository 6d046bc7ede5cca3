//! Whether somebody takes work: statuses of workers, pools, queues and deployments, also when nobody says any more how it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, text};

/// Waits until a question has this answer.
async fn until(what: &str, expected: Value, ask: impl AsyncFn() -> Value) {
    let begun = Instant::now();
    loop {
        let answer = ask().await;
        if answer == expected {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn told(world: &World, event: &str, resource: &Value) -> Value {
    let filter = json!({"event": {"name": [event]}, "resource": {"id": [resource]}});
    world.post("/events/filter", json!({"filter": filter})).await["total"].clone()
}

pub(crate) async fn who_is_not_heard_of_is_offline(world: Arc<World>) {
    let pool = world.post("/work_pools", json!({"name": "p", "type": "process"})).await;
    world.post("/work_pools", json!({"name": "rests", "type": "process", "is_paused": true})).await;
    let beat = async |pool: &str, worker: &str, seconds: u32| {
        let body = json!({"name": worker, "heartbeat_interval_seconds": seconds});
        world.ask(Method::POST, &format!("/work_pools/{pool}/workers/heartbeat"), Some(body)).await
    };
    let named = async |status: &str| {
        let filter = json!({"workers": {"status": {"any_": [status]}}});
        let workers = world.post("/work_pools/p/workers/filter", filter).await;
        Value::from_iter(workers.as_array().unwrap().iter().map(|worker| worker["name"].clone()))
    };
    let status = async |pool: &str| world.get(&format!("/work_pools/{pool}")).await["status"].clone();
    for (pool, worker, seconds) in [("p", "quick", 1), ("p", "slow", 60), ("rests", "quick", 1)] {
        assert_eq!(beat(pool, worker, seconds).await.0, StatusCode::NO_CONTENT);
    }
    until("the quick one is gone", json!(["quick"]), async || named("OFFLINE").await).await;
    assert_eq!((named("ONLINE").await, status("p").await), (json!(["slow"]), json!("READY")));
    let (gone, _) = world.ask(Method::DELETE, "/work_pools/p/workers/slow", None).await;
    assert_eq!(gone, StatusCode::NO_CONTENT);
    until("nobody is left", json!("NOT_READY"), async || status("p").await).await;
    assert_eq!(status("rests").await, "PAUSED");
    let resource = json!(format!("prefect.work-pool.{}", text(&pool["id"])));
    until("that is told", json!(1), async || told(&world, "prefect.work-pool.ready", &resource).await).await;
    // It was not ready when it was made.
    until("that is told", json!(2), async || told(&world, "prefect.work-pool.not-ready", &resource).await).await;

    assert_eq!(beat("p", "quick", 60).await.0, StatusCode::NO_CONTENT);
    assert_eq!((named("ONLINE").await, status("p").await), (json!(["quick"]), json!("READY")));
    until("that is told", json!(2), async || told(&world, "prefect.work-pool.ready", &resource).await).await;
}

pub(crate) async fn what_nobody_polls_is_not_ready(world: Arc<World>) {
    world.post("/work_pools", json!({"name": "p", "type": "process"})).await;
    let flow = world.flow("etl").await;
    let made = json!({"name": "nightly", "flow_id": flow, "work_pool_name": "p"});
    let deployment = text(&world.post("/deployments/", made).await["id"]);
    let queue = text(&world.get("/work_pools/p/queues/default").await["id"]);
    let of_queue = async || world.get(&format!("/work_queues/{queue}")).await["status"].clone();
    let of_deployment = async || world.get(&format!("/deployments/{deployment}")).await["status"].clone();
    assert_eq!((of_queue().await, of_deployment().await), (json!("NOT_READY"), json!("NOT_READY")));
    world.post("/work_pools/p/get_scheduled_flow_runs", json!({})).await;
    assert_eq!((of_queue().await, of_deployment().await), (json!("READY"), json!("READY")));

    let age = async |table: &str| world.sql(&format!("UPDATE {table} SET last_polled = last_polled - 61000000")).await;
    age("deployments").await;
    // Its queue is polled.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!((of_queue().await, of_deployment().await), (json!("READY"), json!("READY")));
    age("work_queues").await;
    until("the queue is not polled", json!("NOT_READY"), async || of_queue().await).await;
    assert_eq!(of_deployment().await, "NOT_READY");
    for (event, resource) in [
        ("prefect.work-queue.not-ready", format!("prefect.work-queue.{queue}")),
        ("prefect.deployment.not-ready", format!("prefect.deployment.{deployment}")),
    ] {
        until(event, json!(1), async || told(&world, event, &json!(resource)).await).await;
    }
    world.post("/work_pools/p/get_scheduled_flow_runs", json!({})).await;
    assert_eq!((of_queue().await, of_deployment().await), (json!("READY"), json!("READY")));
}
