//! Requests that are not what they should be. What is expected of them was seen on Prefect's own server.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::World;

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// Gives type, place, message and input of each mistake.
fn mistakes(answer: &Value) -> Vec<Value> {
    let list = answer["exception_detail"].as_array().unwrap_or_else(|| panic!("{answer}"));
    list.iter().map(|one| json!([one["type"], one["loc"], one["msg"], one["input"]])).collect()
}

pub(crate) async fn all_mistakes_of_a_request_are_told_at_once(world: Arc<World>) {
    let no_object = "Input should be a valid dictionary or object to extract fields from";
    let state_types = "Input should be 'SCHEDULED', 'PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED', 'PAUSED' or 'CANCELLING'";
    for (path, body, expected) in [
        ("/flows/", json!({}), json!([["missing", ["body", "name"], "Field required", {}]])),
        ("/flows/", json!([1]), json!([["model_attributes_type", ["body"], no_object, [1]]])),
        ("/flows/", json!(null), json!([["missing", ["body"], "Field required", null]])),
        (
            "/flows/",
            json!({"name": 7, "tags": "x", "colour": 1}),
            json!([
                ["string_type", ["body", "name"], "Input should be a valid string", 7],
                ["list_type", ["body", "tags"], "Input should be a valid list", "x"],
                ["extra_forbidden", ["body", "colour"], "Extra inputs are not permitted", 1],
            ]),
        ),
        (
            "/flows/",
            json!({"name": "a/b"}),
            json!([["string_pattern_mismatch", ["body", "name"], "String should match pattern '^[^/%&><]+$'", "a/b"]]),
        ),
        (
            "/flow_runs/",
            json!({"flow_id": "zz", "state": {"type": "FOO"}, "tags": [1, "a", null], "empirical_policy": {"retries": "x", "max_retries": 1.5}}),
            json!([
                [
                    "int_from_float",
                    ["body", "empirical_policy", "max_retries"],
                    "Input should be a valid integer, got a number with a fractional part",
                    1.5
                ],
                [
                    "int_parsing",
                    ["body", "empirical_policy", "retries"],
                    "Input should be a valid integer, unable to parse string as an integer",
                    "x"
                ],
                [
                    "uuid_parsing",
                    ["body", "flow_id"],
                    "Input should be a valid UUID, invalid character: found `z` at 0",
                    "zz"
                ],
                ["enum", ["body", "state", "type"], state_types, "FOO"],
                ["string_type", ["body", "tags", 0], "Input should be a valid string", 1],
                ["string_type", ["body", "tags", 2], "Input should be a valid string", null],
            ]),
        ),
        (
            "/flow_runs/filter",
            json!({"limit": "x", "offset": -1, "flow_runs": {"id": {"any_": [3]}, "operator": "xor_", "start_time": {"before_": "noon", "is_null_": "maybe"}, "end_time": {"after_": []}}}),
            json!([
                ["value_error", ["body", "flow_runs", "end_time", "after_"], "value is not a valid datetime", []],
                [
                    "uuid_type",
                    ["body", "flow_runs", "id", "any_", 0],
                    "UUID input should be a string, bytes or UUID object",
                    3
                ],
                ["enum", ["body", "flow_runs", "operator"], "Input should be 'and_' or 'or_'", "xor_"],
                [
                    "value_error",
                    ["body", "flow_runs", "start_time", "before_"],
                    "Value error, Unable to parse string [noon]",
                    "noon"
                ],
                [
                    "bool_parsing",
                    ["body", "flow_runs", "start_time", "is_null_"],
                    "Input should be a valid boolean, unable to interpret input",
                    "maybe"
                ],
                [
                    "int_parsing",
                    ["body", "limit"],
                    "Input should be a valid integer, unable to parse string as an integer",
                    "x"
                ],
                ["greater_than_equal", ["body", "offset"], "Input should be greater than or equal to 0", -1],
            ]),
        ),
        (
            "/flow_runs/paginate",
            json!({"page": 0}),
            json!([["greater_than_equal", ["body", "page"], "Input should be greater than or equal to 1", 0]]),
        ),
        (
            "/logs/",
            json!([{"name": "x", "level": 20, "timestamp": "2026-05-28T12:00:00Z"}, 7]),
            json!([
                ["missing", ["body", 0, "message"], "Field required", {"name": "x", "level": 20, "timestamp": "2026-05-28T12:00:00Z"}],
                ["model_attributes_type", ["body", 1], no_object, 7],
            ]),
        ),
    ] {
        let (status, answer) = world.ask(Method::POST, path, Some(body.clone())).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {body}: {answer}");
        assert_eq!(answer["exception_message"], "Invalid request received.");
        assert_eq!(json!(mistakes(&answer)), expected, "{path} {body}");
        if path != "/flows/" || body["name"] != "a/b" {
            assert_eq!(answer["request_body"], body);
        }
    }
    for (query, kind, input) in [("", "missing", Value::Null), ("?flow_run_id=zz", "uuid_parsing", json!("zz"))] {
        let (status, answer) = world.ask(Method::GET, &format!("/flow_run_states/{query}"), None).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let mistake = &answer["exception_detail"][0];
        assert_eq!((&mistake["type"], &mistake["loc"]), (&json!(kind), &json!(["query", "flow_run_id"])));
        assert_eq!((&mistake["input"], &answer["request_body"]), (&input, &Value::Null));
    }
}

pub(crate) async fn what_is_meant_well_is_taken(world: Arc<World>) {
    let line = json!({"name": "x", "level": "20", "message": "m", "timestamp": 1_780_000_000.5});
    world.post("/logs/", json!([line])).await;
    let lines = world.post("/logs/filter", json!({"limit": true, "offset": null, "sort": null, "logs": null})).await;
    assert_eq!(lines[0]["level"], 20);
    assert_eq!(lines[0]["timestamp"], "2026-05-28T20:26:40.500Z");
    let filter = json!({"offset": "0", "flow_runs": {"start_time": {"is_null_": "yes"}}, "another": 1});
    assert_eq!(world.post("/flow_runs/filter", filter).await, json!([]));
    let (status, _) = world.ask(Method::POST, "/flow_runs/count", None).await;
    assert_eq!(status, StatusCode::OK, "a body that may be empty may be absent");
}

pub(crate) async fn requests_have_bounds(world: Arc<World>) {
    let deep = format!(r#"{{"flow_id": "{NOBODY}", "parameters": {}{}}}"#, "[".repeat(500), "]".repeat(500));
    let long = format!(r#"{{"name": "{}"}}"#, "x".repeat(17 << 20));
    for (path, text, status, why) in [
        ("/flow_runs/", deep, StatusCode::UNPROCESSABLE_ENTITY, "json_invalid"),
        ("/flows/", "{bad".to_owned(), StatusCode::UNPROCESSABLE_ENTITY, "json_invalid"),
        ("/flows/", long, StatusCode::PAYLOAD_TOO_LARGE, "length limit exceeded"),
    ] {
        let (answered, answer) = world.send(Method::POST, path, text).await;
        assert_eq!(answered, status, "{answer}");
        assert!(answer.contains(why), "{answer}");
    }
    let (status, answer) = world.ask(Method::POST, "/flow_runs/filter", Some(json!({"limit": -1}))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["detail"], "Invalid limit: must be greater than or equal to 0.");
}
