//! The filter language, in requests.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, text};

/// Gives the names of what was found, in order.
fn names(found: &Value) -> Vec<String> {
    found.as_array().unwrap().iter().map(|object| text(&object["name"])).collect()
}

/// Makes runs: `a` completed with tags x and y, `b` scheduled with tag y, `c` running without tags, of another flow.
async fn fill(world: &World) -> [String; 3] {
    let (etl, report) = (world.flow("etl").await, world.flow("report").await);
    let scheduled = json!({"type": "SCHEDULED", "state_details": {"scheduled_time": "2031-05-01T00:00:00Z"}});
    let a = world.flow_run(json!({"flow_id": etl, "name": "a", "tags": ["x", "y"], "flow_version": "1"})).await;
    let b = world.flow_run(json!({"flow_id": etl, "name": "b", "tags": ["y"], "state": scheduled})).await;
    let c = world.flow_run(json!({"flow_id": report, "name": "c", "work_queue_name": "default"})).await;
    for id in [&a, &c] {
        world.set_state(id, json!({"type": "RUNNING"})).await;
    }
    world.set_state(&a, json!({"type": "COMPLETED"})).await;
    for (flow_run, name) in [(&a, "fetch"), (&c, "load")] {
        let run = json!({"flow_run_id": flow_run, "task_key": name, "dynamic_key": "0", "name": name, "tags": [name]});
        world.post("/task_runs/", run).await;
    }
    [a, b, c]
}

pub(crate) async fn flow_runs_are_found(world: Arc<World>) {
    let [a, b, _] = fill(&world).await;
    for (filter, expected) in [
        (json!({}), "abc"),
        (json!({"flow_runs": {"id": {"any_": [a, b]}}}), "ab"),
        (json!({"flow_runs": {"id": {"not_any_": [a]}}}), "bc"),
        (json!({"flow_runs": {"name": {"any_": ["a", "c"]}}}), "ac"),
        (json!({"flow_runs": {"name": {"like_": "B"}}}), "b"),
        (json!({"flow_runs": {"tags": {"all_": ["y"]}}}), "ab"),
        (json!({"flow_runs": {"tags": {"all_": ["y", "x", "x"]}}}), "a"),
        (json!({"flow_runs": {"tags": {"any_": ["x", "z"]}}}), "a"),
        (json!({"flow_runs": {"tags": {"is_null_": true}}}), "c"),
        (json!({"flow_runs": {"tags": {"operator": "or_", "all_": ["x"], "is_null_": true}}}), "ac"),
        (json!({"flow_runs": {"state": {"type": {"any_": ["COMPLETED", "RUNNING"]}}}}), "ac"),
        (json!({"flow_runs": {"state": {"type": {"not_any_": ["COMPLETED"]}, "name": {"any_": ["Running"]}}}}), "c"),
        (json!({"flow_runs": {"state": {"name": {"not_any_": ["Running"]}}}}), "ab"),
        (json!({"flow_runs": {"operator": "or_", "name": {"any_": ["a"]}, "tags": {"is_null_": true}}}), "ac"),
        (json!({"flow_runs": {"expected_start_time": {"after_": "2030-01-01T00:00:00+00:00"}}}), "b"),
        (json!({"flow_runs": {"next_scheduled_start_time": {"before_": "2031-05-01T00:00:00Z"}}}), "b"),
        (json!({"flow_runs": {"next_scheduled_start_time": {"before_": "2031-04-30T00:00:00Z"}}}), ""),
        (json!({"flow_runs": {"start_time": {"is_null_": true}}}), "b"),
        (json!({"flow_runs": {"end_time": {"is_null_": false}}}), "a"),
        (json!({"flow_runs": {"flow_version": {"any_": ["1"]}}}), "a"),
        (json!({"flow_runs": {"work_queue_name": {"any_": ["default"]}}}), "c"),
        (json!({"flow_runs": {"deployment_id": {"is_null_": true}}}), "abc"),
        (json!({"flow_runs": {"parent_task_run_id": {"is_null_": false}}}), ""),
        (json!({"flows": {"name": {"any_": ["etl"]}}}), "ab"),
        (json!({"flows": {"name": {"any_": ["etl"]}}, "flow_runs": {"tags": {"all_": ["x"]}}}), "a"),
        (json!({"task_runs": {"name": {"any_": ["load"]}}}), "c"),
        (json!({"flows": {"name": {"like_": "re"}}, "task_runs": {"tags": {"all_": ["fetch"]}}}), ""),
    ] {
        let mut request = filter.clone();
        request["sort"] = "NAME_ASC".into();
        let found = names(&world.post("/flow_runs/filter", request).await).concat();
        assert_eq!(found, expected, "{filter}");
        assert_eq!(world.post("/flow_runs/count", filter.clone()).await, expected.len(), "{filter}");
    }
    let flows = world.post("/flows/filter", json!({"flow_runs": {"name": {"any_": ["c"]}}})).await;
    assert_eq!(names(&flows), ["report"]);
    let flows =
        world.post("/flows/filter", json!({"task_runs": {"name": {"any_": ["fetch"]}}, "sort": "NAME_DESC"})).await;
    assert_eq!(names(&flows), ["etl"]);
}

pub(crate) async fn task_runs_are_found(world: Arc<World>) {
    let [a, _, _] = fill(&world).await;
    world.post("/task_runs/", json!({"task_key": "free", "dynamic_key": "0", "name": "free"})).await;
    for (filter, expected) in [
        (json!({}), vec!["fetch", "free", "load"]),
        (json!({"task_runs": {"flow_run_id": {"any_": [a]}}}), vec!["fetch"]),
        (json!({"task_runs": {"flow_run_id": {"is_null_": true}}}), vec!["free"]),
        (json!({"task_runs": {"flow_run_id": {}}}), vec!["fetch", "load"]),
        (
            json!({"task_runs": {"state": {"type": {"any_": ["PENDING"]}}, "name": {"like_": "f"}}}),
            vec!["fetch", "free"],
        ),
        (json!({"task_runs": {"subflow_runs": {"exists_": true}}}), vec![]),
        (json!({"task_runs": {"subflow_runs": {"exists_": false}}}), vec!["fetch", "free", "load"]),
        (json!({"flow_runs": {"name": {"any_": ["c"]}}}), vec!["load"]),
        (json!({"flows": {"name": {"any_": ["etl"]}}}), vec!["fetch"]),
    ] {
        let mut request = filter.clone();
        request["sort"] = "NAME_ASC".into();
        assert_eq!(names(&world.post("/task_runs/filter", request).await), expected, "{filter}");
        assert_eq!(world.post("/task_runs/count", filter.clone()).await, expected.len(), "{filter}");
    }
}

pub(crate) async fn pages_fit_together(world: Arc<World>) {
    let flow = world.flow("etl").await;
    for number in 0..7 {
        // Three names only: what is sorted alike must not come twice.
        world.flow_run(json!({"flow_id": flow, "name": format!("{}", number % 3)})).await;
    }
    let mut seen = Vec::new();
    for page in 1..=4 {
        let answer = world.post("/flow_runs/paginate", json!({"sort": "NAME_ASC", "limit": 2, "page": page})).await;
        assert_eq!((&answer["count"], &answer["pages"], &answer["page"]), (&json!(7), &json!(4), &json!(page)));
        seen.extend(answer["results"].as_array().unwrap().iter().map(|run| text(&run["id"])));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
    for sort in ["ID_DESC", "START_TIME_ASC", "START_TIME_DESC", "EXPECTED_START_TIME_ASC", "END_TIME_DESC"] {
        let found = world.post("/flow_runs/filter", json!({"sort": sort, "limit": 3, "offset": 5})).await;
        assert_eq!(found.as_array().unwrap().len(), 2, "{sort}");
    }
}

pub(crate) async fn log_lines_are_found(world: Arc<World>) {
    let [a, _, c] = fill(&world).await;
    let line = |second: u32, level: i32, run: &str, message: &str| {
        json!({"name": "prefect.flow_runs", "level": level, "message": message, "flow_run_id": run,
            "timestamp": format!("2026-05-28T12:00:{second:02}Z")})
    };
    world.post("/logs/", json!([line(2, 40, &a, "two"), line(1, 20, &a, "one"), line(3, 20, &c, "three")])).await;
    let messages = async |request: Value| -> Vec<String> {
        let found = world.post("/logs/filter", request).await;
        found.as_array().unwrap().iter().map(|line| text(&line["message"])).collect()
    };
    assert_eq!(messages(json!({})).await, ["one", "two", "three"]);
    assert_eq!(
        messages(json!({"logs": {"flow_run_id": {"any_": [a]}}, "sort": "TIMESTAMP_DESC"})).await,
        ["two", "one"]
    );
    assert_eq!(messages(json!({"logs": {"level": {"ge_": 40}}})).await, ["two"]);
    for (query, expected) in [
        ("ONE three", vec!["one", "three"]),
        ("+th -two", vec!["three"]),
        ("\"thr\" !x", vec!["three"]),
        ("  ", vec!["one", "two", "three"]),
        ("FLOW_runs -two", vec!["one", "three"]),
        ("-prefect", vec![]),
    ] {
        assert_eq!(messages(json!({"logs": {"text": {"query": query}}})).await, expected, "{query}");
    }
    let long = json!({"logs": {"text": {"query": "x".repeat(201)}}});
    assert_eq!(world.ask(Method::POST, "/logs/filter", Some(long)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let between = json!({"logs": {"timestamp": {"after_": "2026-05-28T12:00:02Z", "before_": "2026-05-28T12:00:02Z"}}});
    assert_eq!(messages(between).await, ["two"]);
}
