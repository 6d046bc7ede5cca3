//! The channel between workers and the server.

use std::sync::Arc;

use chrono::Utc;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::HandClock;
use crate::socket::{Socket, closed, connect, hear, send};
use crate::world::{World, text};

fn frame(kind: &str, payload: Value) -> Value {
    json!({"type": kind, "id": Uuid::new_v4(), "sent_at": Utc::now(), "payload": payload})
}

/// What a worker says first; `with` replaces some of it.
fn hello(with: Value) -> Value {
    let mut payload = json!({
        "consumer_id": Uuid::nil(),
        "worker_name": "w",
        "worker_type": "process",
        "heartbeat_interval_seconds": 5,
        "supported_channel_versions": ["work_pool_worker_channel.v1"],
        "requested_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1"],
    });
    for (field, value) in with.as_object().unwrap() {
        payload[field] = value.clone();
    }
    frame("worker.hello.v1", payload)
}

fn heartbeat(worker: &str) -> Value {
    let payload = json!({"consumer_id": Uuid::nil(), "worker_name": worker, "heartbeat_interval_seconds": 7});
    frame("worker.heartbeat.v1", payload)
}

async fn dial(world: &World, pool: &str, first: &Value) -> Socket {
    let mut socket = connect(world, &format!("/work_pools/{pool}/workers/connect")).await;
    send(&mut socket, first).await;
    socket
}

async fn changed(world: &World, pool: &str, change: Value) {
    let (status, answer) = world.ask(Method::PATCH, &format!("/work_pools/{pool}"), Some(change)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
}

pub(crate) async fn a_worker_is_told_of_its_pool(world: Arc<World>) {
    let template = json!({"job_configuration": {"command": "{{ c }}"}, "variables": {"properties": {"c": {}}}});
    let first = hello(json!({"create_pool_if_not_found": true, "default_base_job_template": template,
        "requested_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1", "teleport.v1", "teleport.v1"]}));
    let mut socket = dial(&world, "p", &first).await;
    let ready = hear(&mut socket).await;
    assert_eq!(ready["type"], "worker.ready.v1");
    let terms = &ready["payload"];
    assert_eq!((&terms["consumer_id"], &terms["worker_id"]), (&json!(Uuid::nil()), &Value::Null));
    assert_eq!(terms["effective_heartbeat_interval_seconds"], 5);
    assert_eq!(terms["accepted_capabilities"], json!(["worker_heartbeat.v1", "work_pool_snapshot.v1"]));
    assert_eq!(terms["rejected_capabilities"], json!(["teleport.v1"]));
    assert_eq!(terms["resolved_work_queues"][0]["name"], "default");
    let snapshot = &terms["initial_snapshot"];
    assert_eq!((&snapshot["snapshot_sequence"], &snapshot["reason"]), (&json!(1), &json!("initial")));
    let pool = world.get("/work_pools/p").await;
    assert_eq!((&pool["status"], &pool["base_job_template"]), (&json!("READY"), &template));
    assert_eq!(snapshot["work_pool"], pool);
    let workers = world.post("/work_pools/p/workers/filter", json!({})).await;
    assert_eq!((&workers[0]["name"], &workers[0]["heartbeat_interval_seconds"]), (&json!("w"), &json!(5)));

    // What workers go by is told at once.
    changed(&world, "p", json!({"description": "ours"})).await;
    changed(&world, "p", json!({"concurrency_limit": 3})).await;
    let news = hear(&mut socket).await;
    assert_eq!(news["type"], "work_pool.snapshot.v1");
    let news = &news["payload"];
    assert_eq!((&news["snapshot_sequence"], &news["reason"]), (&json!(2), &json!("work_pool_updated")));
    assert_eq!(news["work_pool"], world.get("/work_pools/p").await);
    assert_eq!((&news["work_pool"]["description"], &news["work_pool"]["active_slots"]), (&json!("ours"), &json!(0)));

    // What another server has changed is told with the next heartbeat.
    let other = world.replica().await;
    changed(&other, "p", json!({"is_paused": true})).await;
    other.stop().await;
    send(&mut socket, &heartbeat("w")).await;
    let news = hear(&mut socket).await;
    let news = &news["payload"];
    assert_eq!((&news["snapshot_sequence"], &news["reason"]), (&json!(3), &json!("heartbeat_reconciliation")));
    assert_eq!(news["work_pool"]["status"], "PAUSED");
    let workers = world.post("/work_pools/p/workers/filter", json!({})).await;
    assert_eq!((&workers[0]["status"], &workers[0]["heartbeat_interval_seconds"]), (&json!("ONLINE"), &json!(7)));

    // Nothing was given out that is to be cleaned up.
    let of = Uuid::new_v4();
    let renew = frame("cleanup.renew.v1", json!({"message_id": of, "reservation_token": "t"}));
    send(&mut socket, &renew).await;
    let answer = hear(&mut socket).await;
    assert_eq!(answer["type"], "cleanup.operation_result.v1");
    let expected = json!({"request_frame_id": renew["id"], "message_id": of, "operation": "renew", "status": "unauthorized",
        "lease_expires_at": null, "reason": "cleanup_delivery_not_accepted", "detail": null});
    assert_eq!(answer["payload"], expected);

    assert_eq!(world.ask(Method::DELETE, "/work_pools/p", None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(closed(&mut socket).await, 1008, "the pool is gone");
}

pub(crate) async fn a_worker_that_cannot_be_served_is_told_why(world: Arc<World>) {
    world.post("/work_pools/", json!({"name": "p", "type": "process"})).await;
    let bad_template = json!({"job_configuration": {"command": "{{ c }}"}, "variables": {"properties": {"d": {}}}});
    let cases = [
        ("q", hello(json!({})), 1008),
        ("prefect-q", hello(json!({"create_pool_if_not_found": true})), 1008),
        ("q", hello(json!({"create_pool_if_not_found": true, "default_base_job_template": bad_template})), 1002),
        ("p", hello(json!({"work_queue_names": ["default", "nowhere"]})), 1008),
        ("p", hello(json!({"supported_channel_versions": ["work_pool_worker_channel.v9"]})), 1008),
        ("p", hello(json!({"requested_capabilities": ["worker_heartbeat.v1"]})), 1002),
        ("p", hello(json!({"max_cleanup_concurrency": 1})), 1002),
        ("p", hello(json!({"heartbeat_interval_seconds": 0})), 1002),
        ("p", hello(json!({"worker_name": ""})), 1002),
        ("p", hello(json!({"unknown": 1})), 1002),
        ("p", heartbeat("w"), 1002),
        ("p", json!("hello"), 1002),
    ];
    for (pool, first, code) in cases {
        let mut socket = dial(&world, pool, &first).await;
        assert_eq!(closed(&mut socket).await, code, "{pool}: {first}");
    }
    assert_eq!(world.post("/work_pools/filter", json!({})).await.as_array().unwrap().len(), 1);
    assert_eq!(world.post("/work_pools/p/workers/filter", json!({})).await, json!([]));

    let named = hello(json!({"work_queue_names": ["default", "default"]}));
    for second in [heartbeat("somebody else"), hello(json!({})), json!({"type": "what?"})] {
        let mut socket = dial(&world, "p", &named).await;
        let ready = hear(&mut socket).await;
        assert_eq!(ready["payload"]["resolved_work_queues"].as_array().unwrap().len(), 1);
        send(&mut socket, &second).await;
        assert_eq!(closed(&mut socket).await, 1002, "{second}");
    }
    let address = format!("{}/work_pools/p/workers/connect", world.api.replacen("http", "ws", 1));
    assert!(tokio_tungstenite::connect_async(address).await.is_err(), "it needs the subprotocol");
}

/// Says something of what is to be torn down, and gives the answer's status and reason.
async fn said(socket: &mut Socket, operation: &str, payload: Value) -> (String, Value) {
    let request = frame(&format!("cleanup.{operation}.v1"), payload);
    send(socket, &request).await;
    let answer = hear(socket).await["payload"].clone();
    assert_eq!((&answer["request_frame_id"], &answer["operation"]), (&request["id"], &json!(operation)), "{answer}");
    (text(&answer["status"]), answer["reason"].clone())
}

pub(crate) async fn what_a_cancellation_has_left_is_torn_down(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["CANCELLATION_CLEANUP"], &[]).await;
    server.post("/work_pools/", json!({"name": "p", "type": "process"})).await;
    let queues = server.post("/work_pools/p/queues/filter", json!({})).await;
    let flow = server.flow("long").await;
    let deployment = json!({"name": "d", "flow_id": flow, "work_pool_name": "p", "enforce_parameter_schema": false});
    let deployment = text(&server.post("/deployments/", deployment).await["id"]);
    let cancelling = async |pid: &str| {
        let run = text(&server.post(&format!("/deployments/{deployment}/create_flow_run"), json!({})).await["id"]);
        for state in ["PENDING", "RUNNING"] {
            server.set_state(&run, json!({"type": state})).await;
        }
        server.ask(Method::PATCH, &format!("/flow_runs/{run}"), Some(json!({"infrastructure_pid": pid}))).await;
        server.set_state(&run, json!({"type": "CANCELLING"})).await;
        run
    };
    let able = hello(json!({
        "requested_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1", "cleanup_delivery.v1"],
        "handled_cleanup_kinds": ["cancelling_timeout_teardown.v1"],
    }));
    let mut worker = dial(&server, "p", &able).await;
    let ready = hear(&mut worker).await["payload"].clone();
    assert_eq!(ready["accepted_capabilities"][2], "cleanup_delivery.v1");
    assert_eq!((&ready["rejected_capabilities"], &ready["effective_max_cleanup_concurrency"]), (&json!([]), &json!(1)));
    let mut unable = dial(&server, "p", &hello(json!({"worker_name": "unable"}))).await;
    hear(&mut unable).await;

    let run = cancelling("host:7").await;
    let ended = cancelling("host:8").await;
    clock.pass(200).await;
    server.set_state(&ended, json!({"type": "CANCELLED"})).await;
    clock.pass(120).await;
    assert_eq!(server.get(&format!("/flow_runs/{run}")).await["state"]["type"], "CANCELLED");
    let message = hear(&mut worker).await;
    assert_eq!(message["type"], "cleanup.message.v1");
    let message = message["payload"].clone();
    assert_eq!(message["target"], json!({"flow_run_id": run, "infrastructure_pid": "host:7"}));
    assert_eq!((&message["kind"], &message["data"]), (&json!("cancelling_timeout_teardown.v1"), &json!({})));
    assert_eq!((&message["delivery_count"], &message["work_queue_id"]), (&json!(1), &queues[0]["id"]));
    let held = |message: &Value| json!({"message_id": message["message_id"], "reservation_token": message["reservation_token"]});

    let wrong = json!({"message_id": message["message_id"], "reservation_token": "guessed"});
    let mismatch = ("invalid_token".to_owned(), json!("reservation_token_mismatch"));
    assert_eq!(said(&mut worker, "ack", wrong).await, mismatch);
    let nobodys = json!({"message_id": Uuid::new_v4(), "reservation_token": "t"});
    assert_eq!(said(&mut worker, "renew", nobodys).await.0, "not_found");
    clock.leap(5);
    assert_eq!(said(&mut worker, "renew", held(&message)).await, ("accepted".to_owned(), Value::Null));
    clock.leap(20);
    let mut back = held(&message);
    back["reason"] = json!("unsupported_worker_type");
    assert_eq!(said(&mut worker, "release", back).await.0, "accepted");
    // Who else there is may have it, and so may the same worker.
    let again = hear(&mut worker).await["payload"].clone();
    assert_eq!((&again["message_id"], &again["delivery_count"]), (&message["message_id"], &json!(2)));
    clock.leap(31);
    assert_eq!(said(&mut worker, "ack", held(&again)).await.0, "expired");
    let last = hear(&mut worker).await["payload"].clone();
    assert_eq!(last["delivery_count"], 3);
    assert_eq!(said(&mut worker, "ack", held(&last)).await.0, "accepted");
    assert_eq!(said(&mut worker, "ack", held(&last)).await.0, "not_found");

    // What nobody tears down is given up, and a worker that is gone has nothing in hand.
    cancelling("host:9").await;
    drop(worker);
    clock.pass(310).await;
    let mut next = dial(&server, "p", &able).await;
    hear(&mut next).await;
    for deliveries in 1..=3 {
        let message = hear(&mut next).await["payload"].clone();
        assert_eq!(
            (&message["target"]["infrastructure_pid"], &message["delivery_count"]),
            (&json!("host:9"), &json!(deliveries))
        );
        let mut back = held(&message);
        back["reason"] = json!("infrastructure_not_available");
        let expected = if deliveries < 3 { "accepted" } else { "dead_lettered" };
        assert_eq!(said(&mut next, "release", back).await.0, expected);
    }
    send(&mut next, &heartbeat("w")).await;
    changed(&server, "p", json!({"description": "after"})).await;
    assert_eq!(hear(&mut next).await["type"], "work_pool.snapshot.v1", "nothing else was said");
    server.stop().await;
}
