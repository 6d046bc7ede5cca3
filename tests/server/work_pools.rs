//! Work pools, their queues and workers; what workers are given.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, text};

async fn refused(world: &World, method: Method, path: &str, body: Value) -> StatusCode {
    world.ask(method, path, Some(body)).await.0
}

async fn changed(world: &World, path: &str, body: Value) {
    let (status, answer) = world.ask(Method::PATCH, path, Some(body)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{path}: {answer}");
}

/// Gives one field of each object of a list.
fn each(list: &Value, field: &str) -> Vec<Value> {
    list.as_array().unwrap().iter().map(|object| object[field].clone()).collect()
}

pub(crate) async fn pools_are_made_and_changed(world: Arc<World>) {
    let made = world.post("/work_pools/", json!({"name": "a b", "type": "process", "concurrency_limit": 3})).await;
    assert_eq!((&made["status"], &made["active_slots"]), (&json!("NOT_READY"), &json!(0)), "{made}");
    let kept =
        json!({"bundle_upload_step": null, "bundle_execution_step": null, "default_result_storage_block_id": null});
    assert_eq!((&made["storage_configuration"], &made["base_job_template"]), (&kept, &json!({})));
    assert_eq!(world.get("/work_pools/a%20b").await, made);
    let default = world.get("/work_pools/a%20b/queues/default").await;
    assert_eq!((&default["id"], &default["priority"]), (&made["default_queue_id"], &json!(1)));

    let post = |body: Value| refused(&world, Method::POST, "/work_pools/", body);
    assert_eq!(post(json!({"name": "a b"})).await, StatusCode::CONFLICT);
    assert_eq!(post(json!({"name": "Prefect pool"})).await, StatusCode::FORBIDDEN);
    assert_eq!(post(json!({"name": "a/b"})).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(post(json!({"name": "c", "concurrency_limit": -1})).await, StatusCode::UNPROCESSABLE_ENTITY);
    let undeclared = json!({"job_configuration": {"x": "{{ y }}"}, "variables": {"properties": {"z": {}}}});
    assert_eq!(post(json!({"name": "c", "base_job_template": undeclared})).await, StatusCode::UNPROCESSABLE_ENTITY);

    let storage = json!({"bundle_upload_step": {"upload": {"bucket": "b"}}});
    changed(&world, "/work_pools/a%20b", json!({"concurrency_limit": null, "storage_configuration": storage})).await;
    changed(&world, "/work_pools/a%20b", json!({"is_paused": true, "description": "d"})).await;
    let pool = world.get("/work_pools/a%20b").await;
    assert_eq!((&pool["status"], &pool["active_slots"]), (&json!("PAUSED"), &Value::Null), "{pool}");
    assert_eq!(pool["storage_configuration"]["bundle_upload_step"], storage["bundle_upload_step"]);
    changed(&world, "/work_pools/a%20b", json!({"is_paused": false})).await;
    assert_eq!(world.get("/work_pools/a%20b").await["status"], "NOT_READY");

    world.post("/work_pools", json!({"name": "agents"})).await;
    let filter = json!({"work_pools": {"type": {"any_": ["prefect-agent"]}}});
    assert_eq!(each(&world.post("/work_pools/filter", filter.clone()).await, "name"), ["agents"]);
    assert_eq!(world.post("/work_pools/count", filter).await, 1);
    let either = json!({"work_pools": {"operator": "or_", "name": {"any_": ["agents"]}, "id": {"any_": [pool["id"]]}}});
    assert_eq!(each(&world.post("/work_pools/filter", either).await, "name"), ["a b", "agents"]);

    let (status, _) = world.ask(Method::DELETE, "/work_pools/agents", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, answer) = world.ask(Method::GET, "/work_pools/agents", None).await;
    assert_eq!((status, &answer["detail"]), (StatusCode::NOT_FOUND, &json!("Work pool \"agents\" not found.")));
}

pub(crate) async fn queues_have_an_order(world: Arc<World>) {
    world.post("/work_pools", json!({"name": "p", "type": "process"})).await;
    let order = async || {
        let queues = world.post("/work_pools/p/queues/filter", json!({})).await;
        queues
            .as_array()
            .unwrap()
            .iter()
            .map(|queue| format!("{}{}", text(&queue["name"]), queue["priority"]))
            .collect::<Vec<_>>()
    };
    let add = |body: Value| world.post("/work_pools/p/queues", body);
    assert_eq!(add(json!({"name": "a"})).await["work_pool_name"], "p");
    add(json!({"name": "b", "priority": 5})).await;
    add(json!({"name": "c"})).await;
    assert_eq!(order().await, ["default1", "a2", "c3", "b5"]);
    add(json!({"name": "d", "priority": 1})).await;
    assert_eq!(order().await, ["d1", "default2", "a3", "c4", "b5"]);
    changed(&world, "/work_pools/p/queues/c", json!({"priority": 2, "description": "now second"})).await;
    assert_eq!(order().await, ["d1", "c2", "default3", "a4", "b5"]);

    let path = "/work_pools/p/queues";
    assert_eq!(refused(&world, Method::POST, path, json!({"name": "a"})).await, StatusCode::CONFLICT);
    assert_eq!(
        refused(&world, Method::POST, path, json!({"name": "a", "pool": "p"})).await,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        refused(&world, Method::POST, "/work_pools/q/queues", json!({"name": "a"})).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        refused(&world, Method::PATCH, "/work_pools/p/queues/a", json!({"name": "b"})).await,
        StatusCode::CONFLICT
    );
    let (status, _) = world.ask(Method::DELETE, "/work_pools/p/queues/default", None).await;
    assert_eq!(status, StatusCode::CONFLICT, "a pool needs it");
    let (status, _) = world.ask(Method::DELETE, "/work_pools/p/queues/c", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(order().await, ["d1", "default3", "a4", "b5"]);

    let found =
        world.post("/work_queues/filter", json!({"work_queues": {"name": {"startswith_": ["DEF", "b"]}}})).await;
    assert_eq!(each(&found, "name"), ["b", "default"]);
    changed(&world, "/work_pools/p/queues/a", json!({"is_paused": true})).await;
    assert_eq!(world.get("/work_pools/p/queues/a").await["status"], "PAUSED");
    changed(&world, "/work_pools/p/queues/a", json!({"is_paused": false, "last_polled": "2020-01-01T00:00:00Z"})).await;
    assert_eq!(world.get("/work_pools/p/queues/a").await["status"], "NOT_READY");
}

pub(crate) async fn queues_without_a_pool_are_the_agents(world: Arc<World>) {
    let default = world.post("/work_queues/", json!({"name": "default"})).await;
    assert_eq!(default["work_pool_name"], "default-agent-pool");
    let made = world.post("/work_queues", json!({"name": "old", "concurrency_limit": 1})).await;
    assert_eq!((&made["priority"], &made["active_slots"]), (&json!(2), &json!(0)));
    assert_eq!(refused(&world, Method::POST, "/work_queues", json!({"name": "old"})).await, StatusCode::CONFLICT);
    assert_eq!(world.get("/work_queues/name/old").await, made);
    let path = format!("/work_queues/{}", text(&made["id"]));
    assert_eq!(world.get(&path).await, made);
    let health = world.get(&format!("{path}/status")).await;
    assert_eq!((&health["healthy"], &health["late_runs_count"]), (&json!(false), &json!(0)));

    let flow = world.flow("etl").await;
    let scheduled = |time: &str| json!({"type": "SCHEDULED", "state_details": {"scheduled_time": time}});
    let run = |name: &str, time: &str| {
        let body = json!({"flow_id": flow, "name": name, "work_queue_name": "old", "state": scheduled(time)});
        let world = world.clone();
        async move { world.flow_run(body).await }
    };
    let later = run("later", "2020-01-02T00:00:00Z").await;
    run("sooner", "2020-01-01T00:00:00Z").await;
    let got = world.post(&format!("{path}/get_runs"), json!({"scheduled_before": "2030-01-01T00:00:00Z"})).await;
    assert_eq!(each(&got, "name"), ["sooner"], "there is one slot");
    changed(&world, &path, json!({"concurrency_limit": null})).await;
    let got = world.post(&format!("{path}/get_runs"), json!({"limit": 5})).await;
    assert_eq!(each(&got, "name"), ["sooner", "later"]);
    assert_eq!(world.get(&format!("{path}/status")).await["healthy"], true, "it was polled");
    world.set_state(&later, json!({"type": "PENDING"})).await;
    changed(&world, &path, json!({"concurrency_limit": 1})).await;
    assert_eq!(world.post(&format!("{path}/get_runs"), json!({})).await, json!([]));
    let under_way = world.post(&format!("{path}/concurrency_status"), json!({})).await;
    assert_eq!((&under_way["active_slots"], &under_way["pages"]), (&json!(1), &json!(1)));
    assert_eq!(each(&under_way["flow_runs"], "id"), [json!(later)]);
    let (status, _) = world.ask(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(world.ask(Method::GET, &path, None).await.0, StatusCode::NOT_FOUND);
}

pub(crate) async fn workers_are_heard_of(world: Arc<World>) {
    world.post("/work_pools", json!({"name": "p", "type": "process"})).await;
    let beat = |body: Value| world.ask(Method::POST, "/work_pools/p/workers/heartbeat", Some(body));
    assert_eq!(beat(json!({"name": "w", "heartbeat_interval_seconds": 5})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.get("/work_pools/p").await["status"], "READY");
    let first = world.post("/work_pools/p/workers/filter", json!({})).await;
    assert_eq!((&first[0]["status"], &first[0]["heartbeat_interval_seconds"]), (&json!("ONLINE"), &json!(5)));
    assert_eq!(beat(json!({"name": "w"})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(beat(json!({"name": "v"})).await.0, StatusCode::NO_CONTENT);
    let workers =
        world.post("/work_pools/p/workers/filter", json!({"workers": {"status": {"any_": ["ONLINE"]}}})).await;
    assert_eq!(each(&workers, "name"), ["v", "w"], "heard of last, first");
    assert_eq!(workers[1]["id"], first[0]["id"]);
    assert!(text(&workers[1]["last_heartbeat_time"]) > text(&first[0]["last_heartbeat_time"]));
    let none = json!({"workers": {"last_heartbeat_time": {"before_": "2020-01-01T00:00:00Z"}}});
    assert_eq!(world.post("/work_pools/p/workers/filter", none).await, json!([]));
    changed(&world, "/work_pools/p", json!({"is_paused": true})).await;
    changed(&world, "/work_pools/p", json!({"is_paused": false})).await;
    assert_eq!(world.get("/work_pools/p").await["status"], "READY", "workers are online");
    assert_eq!(world.ask(Method::DELETE, "/work_pools/p/workers/v", None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.ask(Method::DELETE, "/work_pools/p/workers/v", None).await.0, StatusCode::NOT_FOUND);
    let (status, _) = world.ask(Method::POST, "/work_pools/q/workers/heartbeat", Some(json!({"name": "w"}))).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

pub(crate) async fn due_runs_come_in_strict_order(world: Arc<World>) {
    world.post("/work_pools", json!({"name": "p", "type": "process"})).await;
    world.post("/work_pools/p/queues", json!({"name": "urgent", "priority": 1})).await;
    let flow = world.flow("etl").await;
    let mut ids = Vec::new();
    for (name, queue, day) in [("d3", None, 3), ("d1", None, 1), ("u4", Some("urgent"), 4), ("u2", Some("urgent"), 2)] {
        let time = format!("2020-01-0{day}T00:00:00Z");
        let state = json!({"type": "SCHEDULED", "state_details": {"scheduled_time": time}});
        let body =
            json!({"flow_id": flow, "name": name, "work_pool_name": "p", "work_queue_name": queue, "state": state});
        ids.push(world.flow_run(body).await);
    }
    let due = async |body: Value| {
        let found = world.post("/work_pools/p/get_scheduled_flow_runs", body).await;
        found.as_array().unwrap().iter().map(|due| text(&due["flow_run"]["name"])).collect::<Vec<_>>()
    };
    assert_eq!(due(json!({})).await, ["u2", "u4", "d1", "d3"]);
    assert_eq!(due(json!({"limit": 3})).await, ["u2", "u4", "d1"]);
    assert_eq!(due(json!({"scheduled_before": "2020-01-02T00:00:00Z"})).await, ["u2", "d1"]);
    assert_eq!(due(json!({"scheduled_after": "2020-01-03T00:00:00Z"})).await, ["u4", "d3"]);
    assert_eq!(due(json!({"work_queue_names": ["default"]})).await, ["d1", "d3"]);
    assert_eq!(world.get("/work_pools/p/queues/default").await["status"], "READY", "it was polled");
    changed(&world, "/work_pools/p/queues/urgent", json!({"is_paused": true})).await;
    assert_eq!(due(json!({})).await, ["d1", "d3"]);
    changed(&world, "/work_pools/p/queues/urgent", json!({"is_paused": false, "concurrency_limit": 1})).await;
    assert_eq!(due(json!({})).await, ["u2", "d1", "d3"]);

    // Two workers were told of the same run: one gets it.
    assert_eq!(world.set_state(&ids[3], json!({"type": "PENDING"})).await["status"], "ACCEPT");
    assert_eq!(world.set_state(&ids[3], json!({"type": "PENDING"})).await["status"], "ABORT");
    assert_eq!(due(json!({})).await, ["d1", "d3"], "the queue's slot is taken");
    changed(&world, "/work_pools/p", json!({"concurrency_limit": 2})).await;
    assert_eq!(due(json!({})).await, ["d1"], "one of the pool's slots is taken");
    assert_eq!(world.get("/work_pools/p").await["active_slots"], 1);
    assert_eq!(world.get("/work_pools/p/queues/urgent").await["active_slots"], 1);
    let under_way = world.post("/work_pools/p/concurrency_status", json!({"limit": 1})).await;
    assert_eq!((&under_way["active_slots"], &under_way["count"]), (&json!(1), &json!(2)));
    assert_eq!(each(&under_way["queues"][0]["flow_runs"], "name"), ["u2"]);
    changed(&world, "/work_pools/p", json!({"is_paused": true})).await;
    assert!(due(json!({})).await.is_empty());
    let (status, _) = world
        .ask(Method::POST, "/work_pools/p/get_scheduled_flow_runs", Some(json!({"work_queue_names": ["x"]})))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    let in_pool = json!({"work_pools": {"name": {"any_": ["p"]}}, "work_pool_queues": {"name": {"any_": ["default"]}}});
    assert_eq!(world.post("/flow_runs/count", in_pool).await, 2);
    let (status, _) = world.ask(Method::DELETE, "/work_pools/p", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(world.get(&format!("/flow_runs/{}", ids[0])).await["work_queue_id"], Value::Null);
}

pub(crate) async fn slots_go_to_runs_that_are_due_before_those_that_are_not(world: Arc<World>) {
    world.post("/work_pools", json!({"name": "p", "type": "process", "concurrency_limit": 1})).await;
    world.post("/work_pools/p/queues", json!({"name": "urgent", "priority": 1})).await;
    let flow = world.flow("etl").await;
    let made = async |name: &str, queue: Option<&str>, seconds: i64| {
        let time = chrono::Utc::now() + chrono::TimeDelta::seconds(seconds);
        let state = json!({"type": "SCHEDULED", "state_details": {"scheduled_time": time}});
        let body =
            json!({"flow_id": flow, "name": name, "work_pool_name": "p", "work_queue_name": queue, "state": state});
        world.flow_run(body).await
    };
    let due = async || {
        let before = chrono::Utc::now() + chrono::TimeDelta::seconds(7200);
        let found = world.post("/work_pools/p/get_scheduled_flow_runs", json!({"scheduled_before": before})).await;
        found.as_array().unwrap().iter().map(|due| text(&due["flow_run"]["name"])).collect::<Vec<_>>()
    };
    made("urgent, soon", Some("urgent"), 3600).await;
    assert_eq!(due().await, ["urgent, soon"]);
    let plain = made("plain, now", None, -1).await;
    assert_eq!(due().await, ["plain, now"], "the slot is free now");
    changed(&world, "/work_pools/p", json!({"concurrency_limit": 2})).await;
    assert_eq!(due().await, ["urgent, soon", "plain, now"], "by priority");
    world.set_state(&plain, json!({"type": "PENDING"})).await;
    world.set_state(&plain, json!({"type": "RUNNING"})).await;
    changed(&world, "/work_pools/p", json!({"concurrency_limit": 1})).await;
    world.post(&format!("/flow_runs/{plain}/set_state"), json!({"state": {"type": "CANCELLING"}})).await;
    assert!(due().await.is_empty(), "its process may still be there");
}

pub(crate) async fn no_more_runs_are_taken_than_a_pool_may_have(world: Arc<World>) {
    let replica = world.replica().await;
    world.post("/work_pools", json!({"name": "p", "type": "process", "concurrency_limit": 3})).await;
    world.post("/work_pools/p/queues", json!({"name": "narrow", "concurrency_limit": 2})).await;
    let flow = world.flow("etl").await;
    let made = async |queue: Option<&str>| {
        let body =
            json!({"flow_id": flow, "work_pool_name": "p", "work_queue_name": queue, "state": {"type": "SCHEDULED"}});
        world.flow_run(body).await
    };
    let (mut narrow, mut wide) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        narrow.push(made(Some("narrow")).await);
        wide.push(made(None).await);
    }
    // All are taken at once, through both servers.
    let taken = async |runs: &[String]| {
        let take = async |number: usize, run: &String| {
            let server = if number.is_multiple_of(2) { &*world } else { &replica };
            server.set_state(run, json!({"type": "PENDING"})).await
        };
        let answers = runs.iter().enumerate().map(|(number, run)| take(number, run));
        futures_util::future::join_all(answers).await
    };
    let accepted = |answers: &[Value]| answers.iter().filter(|answer| answer["status"] == "ACCEPT").count();
    let answers = taken(&narrow).await;
    assert_eq!(accepted(&answers), 2, "{answers:?}");
    let refused = answers.iter().find(|answer| answer["status"] != "ACCEPT").unwrap();
    assert_eq!((&refused["status"], &refused["state"]["type"]), (&json!("REJECT"), &json!("SCHEDULED")));
    assert_eq!(refused["details"]["reason"], "Work queue concurrency limit reached.");
    let answers = taken(&wide).await;
    assert_eq!(accepted(&answers), 1, "{answers:?}");
    let refused = answers.iter().find(|answer| answer["status"] != "ACCEPT").unwrap();
    assert_eq!(refused["details"]["reason"], "Work pool concurrency limit reached.");
    let under_way = world.get("/work_pools/p").await;
    assert_eq!(under_way["active_slots"], 3);
    // Whose turn it was can be taken when another one has ended.
    let begun = answers.iter().position(|answer| answer["status"] == "ACCEPT").unwrap();
    for kind in ["RUNNING", "COMPLETED"] {
        world.set_state(&wide[begun], json!({"type": kind})).await;
    }
    let waiting = wide.iter().enumerate().find(|(number, _)| *number != begun).unwrap().1;
    assert_eq!(world.set_state(waiting, json!({"type": "PENDING"})).await["status"], "ACCEPT");
    replica.stop().await;
}

pub(crate) async fn one_of_many_workers_gets_a_run(world: Arc<World>) {
    world.post("/work_pools", json!({"name": "p", "type": "process"})).await;
    let flow = world.flow("etl").await;
    let state = json!({"type": "SCHEDULED", "state_details": {"scheduled_time": "2020-01-01T00:00:00Z"}});
    for _ in 0..20 {
        world.flow_run(json!({"flow_id": flow, "work_pool_name": "p", "state": state})).await;
    }
    let work = async |world: Arc<World>| {
        let mut mine = 0;
        loop {
            let due = world.post("/work_pools/p/get_scheduled_flow_runs", json!({"limit": 5})).await;
            let due = due.as_array().unwrap().clone();
            if due.is_empty() {
                return mine;
            }
            for run in due {
                let id = text(&run["flow_run"]["id"]);
                let answer = world.set_state(&id, json!({"type": "PENDING"})).await;
                mine += usize::from(answer["status"] == "ACCEPT");
            }
        }
    };
    let (a, b, c) = tokio::join!(work(world.clone()), work(world.clone()), work(world.clone()));
    assert_eq!(a + b + c, 20, "{a} {b} {c}");
}

pub(crate) async fn runs_say_where_they_are(world: Arc<World>) {
    let pool = world.post("/work_pools", json!({"name": "p", "type": "process"})).await;
    world.post("/work_pools/p/queues", json!({"name": "urgent"})).await;
    let flow = world.flow("etl").await;
    let made = json!({"flow_id": flow, "name": "d", "work_pool_name": "p", "work_queue_name": "urgent"});
    let deployment = text(&world.post("/deployments", made).await["id"]);
    let place = |run: &Value| [&run["work_queue_name"], &run["work_pool_name"], &run["work_pool_id"]].map(Clone::clone);
    let expected = [json!("urgent"), json!("p"), pool["id"].clone()];
    let made = world.post(&format!("/deployments/{deployment}/create_flow_run"), json!({})).await;
    assert_eq!(place(&made), expected);
    let direct = json!({"flow_id": flow, "work_pool_name": "p", "work_queue_name": "urgent"});
    assert_eq!(place(&world.post("/flow_runs/", direct).await), expected);
    let run = text(&made["id"]);
    assert_eq!(place(&world.get(&format!("/flow_runs/{run}")).await), expected);

    // A queue may get another name.
    changed(&world, "/work_pools/p/queues/urgent", json!({"name": "now"})).await;
    let expected = [json!("now"), json!("p"), pool["id"].clone()];
    let only = json!({"flow_runs": {"id": {"any_": [run]}}});
    assert_eq!(place(&world.post("/flow_runs/filter", only.clone()).await[0]), expected);
    assert_eq!(place(&world.post("/flow_runs/paginate", only).await["results"][0]), expected);
    let due = world.post("/work_pools/p/get_scheduled_flow_runs", json!({})).await;
    assert_eq!(place(&due[0]["flow_run"]), expected);
    let due = world.post("/deployments/get_scheduled_flow_runs", json!({"deployment_ids": [deployment]})).await;
    assert_eq!(place(&due[0]), expected);
    let elsewhere = world.post("/flow_runs/", json!({"flow_id": flow})).await;
    assert_eq!(place(&elsewhere), [Value::Null, Value::Null, Value::Null]);
}
