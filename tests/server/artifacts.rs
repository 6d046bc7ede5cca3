//! Artifacts.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, text};

pub(crate) async fn an_artifact_is_kept_changed_and_deleted(world: Arc<World>) {
    let full = json!({"key": "report-1", "type": "of-our-own", "description": "d", "data": {"rows": [1]},
        "metadata_": {"by": "hand"}});
    let made = world.post("/artifacts/", full.clone()).await;
    for (field, value) in full.as_object().unwrap() {
        assert_eq!(&made[field], value);
    }
    let path = format!("/artifacts/{}", text(&made["id"]));
    assert_eq!(world.get(&path).await, made);
    // All may be absent.
    let bare = world.post("/artifacts/", json!({})).await;
    assert_eq!((&bare["key"], &bare["type"], &bare["data"]), (&Value::Null, &Value::Null, &Value::Null));
    let (status, answer) = world.ask(Method::POST, "/artifacts/", Some(json!({"key": "Report"}))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["exception_detail"][0]["loc"], json!(["body", "key"]));

    let update = json!({"data": 17, "metadata_": {}});
    assert_eq!(world.ask(Method::PATCH, &path, Some(update)).await.0, StatusCode::NO_CONTENT);
    let now = world.get(&path).await;
    assert_eq!((&now["data"], &now["metadata_"], &now["description"]), (&json!(17), &json!({}), &json!("d")));
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    let gone = (StatusCode::NOT_FOUND, json!({"detail": "Artifact not found."}));
    assert_eq!(world.ask(Method::DELETE, &path, None).await, gone);
    assert_eq!(world.ask(Method::GET, &path, None).await, gone);
    assert_eq!(world.ask(Method::PATCH, &path, Some(json!({"data": 1}))).await, gone);
}

pub(crate) async fn the_newest_of_a_key_is_what_it_is_now(world: Arc<World>) {
    let first = world.post("/artifacts/", json!({"key": "k", "type": "table", "data": 1})).await;
    let second = world.post("/artifacts/", json!({"key": "k", "type": "markdown", "data": 2})).await;
    world.post("/artifacts/", json!({"key": "l", "type": "table", "data": 3})).await;
    world.post("/artifacts/", json!({"type": "table", "data": 4})).await;
    let latest = async |filter: Value| {
        let body = json!({"artifacts": filter, "sort": "KEY_ASC"});
        let found = world.post("/artifacts/latest/filter", body).await;
        let count = world.post("/artifacts/latest/count", json!({"artifacts": filter})).await;
        assert_eq!(count, found.as_array().unwrap().len(), "{filter}");
        found.as_array().unwrap().iter().map(|found| found["data"].to_string()).collect::<String>()
    };
    assert_eq!(latest(json!({})).await, "23");
    // The newest is not of the kind, and no other stands in for it.
    assert_eq!(latest(json!({"type": {"any_": ["table"]}})).await, "3");
    assert_eq!(latest(json!({"latest_id": {"any_": [first["id"], second["id"]]}})).await, "2");
    assert_eq!(world.get("/artifacts/k/latest").await, second);
    let path = format!("/artifacts/{}", text(&second["id"]));
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.get("/artifacts/k/latest").await["data"], 1);
    assert_eq!(latest(json!({"key": {"any_": ["k"]}})).await, "1");
    let (status, _) = world.ask(Method::GET, "/artifacts/none/latest", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

pub(crate) async fn artifacts_are_found(world: Arc<World>) {
    let (etl, report) = (world.flow("etl").await, world.flow("report").await);
    let a = world.flow_run(json!({"flow_id": etl, "name": "a"})).await;
    let b = world.flow_run(json!({"flow_id": report, "name": "b"})).await;
    let task = json!({"flow_run_id": b, "task_key": "load", "dynamic_key": "0", "name": "load"});
    let task = world.post("/task_runs/", task).await["id"].clone();
    let mut ids = Vec::new();
    for artifact in [
        json!({"data": 1, "key": "x-1", "type": "table", "flow_run_id": a}),
        json!({"data": 2, "key": "x-2", "type": "markdown", "flow_run_id": b, "task_run_id": task}),
        json!({"data": 3, "type": "table", "flow_run_id": b}),
        json!({"data": 4}),
    ] {
        ids.push(world.post("/artifacts/", artifact).await["id"].clone());
    }
    for (filter, expected) in [
        (json!({}), "1234"),
        (json!({"artifacts": {"id": {"any_": [ids[0], ids[3]]}}}), "14"),
        (json!({"artifacts": {"key": {"any_": ["x-1"]}}}), "1"),
        (json!({"artifacts": {"key": {"like_": "X-"}}}), "12"),
        (json!({"artifacts": {"key": {"exists_": false}}}), "34"),
        (json!({"artifacts": {"key": {"exists_": true}}}), "12"),
        (json!({"artifacts": {"type": {"any_": ["table"]}}}), "13"),
        (json!({"artifacts": {"type": {"not_any_": ["table"]}}}), "2"),
        (json!({"artifacts": {"flow_run_id": {"any_": [b]}}}), "23"),
        (json!({"artifacts": {"task_run_id": {"any_": [task]}}}), "2"),
        (json!({"artifacts": {"operator": "or_", "key": {"any_": ["x-1"]}, "task_run_id": {"any_": [task]}}}), "12"),
        (json!({"flows": {"name": {"any_": ["report"]}}}), "23"),
        (json!({"flow_runs": {"name": {"any_": ["a"]}}}), "1"),
        (json!({"flow_runs": {"name": {"any_": ["a"]}}, "flows": {"name": {"any_": ["report"]}}}), ""),
        (json!({"task_runs": {"name": {"any_": ["load"]}}, "flows": {"name": {"any_": ["report"]}}}), "2"),
    ] {
        let mut request = filter.clone();
        request["sort"] = "ID_DESC".into();
        let found = world.post("/artifacts/filter", request).await;
        let found: String = found.as_array().unwrap().iter().rev().map(|found| found["data"].to_string()).collect();
        assert_eq!(found, expected, "{filter}");
        assert_eq!(world.post("/artifacts/count", filter.clone()).await, expected.len(), "{filter}");
    }
    let found = world.post("/artifacts/filter", json!({"sort": "KEY_DESC", "limit": 2, "offset": 1})).await;
    assert_eq!((&found[0]["data"], &found[1]["key"]), (&json!(1), &Value::Null));
}
