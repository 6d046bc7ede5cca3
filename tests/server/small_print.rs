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
        (Method::GET, format!("/automations/{nobody}"), json!({}), "Automation not found"),
        (Method::GET, format!("/flow_runs/{nobody}/graph"), json!({}), "Flow run with id {} not found"),
        (Method::GET, format!("/flow_runs/{nobody}/graph-v2"), json!({}), "Flow run {} not found"),
        (Method::POST, format!("/work_queues/{nobody}/get_runs"), json!({}), "Work queue with id {} not found."),
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

/// Tells what is wrong with a request, and where.
async fn mistakes(world: &World, path: &str, body: Value) -> Vec<(String, Value)> {
    let (status, said) = world.ask(Method::POST, path, Some(body)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {said}");
    let mistakes = said["exception_detail"].as_array().unwrap().iter();
    mistakes.map(|mistake| (text(&mistake["type"]), mistake["loc"].clone())).collect()
}

pub(crate) async fn labels_are_texts_numbers_and_truth_values(world: Arc<World>) {
    let flow = world.post("/flows/", json!({"name": "etl", "labels": {"a": true, "b": 1, "c": 1.5, "d": "x"}})).await;
    assert_eq!(flow["labels"], json!({"a": true, "b": 1, "c": 1.5, "d": "x"}));
    let kinds = [("bool_type", "bool"), ("int_type", "int"), ("float_type", "float"), ("string_type", "str")];
    let expected = kinds.map(|(kind, name)| (kind.to_owned(), json!(["body", "labels", "a", name])));
    for value in [json!([1]), json!({"b": 1}), Value::Null] {
        for (path, new) in [
            ("/flows/", json!({"name": "other"})),
            ("/flow_runs/", json!({"flow_id": flow["id"]})),
            ("/deployments/", json!({"flow_id": flow["id"], "name": "nightly"})),
        ] {
            let mut new = new;
            new["labels"] = json!({"a": value});
            assert_eq!(mistakes(&world, path, new).await, expected, "{path} {value}");
        }
    }
}

pub(crate) async fn a_list_is_no_object(world: Arc<World>) {
    for (filter, place) in [
        (json!({"flows": []}), json!(["body", "flows"])),
        (json!({"flow_runs": {"id": []}}), json!(["body", "flow_runs", "id"])),
        (json!({"flow_runs": {"id": [[Uuid::nil()]]}}), json!(["body", "flow_runs", "id"])),
        (json!({"flow_runs": {"state": {"type": []}}}), json!(["body", "flow_runs", "state", "type"])),
    ] {
        let expected = [("model_attributes_type".to_owned(), place)];
        assert_eq!(mistakes(&world, "/flow_runs/filter", filter.clone()).await, expected, "{filter}");
    }
    world.post("/flow_runs/filter", json!({"flow_runs": {"id": {"any_": []}, "tags": {"all_": ["a"]}}})).await;
}

pub(crate) async fn the_first_state_names_its_run(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let deployment = text(&world.post("/deployments/", json!({"flow_id": flow, "name": "nightly"})).await["id"]);
    for (path, new) in [
        ("/flow_runs/".to_owned(), json!({"flow_id": flow})),
        ("/flow_runs/".to_owned(), json!({"flow_id": flow, "state": {"type": "SCHEDULED"}})),
        (format!("/deployments/{deployment}/create_flow_run"), json!({})),
    ] {
        let run = world.post(&path, new).await;
        let details = &run["state"]["state_details"];
        assert_eq!((&details["flow_run_id"], &details["deferred"]), (&run["id"], &json!(false)), "{run}");
        assert_eq!(run["job_variables"], json!({}));
        assert_eq!(world.get(&format!("/flow_runs/{}", text(&run["id"]))).await["state"], run["state"]);
    }
}

pub(crate) async fn runs_belong_to_what_is_there(world: Arc<World>) {
    let (flow, nobody) = (world.flow("etl").await, Uuid::nil());
    let deployment = text(&world.post("/deployments/", json!({"flow_id": flow, "name": "nightly"})).await["id"]);
    for (path, new) in [
        ("/task_runs/".to_owned(), json!({"flow_run_id": nobody, "task_key": "t", "dynamic_key": "0"})),
        ("/flow_runs/".to_owned(), json!({"flow_id": flow, "parent_task_run_id": nobody})),
        (format!("/deployments/{deployment}/create_flow_run"), json!({"parent_task_run_id": nobody})),
    ] {
        let (status, said) = world.ask(Method::POST, &path, Some(new)).await;
        assert_eq!(status, StatusCode::CONFLICT, "{path}: {said}");
        assert!(text(&said["detail"]).starts_with("Data integrity conflict."), "{said}");
    }
    // What a run or a line is said to be of need not be there.
    world.post("/flow_runs/", json!({"flow_id": flow, "deployment_id": nobody})).await;
    world.post("/artifacts/", json!({"key": "k", "data": 1, "flow_run_id": nobody})).await;
}

pub(crate) async fn a_task_run_that_runs_again_counts_since_then(world: Arc<World>) {
    let run = world.flow_run(json!({"flow_id": world.flow("etl").await})).await;
    let new =
        json!({"flow_run_id": run, "task_key": "t", "dynamic_key": "0", "name": "t", "state": {"type": "RUNNING"}});
    let path = format!("/task_runs/{}", text(&world.post("/task_runs/", new).await["id"]));
    let again = json!({"state": {"type": "RUNNING", "name": "Retrying"}, "force": true});
    world.post(&format!("{path}/set_state"), again).await;
    let before = world.get(&path).await;
    assert_eq!(before["run_count"], 2);
    let since = text(&before["expected_start_time"]);
    let history =
        json!({"history_start": since, "history_end": "2100-01-01T00:00:00Z", "history_interval_seconds": 1e12});
    let sum = async || {
        let history = world.post("/task_runs/history", history.clone()).await;
        history[0]["states"][0]["sum_estimated_run_time"].as_f64().unwrap()
    };
    let begun = std::time::Instant::now();
    let total = before["total_run_time"].as_f64().unwrap();
    while sum().await < total + 0.05 {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "the present attempt does not count");
    }
    // Not since the first one began, which the total has already.
    let sum = sum().await;
    let now = world.get(&path).await["estimated_run_time"].as_f64().unwrap();
    assert!(sum <= now + 0.01, "{sum} {now}");
}
