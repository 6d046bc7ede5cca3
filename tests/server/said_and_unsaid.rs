//! What answers say where nothing was said, and what becomes of what is said wrongly, as on Prefect's own server.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, text};

async fn refused(world: &World, method: Method, path: &str, body: Value) -> Vec<Value> {
    let (status, answer) = world.ask(method, path, Some(body.clone())).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {body}: {answer}");
    answer["exception_detail"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

pub(crate) async fn where_nothing_is_said_of_retries_nothing_is_answered(world: Arc<World>) {
    let flow = world.flow("etl").await;
    for (said, retries, delay) in [
        (json!({}), json!(null), json!(null)),
        (json!({"retries": 0}), json!(0), json!(null)),
        (json!({"retries": 0, "retry_delay": 0}), json!(0), json!(0)),
        (json!({"retry_delay": 5}), json!(null), json!(5)),
        (json!({"retries": 2, "retry_delay": 3}), json!(2), json!(3)),
        (json!({"max_retries": 3, "retry_delay_seconds": 2}), json!(3), json!(2)),
    ] {
        let answered = |run: &Value| {
            let policy = &run["empirical_policy"];
            assert_eq!((&policy["retries"], &policy["retry_delay"]), (&retries, &delay), "{said} {policy}");
        };
        let made = world.post("/flow_runs/", json!({"flow_id": flow, "empirical_policy": said})).await;
        answered(&made);
        let path = format!("/flow_runs/{}", text(&made["id"]));
        answered(&world.get(&path).await);
        let this = json!({"flow_runs": {"id": {"any_": [made["id"]]}}});
        answered(&world.post("/flow_runs/filter", this).await[0]);
        let other = json!({"empirical_policy": {"retries": 9, "retry_delay": 9}});
        for update in [other, json!({"empirical_policy": said})] {
            assert_eq!(world.ask(Method::PATCH, &path, Some(update)).await.0, StatusCode::NO_CONTENT);
        }
        answered(&world.get(&path).await);
        let task = json!({"task_key": "t", "dynamic_key": said.to_string(), "empirical_policy": said});
        answered(&world.post("/task_runs/", task).await);
    }
    let task = |policy| json!({"task_key": "t", "dynamic_key": "delays", "empirical_policy": policy});
    let made = world.post("/task_runs/", task(json!({"retries": 2, "retry_delay": [1, 2.5]}))).await;
    assert_eq!(made["empirical_policy"]["retry_delay"], json!([1, 2.5]));
    for (policy, kinds) in [
        (json!({"retry_delay": vec![1; 51]}), json!(["value_error"])),
        (json!({"retry_jitter_factor": -1}), json!(["value_error"])),
        (json!({"retry_delay": {}}), json!(["int_type", "float_type", "list_type", "list_type"])),
    ] {
        let found = refused(&world, Method::POST, "/task_runs/", task(policy)).await;
        assert_eq!(json!(found.iter().map(|mistake| &mistake["type"]).collect::<Vec<_>>()), kinds, "{found:?}");
    }
    let none = json!({"flow_id": flow, "empirical_policy": {"retry_delay": 1.5, "retry_type": "x"}});
    let found = refused(&world, Method::POST, "/flow_runs/", none).await;
    assert_eq!((&found[0]["type"], &found[1]["type"]), (&json!("int_from_float"), &json!("literal_error")));
}

pub(crate) async fn each_member_of_a_union_tells_its_mistake(world: Arc<World>) {
    let places = |mistakes: &[Value], from: usize| {
        let place = |mistake: &Value| json!(mistake["loc"].as_array().unwrap()[from..]);
        json!(mistakes.iter().map(place).collect::<Vec<_>>())
    };
    let (flow, nothing) = (world.flow("etl").await, json!({}));
    let new = json!({"name": "d", "flow_id": flow, "schedules": [{"schedule": nothing}]});
    let found = refused(&world, Method::POST, "/deployments/", new).await;
    let expected = json!([
        ["function-after[validate_timezone(), IntervalSchedule]", "interval"],
        ["function-after[validate_timezone(), CronSchedule]", "cron"],
        ["RRuleSchedule", "rrule"],
    ]);
    assert_eq!(places(&found, 4), expected);
    let input = json!({"x": [{"input_type": "task_run"}]});
    let new = json!({"task_key": "t", "dynamic_key": "0", "task_inputs": input});
    let found = refused(&world, Method::POST, "/task_runs/", new).await;
    let members = places(&found, 4);
    for expected in
        [["TaskRunResult", "id"], ["FlowRunResult", "input_type"], ["Parameter", "name"], ["Constant", "type"]]
    {
        assert!(members.as_array().unwrap().contains(&json!(expected)), "{members}");
    }
    let trigger = json!({"type": "event", "posture": "Reactive"});
    let new = json!({"name": "a", "trigger": trigger, "actions": [{"type": "dance"}]});
    let found = refused(&world, Method::POST, "/automations/", new).await;
    let members = places(&found, 3);
    assert!(members.as_array().unwrap().contains(&json!(["CallWebhook", "type"])), "{members}");
    let found = refused(&world, Method::POST, "/events/filter", json!({"filter": {"related": 5}})).await;
    assert_eq!(places(&found, 3), json!([["list[EventRelatedFilter]"], ["EventRelatedFilter"]]));
}

pub(crate) async fn bounds_are_told_as_they_are(world: Arc<World>) {
    let increment = "/v2/concurrency_limits/increment";
    for (path, body, place, kind, figures) in [
        (increment, json!({"names": ["x"], "slots": 0}), "slots", "greater_than", json!({"gt": 0})),
        (
            "/v2/concurrency_limits/decrement",
            json!({"names": ["x"], "slots": 1, "occupancy_seconds": 0}),
            "occupancy_seconds",
            "greater_than",
            json!({"gt": 0}),
        ),
        (
            "/v2/concurrency_limits/increment-with-lease",
            json!({"names": ["x"], "slots": 1, "lease_duration": 1}),
            "lease_duration",
            "greater_than_equal",
            json!({"ge": 60}),
        ),
        ("/events/filter", json!({"limit": 51}), "limit", "less_than_equal", json!({"le": 50})),
        ("/flows/bulk_delete", json!({"limit": 0}), "limit", "greater_than_equal", json!({"ge": 1})),
        ("/work_pools/", json!({"name": "a/b"}), "name", "string_pattern_mismatch", json!({"pattern": "^[^/%&><]+$"})),
    ] {
        let found = refused(&world, Method::POST, path, body).await;
        let mistake = &found[0];
        assert_eq!((&mistake["type"], &mistake["ctx"]), (&json!(kind), &figures), "{mistake}");
        assert_eq!(mistake["loc"], json!(["body", place]));
    }
    let found = refused(&world, Method::POST, increment, json!({"slots": 1})).await;
    assert_eq!(
        (&found[0]["type"], &found[0]["input"]),
        (&json!("missing"), &Value::Null),
        "the body has several parts"
    );
}

pub(crate) async fn a_run_that_begins_at_its_end_has_begun(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let ended = json!({"flow_id": flow, "state": {"type": "FAILED"}});
    let run = world.post("/flow_runs/", ended).await;
    assert!(run["start_time"].is_string(), "{run}");
    assert_eq!(run["start_time"], run["end_time"]);
    let task = json!({"task_key": "t", "dynamic_key": "0", "state": {"type": "COMPLETED"}});
    let task = world.post("/task_runs/", task).await;
    assert!(task["start_time"].is_string(), "{task}");
}

pub(crate) async fn a_task_run_has_a_name_and_the_labels_of_its_flow_run(world: Arc<World>) {
    let flow = world.post("/flows/", json!({"name": "etl", "labels": {"team": "data"}})).await;
    let flow_run = world.flow_run(json!({"flow_id": flow["id"]})).await;
    let new = json!({"flow_run_id": flow_run, "task_key": "t", "dynamic_key": "0", "labels": {"own": 1}});
    let task = world.post("/task_runs/", new).await;
    assert!(text(&task["name"]).contains('-'), "{task}");
    let labels = json!({"team": "data", "own": 1, "prefect.flow.id": flow["id"], "prefect.flow-run.id": flow_run});
    assert_eq!(task["labels"], labels);
}

pub(crate) async fn job_variables_change_only_for_workers_to_come(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let variables = json!({"type": "object", "properties": {"image": {"type": "string"}}});
    let template = json!({"variables": variables, "job_configuration": {"image": "{{ image }}"}});
    world.post("/work_pools/", json!({"name": "pool", "type": "docker", "base_job_template": template})).await;
    let deployment = json!({"name": "d", "flow_id": flow, "work_pool_name": "pool"});
    let deployment = text(&world.post("/deployments/", deployment).await["id"]);
    let change = async |run: &str, variables: Value| {
        let body = json!({"job_variables": variables});
        let (status, answer) = world.ask(Method::PATCH, &format!("/flow_runs/{run}"), Some(body)).await;
        (status, answer["detail"].as_str().unwrap_or_default().to_owned())
    };
    let pending = world.flow_run(json!({"flow_id": flow})).await;
    let why = "Job variables for a flow run in state PENDING cannot be updated".to_owned();
    assert_eq!(change(&pending, json!({})).await, (StatusCode::BAD_REQUEST, why));
    let alone = world.flow_run(json!({"flow_id": flow, "state": {"type": "SCHEDULED"}})).await;
    let why = "A deployment for the flow run could not be found".to_owned();
    assert_eq!(change(&alone, json!({})).await, (StatusCode::BAD_REQUEST, why));
    let run = text(&world.post(&format!("/deployments/{deployment}/create_flow_run"), json!({})).await["id"]);
    assert_eq!(change(&run, json!({"image": 5})).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(change(&run, json!({"image": "a"})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.get(&format!("/flow_runs/{run}")).await["job_variables"], json!({"image": "a"}));
}

pub(crate) async fn a_deployment_has_the_parameters_that_were_given_last(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let first = json!({"name": "d", "flow_id": flow, "parameters": {"x": 1}, "description": "why"});
    let made = world.post("/deployments/", first).await;
    assert_eq!(made["parameter_openapi_schema"], json!({}), "nothing was said of it");
    let again = world.post("/deployments/", json!({"name": "d", "flow_id": flow})).await;
    assert_eq!((&again["id"], &again["parameters"], &again["description"]), (&made["id"], &json!({}), &json!("why")));
}

pub(crate) async fn flows_are_selected_by_whether_they_are_deployed(world: Arc<World>) {
    let (one, _) = (world.flow("deployed").await, world.flow("free").await);
    world.post("/deployments/", json!({"name": "d", "flow_id": one})).await;
    let names = async |none: bool| {
        let found = world.post("/flows/filter", json!({"flows": {"deployment": {"is_null_": none}}})).await;
        found.as_array().unwrap().iter().map(|flow| text(&flow["name"])).collect::<Vec<_>>()
    };
    assert_eq!((names(true).await, names(false).await), (vec!["free".to_owned()], vec!["deployed".to_owned()]));
}

pub(crate) async fn what_a_state_says_of_its_result_is_an_artifact(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let run = world.flow_run(json!({"flow_id": flow})).await;
    let of_run = json!({"artifacts": {"flow_run_id": {"any_": [run]}}});
    let artifacts = async || world.post("/artifacts/filter", of_run.clone()).await;
    world.set_state(&run, json!({"type": "RUNNING", "data": {"type": "unpersisted"}})).await;
    assert_eq!(artifacts().await, json!([]));
    let result = json!({"storage_key": "k", "prefect_version": "3.8.8"});
    let mut said = result.clone();
    said["artifact_key"] = json!("result-of-etl");
    world.set_state(&run, json!({"type": "COMPLETED", "data": said})).await;
    let kept = artifacts().await;
    assert_eq!((&kept[0]["key"], &kept[0]["type"]), (&json!("result-of-etl"), &Value::Null));
    assert_eq!((&kept[0]["data"], kept.as_array().unwrap().len()), (&result, 1));
    let task = json!({"task_key": "t", "dynamic_key": "0", "flow_run_id": run});
    let task = text(&world.post("/task_runs/", task).await["id"]);
    let state = json!({"state": {"type": "COMPLETED", "data": result}, "force": true});
    world.post(&format!("/task_runs/{task}/set_state"), state).await;
    let kept = world.post("/artifacts/filter", json!({"artifacts": {"task_run_id": {"any_": [task]}}})).await;
    assert_eq!((&kept[0]["data"], &kept[0]["flow_run_id"]), (&result, &json!(run)));
}
