//! Details of answers, each as a Prefect server was seen to give it.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{World, text};

pub(crate) async fn a_run_has_the_labels_of_its_flow(world: Arc<World>) {
    let flow = world.post("/flows/", json!({"name": "etl", "labels": {"team": "data", "level": 1}})).await;
    let run = world.post("/flow_runs/", json!({"flow_id": flow["id"], "labels": {"level": 2}})).await;
    assert_eq!(run["labels"], json!({"team": "data", "level": 2, "prefect.flow.id": flow["id"]}));
}

pub(crate) async fn what_is_not_there_is_told_in_prefects_words(world: Arc<World>) {
    let nobody = Uuid::nil();
    let state = json!({"state": {"type": "RUNNING"}});
    for (method, path, body, what) in [
        (Method::POST, format!("/flow_runs/{nobody}/set_state"), state.clone(), "Flow run with id {} not found"),
        (Method::POST, format!("/task_runs/{nobody}/set_state"), state, "Task run with id {} not found"),
        (Method::PATCH, format!("/flow_runs/{nobody}/labels"), json!({"a": 1}), "Flow run with id {} not found"),
        (Method::PATCH, format!("/automations/{nobody}"), json!({"enabled": true}), "Automation not found"),
    ] {
        let expected = json!({"exception_message": what.replace("{}", &nobody.to_string())});
        assert_eq!(world.ask(method, &path, Some(body)).await, (StatusCode::NOT_FOUND, expected), "{path}");
    }
    let (status, said) = world.ask(Method::POST, "/flow_runs/", Some(json!({"flow_id": nobody}))).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(text(&said["detail"]).starts_with("Data integrity conflict."), "{said}");
}

pub(crate) async fn what_a_change_of_an_automation_does_not_say_stays(world: Arc<World>) {
    let trigger = json!({"type": "event", "posture": "Reactive", "expect": ["a"], "threshold": 1});
    let new = json!({"name": "first", "description": "why", "tags": ["t"], "trigger": trigger, "actions": [{"type": "do-nothing"}],
        "actions_on_trigger": [{"type": "do-nothing"}]});
    let path = format!("/automations/{}", text(&world.post("/automations/", new).await["id"]));
    let change = async |method, body| assert_eq!(world.ask(method, &path, Some(body)).await.0, StatusCode::NO_CONTENT);
    change(Method::PATCH, json!({"enabled": false})).await;
    change(Method::PATCH, json!({})).await;
    change(Method::PUT, json!({"name": "second", "trigger": trigger, "actions": [], "actions_on_trigger": []})).await;
    let known = world.get(&path).await;
    assert_eq!((&known["name"], &known["enabled"], &known["tags"]), (&json!("second"), &json!(false), &json!(["t"])));
    assert_eq!((&known["description"], &known["actions_on_trigger"]), (&json!("why"), &json!([])));
    change(Method::PUT, json!({"name": "third", "enabled": true, "tags": [], "trigger": trigger, "actions": []})).await;
    let known = world.get(&path).await;
    assert_eq!((&known["enabled"], &known["tags"]), (&json!(true), &json!([])));
}

pub(crate) async fn runs_name_the_pools_of_their_queues(world: Arc<World>) {
    let pool = world.post("/work_pools/", json!({"name": "mine", "type": "process"})).await;
    let flow = world.flow("etl").await;
    world.post("/flow_runs/", json!({"flow_id": flow, "name": "alone"})).await;
    let placed = json!({"flow_id": flow, "name": "placed", "work_pool_name": "mine"});
    let id = world.flow_run(placed).await;
    let of = |run: &Value| (run["work_pool_name"].clone(), run["work_pool_id"].clone());
    let (mine, none) = ((json!("mine"), pool["id"].clone()), (Value::Null, Value::Null));
    assert_eq!(of(&world.get(&format!("/flow_runs/{id}")).await), mine);
    let found = world.post("/flow_runs/filter", json!({"sort": "NAME_ASC"})).await;
    assert_eq!((of(&found[0]), of(&found[1])), (none, mine.clone()));
    let found = world.post("/flow_runs/paginate", json!({"sort": "NAME_DESC"})).await;
    assert_eq!(of(&found["results"][0]), mine);
}

pub(crate) async fn a_scheduled_task_run_is_due_at_once(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let flow_run = world.flow_run(json!({"flow_id": flow})).await;
    let new = json!({"flow_run_id": flow_run, "task_key": "t", "dynamic_key": "0", "name": "t", "state": {"type": "SCHEDULED"}});
    let run = world.post("/task_runs/", new).await;
    assert!(run["state"]["state_details"]["scheduled_time"].is_string(), "{run}");
    assert_eq!(run["next_scheduled_start_time"], run["state"]["state_details"]["scheduled_time"]);
}
