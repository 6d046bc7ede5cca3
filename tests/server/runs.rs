//! What is asked of flows, flow runs and task runs beside making and moving one.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, text};

fn ids(rows: &Value) -> Vec<String> {
    rows.as_array().unwrap().iter().map(|row| text(&row["id"])).collect()
}

pub(crate) async fn flows_are_changed_and_deleted(world: Arc<World>) {
    let (etl, other) = (text(&world.flow("etl").await), world.flow("other").await);
    let path = format!("/flows/{etl}");
    assert_eq!(world.ask(Method::PATCH, &path, Some(json!({"tags": ["a"]}))).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.get(&path).await["tags"], json!(["a"]));
    let page = world.post("/flows/paginate", json!({"limit": 1, "page": 2})).await;
    assert_eq!((&page["count"], &page["pages"], &page["results"][0]["name"]), (&json!(2), &json!(2), &json!("other")));

    for number in 0..150 {
        world.flow_run(json!({"flow_id": etl, "name": format!("run-{number}")})).await;
    }
    let kept = world.flow_run(json!({"flow_id": other})).await;
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.ask(Method::GET, &path, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NOT_FOUND);
    // The runs are deleted behind the answer.
    while world.post("/flow_runs/count", json!({})).await != 1 {
        tokio::task::yield_now().await;
    }
    // A new flow of the name has nothing of the old one.
    let again = world.flow("etl").await;
    assert_ne!(again, json!(etl));
    let run = world.post("/flow_runs/", json!({"flow_id": again})).await;
    assert_eq!(run["flow_id"], again);
    let deleted = world.post("/flows/bulk_delete", json!({"flows": {"name": {"any_": ["etl"]}}})).await;
    assert_eq!(deleted, json!({"deleted": [again]}));
    let left = world.post("/flow_runs/filter", json!({"flows": {"name": {"like_": "other"}}})).await;
    assert_eq!(ids(&left), [kept]);
}

pub(crate) async fn what_belongs_to_what_is_deleted_goes_and_subflows_stay(world: Arc<World>) {
    let (flow, other) = (world.flow("etl").await, world.flow("other").await);
    let schedules = json!([{"schedule": {"interval": 3600}}]);
    let deployed =
        |flow: &Value| json!({"name": "nightly", "flow_id": flow, "concurrency_limit": 1, "schedules": schedules});
    let gone = text(&world.post("/deployments/", deployed(&flow)).await["id"]);
    let stays = text(&world.post("/deployments/", deployed(&other)).await["id"]);
    let child = async |flow: &Value, parent: &str| {
        let task = json!({"flow_run_id": parent, "task_key": "call", "dynamic_key": "0", "name": "call"});
        let task = world.post("/task_runs/", task).await["id"].clone();
        world.flow_run(json!({"flow_id": flow, "parent_task_run_id": task})).await
    };
    let [parent, of_flow] =
        [world.flow_run(json!({"flow_id": other})).await, world.flow_run(json!({"flow_id": flow})).await];
    let (first, second) = (child(&other, &parent).await, child(&other, &of_flow).await);
    world.ask(Method::DELETE, &format!("/flow_runs/{parent}"), None).await;
    assert_eq!(world.get(&format!("/flow_runs/{first}")).await["parent_task_run_id"], Value::Null);

    let path = format!("/flows/{}", text(&flow));
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.ask(Method::GET, &format!("/deployments/{gone}"), None).await.0, StatusCode::NOT_FOUND);
    let limits = world.post("/v2/concurrency_limits/filter", json!({})).await;
    let limits: Vec<_> = limits.as_array().unwrap().iter().map(|limit| text(&limit["name"])).collect();
    assert_eq!(limits, [format!("deployment:{stays}")]);
    assert_eq!(world.get(&format!("/flow_runs/{second}")).await["parent_task_run_id"], Value::Null);
    assert_eq!(world.post("/deployments/count", json!({})).await, 1);
}

pub(crate) async fn runs_are_counted_over_time(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let scheduled = |at: &str| json!({"type": "SCHEDULED", "state_details": {"scheduled_time": at}});
    let early = world.flow_run(json!({"flow_id": flow, "state": scheduled("2026-01-01T00:00:05Z")})).await;
    let late = world.flow_run(json!({"flow_id": flow, "state": scheduled("2026-01-01T00:00:15Z")})).await;
    let range = json!({"history_start": "2026-01-01T00:00:00Z", "history_end": "2026-01-01T00:00:25Z"});
    let mut asked = range.clone();
    asked["history_interval_seconds"] = json!(10);
    let history = world.post("/flow_runs/history", asked.clone()).await;
    assert_eq!(history.as_array().unwrap().len(), 3);
    assert_eq!(history[1]["interval_start"], "2026-01-01T00:00:10Z");
    let state = &history[1]["states"][0];
    assert_eq!((&state["state_type"], &state["count_runs"]), (&json!("SCHEDULED"), &json!(1)));
    assert!(state["sum_estimated_lateness"].as_f64().unwrap() > 0.0 && history[2]["states"] == json!([]));
    asked["history_interval_seconds"] = json!(0.5);
    let (status, answer) = world.ask(Method::POST, "/flow_runs/history", Some(asked)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["detail"], "History interval must not be less than 1 second.");

    let lateness = world.post("/flow_runs/lateness", json!({})).await;
    assert!(lateness.as_f64().unwrap() > 1000.0, "{lateness}");
    assert_eq!(world.post("/flow_runs/lateness", json!({"flow_runs": {"id": {"any_": []}}})).await, Value::Null);
    let next = world.post("/ui/flows/next-runs", json!({"flow_ids": [flow]})).await;
    assert_eq!(next[text(&flow)]["id"], json!(early));
    let points = world.post("/ui/flow_runs/history", json!({})).await;
    assert_eq!(ids(&points), [late, early.clone()]);

    let task = json!({"task_key": "t", "dynamic_key": "1", "flow_run_id": early, "state": {"type": "RUNNING"}});
    let task = text(&world.post("/task_runs/", task).await["id"]);
    let counts = world.post("/ui/flow_runs/count-task-runs", json!({"flow_run_ids": [early]})).await;
    assert_eq!(counts[&early], 1);
    world.post(&format!("/task_runs/{task}/set_state"), json!({"state": {"type": "FAILED"}})).await;
    assert_eq!(world.post("/ui/task_runs/count", json!({})).await["FAILED"], 1);
    let since = (chrono::Utc::now() - chrono::TimeDelta::hours(1)).to_rfc3339();
    let counts =
        world.post("/ui/task_runs/dashboard/counts", json!({"task_runs": {"start_time": {"after_": since}}})).await;
    let failed: u64 = counts.as_array().unwrap().iter().map(|count| count["failed"].as_u64().unwrap()).sum();
    assert_eq!((counts.as_array().unwrap().len(), failed), (20, 1));
    let named = world.get(&format!("/ui/task_runs/{task}")).await;
    assert!(named["flow_run_name"].is_string() && named["id"] == json!(task));
    let mut asked = json!({"history_interval_seconds": 7200, "history_start": since});
    asked["history_end"] = json!((chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339());
    assert_eq!(world.post("/task_runs/history", asked).await[0]["states"][0]["count_runs"], 1);
}

pub(crate) async fn an_input_is_kept_once_and_checked_at_the_resume(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let run = world.flow_run(json!({"flow_id": flow, "state": {"type": "RUNNING"}})).await;
    let path = format!("/flow_runs/{run}/input");
    let schema = json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
    let input = json!({"key": "a-schema", "value": schema.to_string(), "sender": "somebody"});
    let (status, _) = world.ask(Method::POST, &path, Some(input.clone())).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, answer) = world.ask(Method::POST, &path, Some(input)).await;
    assert_eq!(
        (status, &answer["detail"]),
        (StatusCode::CONFLICT, &json!("A flow run input with this key already exists."))
    );
    assert_eq!(world.get(&format!("{path}/a-schema")).await, schema, "as it was sent");
    world.post(&path, json!({"key": "b", "value": "not json", "sender": format!("prefect.flow-run.{run}")})).await;
    let found = world.post(&format!("{path}/filter"), json!({"prefix": "", "limit": 5, "exclude_keys": ["b"]})).await;
    assert_eq!((found.as_array().unwrap().len(), &found[0]["sender"]), (1, &json!("somebody")));
    let found = world.post(&format!("{path}/filter"), json!({"prefix": "b"})).await;
    assert_eq!(
        (&found[0]["value"], &found[0]["sender"]),
        (&json!("not json"), &json!(format!("prefect.flow-run.{run}")))
    );
    assert_eq!(world.ask(Method::DELETE, &format!("{path}/b"), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.ask(Method::DELETE, &format!("{path}/b"), None).await.0, StatusCode::NOT_FOUND);

    let resume = |input: Value| {
        let world = world.clone();
        let path = format!("/flow_runs/{run}/resume");
        async move { world.post(&path, json!({"run_input": input})).await }
    };
    let answer = resume(json!({})).await;
    assert_eq!(
        (&answer["status"], &answer["details"]["reason"]),
        (&json!("ABORT"), &json!("Cannot resume a flow run that is not paused."))
    );
    let keyset = json!({"schema": "a-schema", "response": "a-response"});
    world.set_state(&run, json!({"type": "PAUSED", "state_details": {"run_input_keyset": keyset}})).await;
    let answer = resume(json!({"n": "seven"})).await;
    assert_eq!((&answer["status"], &answer["state"]["type"]), (&json!("REJECT"), &json!("PAUSED")));
    assert!(text(&answer["details"]["reason"]).starts_with("Reason: Validation failed for field 'n'."), "{answer}");
    let answer = resume(json!({"n": {"__prefect_kind": "json", "value": "7"}})).await;
    assert_eq!((&answer["status"], &answer["state"]["type"]), (&json!("ACCEPT"), &json!("RUNNING")));
    assert_eq!(world.get(&format!("{path}/a-response")).await, json!({"n": 7}));
}

pub(crate) async fn a_graph_tells_of_tasks_and_subflows(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let run = world.flow_run(json!({"flow_id": flow, "state": {"type": "RUNNING"}})).await;
    let task = async |name: &str, inputs: Value| {
        let state = json!({"type": "RUNNING"});
        let body = json!({"task_key": name, "dynamic_key": "0", "name": name, "flow_run_id": run, "task_inputs": inputs, "state": state});
        text(&world.post("/task_runs/", body).await["id"])
    };
    let of = |id: &str| json!({"input_type": "task_run", "id": id});
    let first = task("first", json!({"x": [{"input_type": "constant", "type": "int"}]})).await;
    let stands = task("stands", json!({"y": [of(&first), {"input_type": "parameter", "name": "p"}]})).await;
    let child = world
        .flow_run(json!({"flow_id": flow, "name": "child", "parent_task_run_id": stands, "state": {"type": "RUNNING"}}))
        .await;
    let last = task("last", json!({"__parents__": [of(&first)], "z": [{"input_type": "flow_run", "id": child}]})).await;
    world
        .post(
            "/artifacts/",
            json!({"key": "k", "type": "progress", "data": 5, "flow_run_id": run, "task_run_id": first}),
        )
        .await;
    let graph = world.get(&format!("/flow_runs/{run}/graph-v2")).await;
    let node = |id: &str| {
        let found = graph["nodes"].as_array().unwrap().iter().find(|node| node[0] == json!(id));
        found.expect("a node")[1].clone()
    };
    assert_eq!(graph["root_node_ids"], json!([first]));
    assert_eq!(node(&first)["children"], json!([{"id": child}]));
    assert_eq!(
        (&node(&first)["artifacts"][0]["data"], &node(&first)["artifacts"][0]["is_latest"]),
        (&json!(5), &json!(true))
    );
    let subflow = node(&child);
    assert_eq!((&subflow["kind"], &subflow["label"]), (&json!("flow-run"), &json!("etl / child")));
    assert_eq!((&subflow["parents"], &subflow["children"]), (&json!([{"id": first}]), &json!([{"id": last}])));
    assert_eq!(node(&last)["encapsulating"], json!([{"id": first}]));
    assert_eq!(graph["states"][0]["type"], "RUNNING");

    world.post(&format!("/task_runs/{first}/set_state"), json!({"state": {"type": "COMPLETED"}})).await;
    let since = (chrono::Utc::now() + chrono::TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%SZ");
    let newer = world.get(&format!("/flow_runs/{run}/graph-v2?since={since}")).await;
    assert_eq!(newer["nodes"].as_array().unwrap().len(), 2, "what has ended before is left out");
    let map = world.get(&format!("/flow_runs/{run}/graph")).await;
    let found = map.as_array().unwrap().iter().find(|node| node["id"] == json!(stands)).unwrap();
    assert_eq!(found["upstream_dependencies"], json!([of(&first)]));
    let inputs = world.get(&format!("/task_runs/{stands}")).await["task_inputs"].clone();
    assert_eq!(inputs["y"][1], json!({"input_type": "parameter", "name": "p"}), "kept as it was sent");
}

pub(crate) async fn many_runs_are_moved_and_deleted_at_once(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let mut runs = Vec::new();
    for number in 0..3 {
        runs.push(world.flow_run(json!({"flow_id": flow, "name": format!("run-{number}")})).await);
    }
    let lines = json!([
        {"name": "a", "level": 50, "message": "one, \"two\"", "timestamp": "2026-05-28T12:00:00.25Z", "flow_run_id": runs[0]},
        {"name": "a", "level": 25, "message": "three", "timestamp": "2026-05-28T12:00:01Z", "flow_run_id": runs[0]}
    ]);
    world.post("/logs/", lines).await;
    let found = world.post("/logs/filter", json!({"logs": {"level": {"ge_": 30}}})).await;
    assert_eq!((found.as_array().unwrap().len(), &found[0]["level"]), (1, &json!(50)), "the number as it was sent");
    let (status, sheet) =
        world.send(Method::GET, &format!("/flow_runs/{}/logs/download", runs[0]), String::new()).await;
    let expected = format!(
        "timestamp,level,flow_run_id,task_run_id,message\r\n2026-05-28 12:00:00.250000+00:00,50,{0},,\"one, \"\"two\"\"\"\r\n\
         2026-05-28 12:00:01+00:00,25,{0},,three\r\n",
        runs[0]
    );
    assert_eq!((status, sheet), (StatusCode::OK, expected));

    let some = json!({"id": {"any_": [runs[0], runs[1]]}});
    let moved = world.post("/flow_runs/bulk_set_state", json!({"flow_runs": some, "state": {"type": "RUNNING"}})).await;
    let results = moved["results"].as_array().unwrap();
    assert!(results.len() == 2 && results.iter().all(|result| result["status"] == "ACCEPT"), "{moved}");
    let states = world.get(&format!("/flow_run_states/?flow_run_id={}", runs[0])).await;
    let state = world.get(&format!("/flow_run_states/{}", text(&states[1]["id"]))).await;
    assert_eq!(state, states[1]);
    let (status, _) = world.ask(Method::POST, "/flow_runs/bulk_delete", Some(json!({"limit": 51}))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let deleted =
        world.post("/flow_runs/bulk_delete", json!({"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}})).await;
    assert_eq!(deleted["deleted"].as_array().unwrap().len(), 2);
    assert_eq!(world.post("/flow_runs/count", json!({"flow_runs": {"created_by": {"is_null_": true}}})).await, 1);
    assert_eq!(world.post("/flow_runs/count", json!({"flow_runs": {"created_by": {"type_": ["USER"]}}})).await, 0);
}

pub(crate) async fn task_runs_are_changed_and_deleted(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let run = world.flow_run(json!({"flow_id": flow, "state": {"type": "RUNNING"}})).await;
    let body = json!({"task_key": "t", "dynamic_key": "0", "name": "old", "flow_run_id": run, "labels": {"a": 1}});
    let made = world.post("/task_runs/", body).await;
    assert_eq!(made["labels"], json!({"a": 1, "prefect.flow.id": flow, "prefect.flow-run.id": run}));
    let path = format!("/task_runs/{}", text(&made["id"]));
    assert_eq!(world.ask(Method::PATCH, &path, Some(json!({"name": "new"}))).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.get(&path).await["name"], "new");
    let state = world.get(&format!("/task_run_states/{}", text(&made["state_id"]))).await;
    assert_eq!((&state["type"], &state["id"]), (&json!("PENDING"), &made["state_id"]));
    let page = world.post("/task_runs/paginate", json!({"limit": 1})).await;
    assert_eq!((&page["count"], &page["results"][0]["id"]), (&json!(1), &made["id"]));
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.ask(Method::GET, &path, None).await.0, StatusCode::NOT_FOUND);
}

pub(crate) async fn values_are_compared_with_a_schema(world: Arc<World>) {
    let schema = json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "string"}, "b": {"type": "array", "items": {"type": "integer"}}
    }});
    let validate =
        async |values: Value| world.post("/ui/schemas/validate", json!({"schema": schema, "values": values})).await;
    assert_eq!(validate(json!({"a": "x", "b": [1]})).await, json!({"errors": [], "valid": true}));
    let answer = validate(json!({"b": [1, "x"]})).await;
    assert_eq!(answer["valid"], false);
    assert_eq!(answer["errors"][0], json!({"property": "a", "errors": ["'a' is a required property"]}));
    assert_eq!(
        (&answer["errors"][1]["property"], &answer["errors"][1]["errors"][0]["index"]),
        (&json!("b"), &json!(1))
    );
    let answer = validate(json!({"a": {"__prefect_kind": "workspace_variable", "variable_name": "gone"}})).await;
    assert_eq!(answer["errors"][0]["errors"], json!(["Variable 'gone' not found in workspace."]));
    let wrong = validate(json!({"a": 1, "b": [{"__prefect_kind": "json", "value": "{"}]})).await;
    assert_eq!(wrong["errors"][0], json!({"property": "a", "errors": ["1 is not of type 'string'"]}));
    let invalid = text(&wrong["errors"][1]["errors"][0]["errors"][0]);
    assert!(invalid.starts_with("Invalid JSON: "), "{wrong}");
    let template = |template: &str| json!({"a": {"__prefect_kind": "jinja", "template": template}, "b": []});
    assert_eq!(validate(template("{{ event.id }}")).await["valid"], true);
    // What it is to be is known when it is used.
    let number = json!({"a": "x", "b": {"__prefect_kind": "jinja", "template": "{{ x }}"}});
    assert_eq!(validate(number).await["valid"], true);
    let broken = validate(template("{{ event.")).await;
    assert!(text(&broken["errors"][0]["errors"][0]).starts_with("Invalid jinja"), "{broken}");
    let (status, said) =
        world.ask(Method::POST, "/ui/schemas/validate", Some(json!({"schema": {"type": "nope"}, "values": {}}))).await;
    let why = "Invalid schema: 'nope' is not valid under any of the given schemas";
    assert_eq!((status, &said["detail"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(why)));
}
