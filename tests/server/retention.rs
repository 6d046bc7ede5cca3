//! What is old enough is removed. The servers' clock is moved on by hand.

use std::sync::Arc;

use chrono::TimeDelta;
use flowcore::clock::Clock;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::HandClock;
use crate::world::{World, text};

const DAY: i64 = 24 * 60 * 60;

/// Lets time pass at once, and then so much that a server has looked what is to be removed.
async fn leap(clock: &HandClock, seconds: i64) {
    let asleep = clock.asleep();
    clock.leap(seconds);
    clock.until_asleep(asleep).await;
    clock.pass(60).await;
}

fn names(found: &Value) -> Vec<String> {
    let mut names: Vec<String> = found.as_array().unwrap().iter().map(|one| text(&one["name"])).collect();
    names.sort();
    names
}

async fn named_events(server: &World) -> usize {
    let filter = json!({"filter": {"event": {"name": ["shop.sale"]}}});
    server.post("/events/filter", filter).await["events"].as_array().unwrap().len()
}

pub(crate) async fn events_are_kept_for_a_week(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let variables = [("FLOWCORE_SERVER_SERVICES_DB_VACUUM_BATCH_SIZE", "2")];
    let server = world.clocked_replica(&clock, &["DB_VACUUM"], &variables).await;
    let sale = |days: i64| {
        json!({"id": Uuid::now_v7(), "occurred": clock.now() - TimeDelta::days(days), "event": "shop.sale",
            "resource": {"prefect.resource.id": "shop"}})
    };
    let run = server.flow_run(json!({"flow_id": server.flow("kept").await, "state": {"type": "RUNNING"}})).await;
    server.set_state(&run, json!({"type": "COMPLETED"})).await;
    server
        .post(
            "/logs/",
            json!([{"name": "l", "level": 20, "message": "said", "timestamp": clock.now(), "flow_run_id": run}]),
        )
        .await;
    server.post("/events", json!([sale(6), sale(6), sale(6), sale(6), sale(6), sale(1)])).await;
    clock.pass(60).await;
    assert_eq!(named_events(&server).await, 6);
    leap(&clock, DAY + 3600).await;
    assert_eq!(named_events(&server).await, 1);
    leap(&clock, 1000 * DAY).await;
    let lines = server.post("/logs/filter", json!({})).await;
    assert_eq!(lines.as_array().unwrap().len(), 1, "runs and what they said are kept where nothing else is set");
    assert_eq!(server.get(&format!("/flow_runs/{run}")).await["state"]["type"], "COMPLETED");
    server.stop().await;
}

pub(crate) async fn ended_runs_go_with_all_that_belongs_to_them(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let variables = [
        ("PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED", "true"),
        ("PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD", "P30D"),
        ("PREFECT_SERVER_SERVICES_DB_VACUUM_BATCH_SIZE", "3"),
    ];
    let server = world.clocked_replica(&clock, &["DB_VACUUM"], &variables).await;
    let flow = server.flow("kept").await;
    let run = async |name: &str, more: Value| {
        let mut body = json!({"flow_id": flow, "name": name, "state": {"type": "RUNNING"}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.flow_run(body).await
    };
    let task = async |run: &str, key: &str| {
        let body =
            json!({"flow_run_id": run, "task_key": key, "dynamic_key": key, "name": key, "state": {"type": "RUNNING"}});
        text(&server.post("/task_runs/", body).await["id"])
    };
    let end = async |run: &str| server.set_state(run, json!({"type": "COMPLETED"})).await;
    let (old, lives) = (run("old", json!({})).await, run("lives", json!({})).await);
    run("waits", json!({"state": {"type": "SCHEDULED"}})).await;
    let (of_old, of_living) = (task(&old, "child").await, task(&lives, "child").await);
    for number in 0..7 {
        task(&old, &format!("task-{number}")).await;
    }
    let child = run("child-of-old", json!({"parent_task_run_id": of_old})).await;
    let needed = run("child-of-living", json!({"parent_task_run_id": of_living})).await;
    for (key, data) in [("report", 1), ("report", 2), ("other", 3)] {
        server.post("/artifacts/", json!({"key": key, "data": data, "flow_run_id": old})).await;
    }
    server.post("/artifacts/", json!({"key": "report", "data": 4, "flow_run_id": lives})).await;
    server.post("/artifacts/", json!({"data": 5, "flow_run_id": old})).await;
    let line = json!({"name": "l", "level": 20, "message": "said", "timestamp": clock.now(), "flow_run_id": old});
    server.post("/logs/", vec![line; 10].into()).await;
    server.post(&format!("/flow_runs/{old}/input"), json!({"key": "k", "value": "1"})).await;
    for run in [&old, &child, &needed] {
        end(run).await;
    }
    let all = async || names(&server.post("/flow_runs/filter", json!({})).await);
    leap(&clock, 29 * DAY).await;
    assert_eq!(all().await.len(), 5);
    leap(&clock, 2 * DAY).await;
    assert_eq!(all().await, ["child-of-living", "lives", "waits"]);
    assert_eq!(names(&server.post("/task_runs/filter", json!({})).await), ["child"]);
    assert_eq!(server.post("/logs/filter", json!({})).await, json!([]));
    let left = server.post("/artifacts/filter", json!({})).await;
    let mut left: Vec<i64> = left.as_array().unwrap().iter().map(|one| one["data"].as_i64().unwrap()).collect();
    left.sort_unstable();
    assert_eq!(left, [3, 4], "the latest versions stay");
    assert_eq!(server.get(&format!("/flow_run_states/?flow_run_id={old}")).await, json!([]));
    let (status, _) = server.ask(Method::GET, &format!("/flow_runs/{old}"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    server.stop().await;
}
