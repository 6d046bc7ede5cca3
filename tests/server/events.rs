//! Events: kept, found and counted over HTTP.

use std::sync::Arc;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{World, text};

fn told(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Tells of an order.
fn order(number: u32, occurred: DateTime<Utc>) -> Value {
    json!({
        "id": Uuid::new_v4(),
        "occurred": told(occurred),
        "event": if number.is_multiple_of(3) { "shop.order.paid" } else { "shop.order.placed" },
        "resource": {"prefect.resource.id": format!("shop.order.{number}"), "prefect.resource.name": format!("order {number}")},
        "related": [{"prefect.resource.id": format!("shop.customer.{}", number % 4), "prefect.resource.role": "buyer", "shop.country": "at"}],
        "payload": {"total": number, "note": "leave at the DOOR"},
    })
}

fn names(page: &Value) -> Vec<String> {
    page["events"].as_array().unwrap().iter().map(|event| text(&event["resource"]["prefect.resource.id"])).collect()
}

pub(crate) async fn events_are_found_by_what_they_say(world: Arc<World>) {
    let begin = Utc::now() - Duration::hours(1);
    let events: Vec<Value> =
        (0..12).map(|number| order(number, begin + Duration::minutes(i64::from(number)))).collect();
    world.post("/events", events.clone().into()).await;
    // What is told of twice is kept once.
    world.post("/events", events[..3].to_vec().into()).await;
    let shop = |mut filter: Value| {
        if filter["event"].is_null() {
            filter["event"] = json!({"prefix": ["shop."]});
        }
        json!({"filter": filter})
    };
    for (filter, expected) in [
        (json!({}), 12),
        (json!({"event": {"name": ["shop.order.paid"]}}), 4),
        (json!({"event": {"prefix": ["shop."], "exclude_name": ["shop.order.paid"]}}), 8),
        (json!({"event": {"prefix": ["shop."], "exclude_prefix": ["shop.order"]}}), 0),
        (
            json!({"occurred": {"since": told(begin + Duration::minutes(2)), "until": told(begin + Duration::minutes(4))}}),
            3,
        ),
        (json!({"resource": {"id": ["shop.order.1", "shop.order.2"]}}), 2),
        (json!({"resource": {"id_prefix": ["shop.order.1"]}}), 3),
        (json!({"resource": {"labels": {"prefect.resource.name": ["order 1?", "order 3"]}}}), 3),
        (json!({"resource": {"labels": {"prefect.resource.name": "!order *"}}}), 0),
        (json!({"resource": {"labels": {"prefect.resource.name": []}}}), 0),
        (json!({"related": {"id": ["shop.customer.1"]}}), 3),
        (json!({"related": {"role": ["seller"]}}), 0),
        (json!({"related": [{"role": ["buyer"]}, {"labels": {"shop.country": "a*"}}]}), 12),
        (json!({"related": {"resources_in_roles": [["shop.customer.1", "buyer"], ["shop.customer.2", "seller"]]}}), 3),
        (json!({"any_resource": {"id_prefix": ["shop.customer.3"]}}), 3),
        (json!({"any_resource": [{"id": ["shop.order.7"]}, {"id": ["shop.customer.3"]}]}), 1),
        (json!({"id": {"id": [events[5]["id"]]}}), 1),
        (json!({"text": {"query": "door +buyer -missing"}}), 12),
        (json!({"text": {"query": "\"order 11\""}}), 1),
    ] {
        let page = world.post("/events/filter", shop(filter.clone())).await;
        assert_eq!(page["total"], expected, "{filter}");
        assert_eq!(names(&page).len(), expected, "{filter}");
    }
    let all = world.post("/events/filter", shop(json!({"order": "ASC"}))).await;
    let first = &all["events"][0];
    assert_eq!((&first["id"], &first["payload"]["total"]), (&events[0]["id"], &json!(0)));
    assert!(first["received"].is_string() && first["follows"].is_null());
}

pub(crate) async fn pages_of_events_lead_to_each_other(world: Arc<World>) {
    let begin = Utc::now() - Duration::hours(1);
    let events: Vec<Value> =
        (0..12).map(|number| order(number, begin + Duration::minutes(i64::from(number)))).collect();
    world.post("/events", events.into()).await;
    let filter = json!({"event": {"prefix": ["shop."]}});
    let mut page = world.post("/events/filter", json!({"filter": filter, "limit": 5})).await;
    let mut found = names(&page);
    let mut pages = 1;
    while let Some(next) = page["next_page"].as_str() {
        let path = next.strip_prefix(&world.api).expect("an address of this server").to_owned();
        page = world.get(&path).await;
        assert_eq!(page["total"], 12);
        found.extend(names(&page));
        pages += 1;
    }
    let expected: Vec<String> = (0..12).rev().map(|number| format!("shop.order.{number}")).collect();
    assert_eq!((found, pages), (expected, 3));
    for token in ["", "nonsense"] {
        let path = format!("/events/filter/next?page-token={token}");
        assert_eq!(world.ask(Method::GET, &path, None).await.0, StatusCode::FORBIDDEN);
    }
    for limit in [-1, 51] {
        let asked = world.ask(Method::POST, "/events/filter", Some(json!({"limit": limit}))).await;
        assert_eq!(asked.0, StatusCode::UNPROCESSABLE_ENTITY);
    }
    // Of each customer's orders the last: the resource is the order, so that all are there.
    let distinct = json!({"filter": {"event": {"prefix": ["shop."]}, "resource": {"distinct": true}}});
    assert_eq!(world.post("/events/filter", distinct).await["total"], 12);
}

pub(crate) async fn events_are_counted(world: Arc<World>) {
    let begin = "2026-05-04T00:30:00Z".parse::<DateTime<Utc>>().unwrap();
    let mut events: Vec<Value> =
        (0..12).map(|number| order(number, begin + Duration::hours(i64::from(number)))).collect();
    for event in &mut events[6..] {
        event["resource"]["prefect.resource.id"] = "shop.order.6".into();
    }
    world.post("/events", events.into()).await;
    let filter = json!({
        "event": {"prefix": ["shop."]},
        "occurred": {"since": "2026-05-04T00:00:00Z", "until": "2026-05-04T12:00:00Z"},
    });
    let count = async |what: &str, more: Value| {
        let mut body = json!({"filter": filter});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let counts = world.post(&format!("/events/count-by/{what}"), body).await;
        let counts = counts.as_array().unwrap().clone();
        let numbers: Vec<(String, u64)> =
            counts.iter().map(|count| (text(&count["value"]), count["count"].as_u64().unwrap())).collect();
        (numbers, counts)
    };
    let named =
        |pairs: &[(&str, u64)]| pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Vec<_>>();
    assert_eq!(count("event", json!({})).await.0, named(&[("shop.order.placed", 8), ("shop.order.paid", 4)]));
    let (resources, told) = count("resource", json!({})).await;
    assert_eq!((resources.len(), &resources[0]), (7, &("shop.order.6".to_owned(), 6)));
    assert_eq!((&told[0]["label"], &told[0]["start_time"]), (&json!("order 11"), &json!("2026-05-04T06:30:00Z")));
    assert_eq!(count("day", json!({})).await.0, named(&[("0", 12)]));
    let (hours, told) = count("time", json!({"time_unit": "hour", "time_interval": 4})).await;
    assert_eq!(hours, named(&[("0", 4), ("1", 4), ("2", 4)]));
    assert_eq!(told[1]["label"], "2026-05-04T04:00:00+00:00");
    assert_eq!(told[1]["end_time"], "2026-05-04T07:59:59.999999Z");
    let fine = json!({"filter": filter, "time_unit": "second"});
    let (status, why) = world.ask(Method::POST, "/events/count-by/time", Some(fine)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&why["detail"]).contains("too many"), "{why}");
}

pub(crate) async fn states_of_runs_are_events(world: Arc<World>) {
    let flow = world.flow("shop").await;
    let run = world.flow_run(json!({"flow_id": flow, "name": "morning", "tags": ["b", "a"]})).await;
    world.set_state(&run, json!({"type": "RUNNING"})).await;
    world.set_state(&run, json!({"type": "COMPLETED", "message": "all sold"})).await;
    let of_run = json!({"filter": {"resource": {"id": [format!("prefect.flow-run.{run}")]}, "order": "ASC"}});
    let page = world.post("/events/filter", of_run).await;
    let events = page["events"].as_array().unwrap();
    let happened: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(happened, ["prefect.flow-run.Pending", "prefect.flow-run.Running", "prefect.flow-run.Completed"]);
    let last = &events[2];
    assert_eq!(last["payload"]["intended"], json!({"from": "RUNNING", "to": "COMPLETED"}));
    assert_eq!(last["payload"]["initial_state"], json!({"type": "RUNNING", "name": "Running"}));
    let expected = json!({"type": "COMPLETED", "name": "Completed", "message": "all sold"});
    assert_eq!(last["payload"]["validated_state"], expected);
    assert_eq!((&last["follows"], &events[0]["follows"]), (&events[1]["id"], &Value::Null));
    let states = world.get(&format!("/flow_run_states?flow_run_id={run}")).await;
    assert_eq!(states[2]["id"], last["id"]);
    let resource = &last["resource"];
    for (label, value) in [("name", "morning"), ("id", &*format!("prefect.flow-run.{run}"))] {
        assert_eq!(resource[format!("prefect.resource.{label}")], value);
    }
    assert_eq!((&resource["prefect.state-type"], &resource["prefect.run-count"]), (&json!("COMPLETED"), &json!("1")));
    let roles: Vec<&str> =
        last["related"].as_array().unwrap().iter().map(|one| one["prefect.resource.role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["flow", "tag", "tag"]);
    let tagged =
        json!({"filter": {"related": {"id": ["prefect.tag.a"]}, "event": {"name": ["prefect.flow-run.Completed"]}}});
    assert_eq!(world.post("/events/filter", tagged).await["total"], 1);
}

pub(crate) async fn events_of_runs_say_what_the_run_belongs_to(world: Arc<World>) {
    let pool = world.post("/work_pools", json!({"name": "p", "type": "process"})).await;
    let flow = text(&world.post("/flows/", json!({"name": "etl", "tags": ["f", "a"]})).await["id"]);
    let made = json!({"name": "nightly", "flow_id": flow, "work_pool_name": "p", "tags": ["d"]});
    let deployment = text(&world.post("/deployments/", made).await["id"]);
    let body = json!({"tags": ["r", "a"]});
    let run = text(&world.post(&format!("/deployments/{deployment}/create_flow_run"), body).await["id"]);
    let (pool_id, queue) = (text(&pool["id"]), text(&pool["default_queue_id"]));
    let named = |kind: &str, id: &str, name: &str| json!({"prefect.resource.id": format!("prefect.{kind}.{id}"), "prefect.resource.role": kind, "prefect.resource.name": name});
    let mut in_pool = named("work-pool", &pool_id, "p");
    in_pool["prefect.work-pool.type"] = json!("process");
    let tag = |tag: &str| json!({"prefect.resource.id": format!("prefect.tag.{tag}"), "prefect.resource.role": "tag"});
    let mut expected = vec![
        named("flow", &flow, "etl"),
        named("deployment", &deployment, "nightly"),
        named("work-queue", &queue, "default"),
        in_pool,
    ];
    expected.extend(["a", "d", "f", "r"].map(tag));
    let of_run = json!({"filter": {"resource": {"id": [format!("prefect.flow-run.{run}")]}}});
    let page = world.post("/events/filter", of_run).await;
    let mut related = page["events"][0]["related"].as_array().unwrap().clone();
    related.retain(|resource| resource["prefect.resource.role"] != "creator");
    assert_eq!(related, expected);
}
