//! Variables.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, text};

pub(crate) async fn a_variable_is_kept_under_one_name(world: Arc<World>) {
    let values = [json!(null), json!(true), json!(17), json!(1.5), json!("a\"b"), json!([1, null]), json!({"a": {}})];
    for (number, value) in values.iter().enumerate() {
        let name = format!("value-{number}");
        let made = world.post("/variables/", json!({"name": name, "value": value, "tags": ["b", "a"]})).await;
        assert_eq!((&made["value"], &made["tags"]), (value, &json!(["b", "a"])));
        assert_eq!(world.get(&format!("/variables/{}", text(&made["id"]))).await, made);
        assert_eq!(world.get(&format!("/variables/name/{name}")).await, made);
    }
    let taken = world.ask(Method::POST, "/variables/", Some(json!({"name": "value-0", "value": 2}))).await;
    assert_eq!(taken, (StatusCode::CONFLICT, json!({"detail": "A variable with the name 'value-0' already exists."})));
    assert_eq!(world.get("/variables/name/value-0").await["value"], json!(null));
    for (body, field) in [
        (json!({"name": "Big", "value": 1}), "name"),
        (json!({"name": "", "value": 1}), "name"),
        (json!({"name": "x".repeat(256), "value": 1}), "name"),
        (json!({"name": "long", "value": "x".repeat(5000)}), "value"),
        (json!({"name": "more", "value": 1, "id": 3}), "id"),
    ] {
        let (status, answer) = world.ask(Method::POST, "/variables/", Some(body)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        assert_eq!(answer["exception_detail"][0]["loc"], json!(["body", field]));
    }
    let (status, _) = world.ask(Method::POST, "/variables/", Some(json!({"name": "no-value"}))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

pub(crate) async fn a_variable_changes_and_goes(world: Arc<World>) {
    let made = world.post("/variables/", json!({"name": "a", "value": 1, "tags": ["x"]})).await;
    world.post("/variables/", json!({"name": "b", "value": 1})).await;
    let id = text(&made["id"]);
    let patch = async |path: String, body: Value| world.ask(Method::PATCH, &path, Some(body)).await.0;
    // What is absent stays, and null is a value.
    assert_eq!(patch("/variables/name/a".into(), json!({"value": null})).await, StatusCode::NO_CONTENT);
    let now = world.get(&format!("/variables/{id}")).await;
    assert_eq!((&now["value"], &now["tags"], &now["created"]), (&json!(null), &json!(["x"]), &made["created"]));
    assert_ne!(now["updated"], made["updated"]);
    let path = format!("/variables/{id}");
    assert_eq!(patch(path.clone(), json!({"name": "c", "tags": []})).await, StatusCode::NO_CONTENT);
    assert_eq!(world.get("/variables/name/c").await["tags"], json!([]));
    assert_eq!(patch(path.clone(), json!({"name": "b"})).await, StatusCode::CONFLICT);
    assert_eq!(patch(path.clone(), json!({"name": "c", "value": 2})).await, StatusCode::NO_CONTENT);
    assert_eq!(patch(path.clone(), json!({"name": "C"})).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(patch("/variables/name/a".into(), json!({"value": 1})).await, StatusCode::NOT_FOUND);

    assert_eq!(world.ask(Method::DELETE, "/variables/name/b", None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    let gone = (StatusCode::NOT_FOUND, json!({"detail": "Variable not found."}));
    assert_eq!(world.ask(Method::DELETE, &path, None).await, gone);
    assert_eq!(world.ask(Method::GET, "/variables/name/b", None).await, gone);
    let (status, answer) = world.ask(Method::GET, "/variables/c", None).await;
    assert_eq!((status, answer), (StatusCode::NOT_FOUND, json!({"detail": "Not Found"})));
}

pub(crate) async fn variables_are_found(world: Arc<World>) {
    let mut ids = Vec::new();
    for (name, tags) in [("a", json!(["x", "y"])), ("ab", json!(["y"])), ("c", json!([]))] {
        ids.push(world.post("/variables/", json!({"name": name, "value": name, "tags": tags})).await["id"].clone());
    }
    world.ask(Method::PATCH, "/variables/name/a", Some(json!({"value": 2}))).await;
    for (filter, expected) in [
        (json!({}), "a ab c"),
        (json!({"id": {"any_": [ids[0], ids[2]]}}), "a c"),
        (json!({"name": {"any_": ["c", "d"]}}), "c"),
        (json!({"name": {"like_": "A"}}), "a ab"),
        (json!({"tags": {"all_": ["y"]}}), "a ab"),
        (json!({"tags": {"all_": ["x", "y"]}}), "a"),
        (json!({"tags": {"is_null_": true}}), "c"),
        (json!({"tags": {"operator": "or_", "all_": ["x"], "is_null_": true}}), "a c"),
        (json!({"operator": "or_", "name": {"any_": ["c"]}, "tags": {"all_": ["x"]}}), "a c"),
    ] {
        assert_eq!(names(&world.post("/variables/filter", json!({"variables": filter})).await), expected, "{filter}");
        let count = world.post("/variables/count", json!({"variables": filter})).await;
        assert_eq!(count, expected.split(' ').count(), "{filter}");
    }
    for (sort, expected) in
        [("NAME_DESC", "c ab a"), ("CREATED_DESC", "c ab a"), ("UPDATED_DESC", "a c ab"), ("NAME_ASC", "a ab c")]
    {
        assert_eq!(names(&world.post("/variables/filter", json!({"sort": sort})).await), expected, "{sort}");
    }
    assert_eq!(names(&world.post("/variables/filter", json!({"limit": 1, "offset": 1})).await), "ab");
    let (status, _) = world.ask(Method::POST, "/variables/filter", Some(json!({"limit": 201}))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

fn names(found: &Value) -> String {
    found.as_array().unwrap().iter().map(|variable| text(&variable["name"])).collect::<Vec<_>>().join(" ")
}
