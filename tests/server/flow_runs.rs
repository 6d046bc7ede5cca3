//! Flows and flow runs: making, moving, editing.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, text};

pub(crate) async fn flows_are_made_once(world: Arc<World>) {
    let body = json!({"name": "etl", "tags": ["a"], "labels": {"team": "data", "size": 3, "big": true}});
    let (status, made) = world.ask(Method::POST, "/flows/", Some(body)).await;
    assert_eq!((status, &made["labels"]["size"]), (StatusCode::CREATED, &json!(3)));
    let (status, again) = world.ask(Method::POST, "/flows", Some(json!({"name": "etl"}))).await;
    assert_eq!((status, &again), (StatusCode::OK, &made));
    let id = text(&made["id"]);
    assert_eq!(world.get(&format!("/flows/{id}")).await, made);
    assert_eq!(world.get("/flows/name/etl").await, made);
    world.flow("another").await;
    assert_eq!(world.post("/flows/count", json!({})).await, 2);
    let found = world.post("/flows/filter", json!({"flows": {"name": {"like_": "ET"}}})).await;
    assert_eq!(found, json!([made]));
}

pub(crate) async fn mistakes_are_told_as_prefect_tells_them(world: Arc<World>) {
    let ask = async |path: &str, body: Value| world.ask(Method::POST, path, Some(body)).await;
    for (path, body, kind, place) in [
        ("/flows/", json!({}), "missing", json!(["body"])),
        ("/flows/", json!({"name": "a/b"}), "string_pattern_mismatch", json!(["body", "name"])),
        ("/flow_runs/", json!({"flow_id": 7}), "uuid_type", json!(["body", "flow_id"])),
        ("/flow_runs/filter", json!({"flow_runs": {"colour": 1}}), "extra_forbidden", json!(["body"])),
    ] {
        let (status, answer) = ask(path, body.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {answer}");
        assert_eq!(answer["exception_message"], "Invalid request received.");
        assert_eq!(answer["exception_detail"][0]["type"], kind, "{path} {answer}");
        let loc = answer["exception_detail"][0]["loc"].as_array().unwrap();
        assert!(loc.starts_with(place.as_array().unwrap()), "{path} {answer}");
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(answer["request_body"][field], *value, "{answer}");
        }
    }
    let (status, answer) = ask("/flow_runs/filter", json!({"limit": 201})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["detail"], "Invalid limit: must be less than or equal to 200.");
    for path in ["/flows/no-uuid", "/flow_runs/00000000-0000-0000-0000-000000000000", "/nothing"] {
        let (status, answer) = world.ask(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(
            answer["detail"].as_str().is_some_and(|why| why.ends_with("ot found") || why == "Not Found"),
            "{answer}"
        );
    }
    let (status, _) = world.ask(Method::DELETE, "/flows/count", None).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

pub(crate) async fn a_flow_run_goes_its_way(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let body = json!({"flow_id": flow, "parameters": {"n": 1}, "tags": ["x"], "state": {"type": "PENDING"}, "context": {"a": 1}});
    let run = world.post("/flow_runs", body).await;
    assert_eq!(
        (&run["state_type"], &run["run_count"], &run["parameters"]),
        (&json!("PENDING"), &json!(0), &json!({"n": 1}))
    );
    assert!(run["name"].as_str().is_some_and(|name| name.contains('-')), "a name is made up");
    let id = text(&run["id"]);

    let answer = world.set_state(&id, json!({"type": "RUNNING"})).await;
    assert_eq!((&answer["status"], &answer["details"]), (&json!("ACCEPT"), &json!({"type": "accept_details"})));
    assert_eq!(answer["state"]["state_details"]["flow_run_id"], json!(id));
    let result = json!({"storage_key": "k", "expiration": null});
    let answer = world.set_state(&id, json!({"type": "COMPLETED", "data": result})).await;
    assert_eq!((&answer["state"]["name"], &answer["state"]["data"]), (&json!("Completed"), &result));
    let again = world.set_state(&id, json!({"type": "RUNNING"})).await;
    assert_eq!((&again["status"], &again["state"]["type"]), (&json!("REJECT"), &json!("COMPLETED")));

    let run = world.get(&format!("/flow_runs/{id}")).await;
    assert_eq!((&run["state_type"], &run["run_count"]), (&json!("COMPLETED"), &json!(1)));
    assert!(run["total_run_time"].as_f64().is_some_and(|time| time > 0.0) && run["end_time"].is_string());
    let states = world.get(&format!("/flow_run_states/?flow_run_id={id}")).await;
    let types: Vec<&Value> = states.as_array().unwrap().iter().map(|state| &state["type"]).collect();
    assert_eq!(types, ["PENDING", "RUNNING", "COMPLETED"]);

    let forced = json!({"state": {"type": "SCHEDULED", "name": "Late"}, "force": true});
    let answer = world.post(&format!("/flow_runs/{id}/set_state"), forced).await;
    assert_eq!((&answer["status"], &answer["state"]["name"]), (&json!("ACCEPT"), &json!("Late")));
    let (status, _) = world.ask(Method::DELETE, &format!("/flow_runs/{id}"), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = world.ask(Method::GET, &format!("/flow_runs/{id}"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

pub(crate) async fn a_key_makes_one_run(world: Arc<World>) {
    let (flow, other) = (world.flow("etl").await, world.flow("other").await);
    let asked = |flow: &Value| Some(json!({"flow_id": flow, "idempotency_key": "today"}));
    let (status, made) = world.ask(Method::POST, "/flow_runs/", asked(&flow)).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, again) = world.ask(Method::POST, "/flow_runs/", asked(&flow)).await;
    assert_eq!((status, &again["id"]), (StatusCode::OK, &made["id"]));
    let (status, _) = world.ask(Method::POST, "/flow_runs/", asked(&other)).await;
    assert_eq!(status, StatusCode::CREATED, "a key is one of its flow");
}

pub(crate) async fn a_run_is_edited_while_it_moves(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let id = world.flow_run(json!({"flow_id": flow, "name": "old", "tags": ["x"]})).await;
    world.set_state(&id, json!({"type": "RUNNING"})).await;
    let patch =
        json!({"name": "new", "infrastructure_pid": "host:7", "empirical_policy": {"retries": 3, "retry_delay": 2}});
    let path = format!("/flow_runs/{id}");
    assert_eq!(world.ask(Method::PATCH, &path, Some(patch)).await.0, StatusCode::NO_CONTENT);
    let labels = Some(json!({"a": 1, "b": "c"}));
    assert_eq!(world.ask(Method::PATCH, &format!("{path}/labels"), labels).await.0, StatusCode::NO_CONTENT);
    world.set_state(&id, json!({"type": "COMPLETED"})).await;
    let run = world.get(&path).await;
    assert_eq!(run["name"], "new");
    assert_eq!(run["tags"], json!(["x"]), "what is not said stays");
    assert_eq!(run["labels"], json!({"a": 1, "b": "c", "prefect.flow.id": flow}), "its flow's are its own as well");
    assert_eq!((&run["infrastructure_pid"], &run["empirical_policy"]["retries"]), (&json!("host:7"), &json!(3)));
    assert_eq!(run["state_type"], "COMPLETED");
}

pub(crate) async fn a_failed_run_is_tried_again(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let policy = json!({"retries": 1, "retry_delay": 60});
    let id = world.flow_run(json!({"flow_id": flow, "empirical_policy": policy})).await;
    world.set_state(&id, json!({"type": "RUNNING"})).await;
    let answer = world.set_state(&id, json!({"type": "FAILED", "message": "no"})).await;
    assert_eq!((&answer["status"], &answer["state"]["name"]), (&json!("REJECT"), &json!("AwaitingRetry")));
    assert_eq!(answer["details"]["type"], "reject_details");
    let answer = world.set_state(&id, json!({"type": "RUNNING"})).await;
    assert_eq!((&answer["status"], &answer["state"]["name"]), (&json!("WAIT"), &json!("AwaitingRetry")));
    let delay = answer["details"]["delay_seconds"].as_i64().unwrap();
    assert!((1..=60).contains(&delay), "{delay}");
}
