//! Automations, saved searches and templates: checked, kept, and given back as they came.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{World, text};

fn automation(name: &str, deployment: Uuid) -> Value {
    json!({
        "name": name,
        "description": "restarts what has crashed",
        "tags": ["night"],
        "trigger": {
            "type": "compound", "require": "all", "within": 60,
            "triggers": [
                {"type": "event", "posture": "Reactive", "expect": ["prefect.flow-run.Crashed"], "threshold": 2,
                 "match": {"prefect.resource.id": "prefect.flow-run.*"}, "match_related": [{"prefect.resource.role": "flow"}],
                 "for_each": ["prefect.resource.id"], "within": "PT1H"},
                {"type": "event", "posture": "Proactive", "after": ["a"], "expect": ["b"]},
            ],
        },
        "actions": [
            {"type": "run-deployment", "deployment_id": deployment, "parameters": {"day": "{{ event.occurred }}"}},
            {"type": "do-nothing"},
        ],
        "actions_on_resolve": [{"type": "change-flow-run-state", "state": "FAILED"}],
    })
}

pub(crate) async fn automations_are_kept_as_they_came(world: Arc<World>) {
    let deployment = Uuid::new_v4();
    let created = world.post("/automations/", automation("b", deployment)).await;
    let path = format!("/automations/{}", text(&created["id"]));
    assert_eq!(world.get(&path).await, created);
    assert_eq!((&created["enabled"], &created["tags"]), (&json!(true), &json!(["night"])));
    let trigger = &created["trigger"];
    assert_eq!((&trigger["require"], &trigger["within"]), (&json!("all"), &json!(60.0)));
    let first = &trigger["triggers"][0];
    assert_eq!((&first["within"], &first["threshold"]), (&json!(3600.0), &json!(2)));
    assert_eq!(first["match_related"], json!([{"prefect.resource.role": "flow"}]));
    assert_eq!(trigger["triggers"][1]["within"], 10.0);
    assert_eq!(created["actions"][0]["source"], "selected");
    assert_eq!((&created["actions"][1], &created["actions_on_trigger"]), (&json!({"type": "do-nothing"}), &json!([])));

    // Found by name, by tag, and by the deployment that they name.
    world.post("/automations/", automation("a", Uuid::new_v4())).await;
    let names = |found: &Value| found.as_array().unwrap().iter().map(|one| text(&one["name"])).collect::<Vec<_>>();
    assert_eq!(names(&world.post("/automations/filter", json!({})).await), ["a", "b"]);
    let filter = json!({"automations": {"name": {"any_": ["b"]}, "tags": {"all_": ["night"]}}, "sort": "NAME_DESC"});
    assert_eq!(names(&world.post("/automations/filter", filter).await), ["b"]);
    assert_eq!(world.post("/automations/count", json!({})).await, 2);
    let related = format!("/automations/related-to/prefect.deployment.{deployment}");
    assert_eq!(names(&world.get(&related).await), ["b"]);

    // Switched off, replaced, deleted.
    let ask = async |method, body| world.ask(method, &path, body).await.0;
    assert_eq!(ask(Method::PATCH, Some(json!({"enabled": false}))).await, StatusCode::NO_CONTENT);
    assert_eq!(world.get(&path).await["enabled"], false);
    let other = json!({"name": "c", "trigger": {"posture": "Reactive"}, "actions": []});
    assert_eq!(ask(Method::PUT, Some(other)).await, StatusCode::NO_CONTENT);
    let replaced = world.get(&path).await;
    assert_eq!((&replaced["name"], &replaced["created"]), (&json!("c"), &created["created"]));
    assert_eq!(names(&world.get(&related).await), [""; 0]);
    assert_eq!(ask(Method::DELETE, None).await, StatusCode::NO_CONTENT);
    assert_eq!(ask(Method::DELETE, None).await, StatusCode::NOT_FOUND);
    assert_eq!(ask(Method::PATCH, Some(json!({}))).await, StatusCode::NOT_FOUND);
    let told = json!({"filter": {"resource": {"id": [format!("prefect.automation.{}", text(&created["id"]))]}}});
    while world.post("/events/filter", told.clone()).await["total"] != 4 {}
}

pub(crate) async fn automations_go_with_what_they_belong_to(world: Arc<World>) {
    let deployment = Uuid::new_v4();
    let mut owned = automation("owned", deployment);
    owned["owner_resource"] = format!("prefect.deployment.{deployment}").into();
    world.post("/automations/", owned).await;
    world.post("/automations/", automation("free", deployment)).await;
    let path = format!("/automations/owned-by/prefect.deployment.{deployment}");
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::ACCEPTED);
    let left = world.post("/automations/filter", json!({})).await;
    assert_eq!((left.as_array().unwrap().len(), &left[0]["name"]), (1, &json!("free")));
}

pub(crate) async fn mistakes_in_automations_are_told(world: Arc<World>) {
    let with = |field: &str, value: Value| {
        let mut body = automation("x", Uuid::new_v4());
        body[field] = value;
        body
    };
    let every_run = json!({"posture": "Reactive", "expect": ["prefect.flow-run.Running"]});
    let mut endless = with("trigger", every_run);
    for (body, why) in [
        (with("surprise", json!(1)), ""),
        (with("trigger", json!({"type": "metric"})), ""),
        (with("actions", json!([{"type": "dance"}])), ""),
        (with("actions", json!([{"type": "pause-deployment"}])), "deployment_id is required"),
        (
            with("actions", json!([{"type": "call-webhook", "block_document_id": Uuid::nil(), "payload": "{{"}])),
            "template",
        ),
        (endless.clone(), "infinite loop"),
    ] {
        let (status, answer) = world.ask(Method::POST, "/automations/", Some(body)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        assert!(text(&answer["exception_detail"][0]["msg"]).contains(why), "{answer}");
    }
    endless["enabled"] = false.into();
    let id = text(&world.post("/automations/", endless).await["id"]);
    let on = world.ask(Method::PATCH, &format!("/automations/{id}"), Some(json!({"enabled": true}))).await;
    assert_eq!(on.0, StatusCode::UNPROCESSABLE_ENTITY);
    for path in ["/templates/validate", "/automations/templates/validate"] {
        assert_eq!(world.ask(Method::POST, path, Some("{{ event.id }}".into())).await.0, StatusCode::NO_CONTENT);
        let (status, problem) = world.ask(Method::POST, path, Some("a\n{{ event".into())).await;
        assert_eq!((status, &problem["error"]["line"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(2)));
    }
}

pub(crate) async fn searches_are_saved(world: Arc<World>) {
    let filter =
        json!({"object": "flow_run", "property": "name", "type": "string", "operation": "equals", "value": null});
    let save = async |filters: Value| {
        world.ask(Method::PUT, "/saved_searches/", Some(json!({"name": "mine", "filters": filters}))).await
    };
    let (status, saved) = save(json!([filter])).await;
    assert_eq!((status, &saved["filters"][0]), (StatusCode::CREATED, &filter));
    let (status, again) = save(json!([])).await;
    assert_eq!((status, &again["id"], &again["filters"]), (StatusCode::OK, &saved["id"], &json!([])));
    let path = format!("/saved_searches/{}", text(&saved["id"]));
    assert_eq!(world.get(&path).await["name"], "mine");
    assert_eq!(world.post("/saved_searches/filter", json!({})).await.as_array().unwrap().len(), 1);
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NOT_FOUND);
}
