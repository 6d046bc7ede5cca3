//! What happens, as it happens: events, log lines and background tasks over websockets.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::socket::{Socket, closed, connect, hear, send};
use crate::world::{World, text};

const OUT: &str = "/events/out";
const SCHEDULED: &str = "/task_runs/subscriptions/scheduled";

fn shop(number: u32) -> Value {
    json!({
        "id": Uuid::new_v4(),
        "occurred": Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true),
        "event": "shop.opened",
        "resource": {"prefect.resource.id": format!("shop.{number}")},
    })
}

async fn subscribe(world: &World, filter: Value) -> Socket {
    let mut socket = connect(world, OUT).await;
    send(&mut socket, &json!({"type": "filter", "filter": filter})).await;
    socket
}

async fn hear_event(socket: &mut Socket) -> Value {
    let mut message = hear(socket).await;
    assert_eq!(message["type"], "event");
    message["event"].take()
}

/// Events are told of without pause while somebody connects: none is missing and none comes twice.
pub(crate) async fn the_past_and_the_present_join_without_a_gap(world: Arc<World>) {
    const EVENTS: u32 = 300;
    let other = world.replica().await;
    let told = async {
        for number in 0..EVENTS {
            let server = if number.is_multiple_of(2) { &*world } else { &other };
            server.post("/events", json!([shop(number)])).await;
        }
    };
    let heard = async {
        // The listener comes when there is a past, and there will be a future.
        let past = json!({"filter": {"event": {"name": ["shop.opened"]}}});
        while world.post("/events/filter", past.clone()).await["total"].as_u64().unwrap() < 50 {}
        let mut socket = subscribe(&world, json!({"event": {"prefix": ["shop."]}})).await;
        let mut heard = Vec::new();
        while heard.len() < EVENTS as usize {
            heard.push(text(&hear_event(&mut socket).await["resource"]["prefect.resource.id"]));
        }
        heard
    };
    let ((), heard) = tokio::join!(told, heard);
    let expected: BTreeSet<String> = (0..EVENTS).map(|number| format!("shop.{number}")).collect();
    assert_eq!(heard.into_iter().collect::<BTreeSet<_>>(), expected);
    other.stop().await;
}

pub(crate) async fn states_are_told_of_whoever_has_written_them(world: Arc<World>) {
    let flow = world.flow("shop").await;
    let mut socket = subscribe(&world, json!({"event": {"name": ["prefect.flow-run.Completed"]}})).await;
    let other = world.replica().await;
    for server in [&*world, &other] {
        let run = server.flow_run(json!({"flow_id": flow})).await;
        server.set_state(&run, json!({"type": "RUNNING"})).await;
        server.set_state(&run, json!({"type": "COMPLETED"})).await;
        let event = hear_event(&mut socket).await;
        assert_eq!(event["resource"]["prefect.resource.id"], format!("prefect.flow-run.{run}"));
        assert_eq!(event["payload"]["intended"], json!({"from": "RUNNING", "to": "COMPLETED"}));
    }
    other.stop().await;
}

pub(crate) async fn only_what_is_asked_for_is_told(world: Arc<World>) {
    let mut socket = connect(&world, OUT).await;
    let filter = json!({"resource": {"id": ["shop.2"]}});
    send(&mut socket, &json!({"type": "filter", "filter": filter, "backfill": false})).await;
    // Events are told of until one comes, since nothing says when the server has begun to listen.
    let heard = hear_event(&mut socket);
    tokio::pin!(heard);
    let event = loop {
        tokio::select! {
            event = &mut heard => break event,
            _ = world.post("/events", json!([shop(1), shop(2)])) => {}
        }
    };
    assert_eq!(event["resource"]["prefect.resource.id"], "shop.2");
    for (message, code) in
        [(json!({"type": "auth"}), 1002), (json!({"type": "filter", "filter": {"unknown": 1}}), 1002)]
    {
        let mut socket = connect(&world, OUT).await;
        send(&mut socket, &message).await;
        assert_eq!(closed(&mut socket).await, code, "{message}");
    }
}

pub(crate) async fn log_lines_are_told_as_they_come(world: Arc<World>) {
    let flow = world.flow("shop").await;
    let run = world.flow_run(json!({"flow_id": flow})).await;
    let mut socket = connect(&world, "/logs/out").await;
    let filter = json!({"flow_run_id": {"any_": [run]}, "level": {"ge_": 30}});
    send(&mut socket, &json!({"type": "filter", "filter": filter})).await;
    let other = world.replica().await;
    let line = |level: u32, message: &str| json!({"name": "shop", "level": level, "message": message, "timestamp": Utc::now(), "flow_run_id": run});
    for server in [&*world, &other] {
        let heard = hear(&mut socket);
        tokio::pin!(heard);
        let told = loop {
            tokio::select! {
                told = &mut heard => break told,
                _ = server.post("/logs/", json!([line(20, "quiet"), line(30, &server.api)])) => {}
            }
        };
        assert_eq!((&told["type"], &told["log"]["level"]), (&json!("log"), &json!(30)));
    }
    other.stop().await;
}

/// Makes a run of a background task, and gives its id.
async fn delay(world: &World, task: &str) -> String {
    let state = json!({"type": "SCHEDULED", "state_details": {"deferred": true, "task_parameters_id": Uuid::new_v4()}});
    let run = json!({"name": task, "task_key": task, "dynamic_key": Uuid::new_v4(), "state": state});
    text(&world.post("/task_runs/", run).await["id"])
}

async fn worker(world: &World, name: &str, keys: Value) -> Socket {
    let mut socket = connect(world, SCHEDULED).await;
    send(&mut socket, &json!({"type": "subscribe", "keys": keys, "client_id": name})).await;
    socket
}

pub(crate) async fn background_tasks_go_to_one_worker_each(world: Arc<World>) {
    let other = world.replica().await;
    let expected: BTreeSet<String> =
        [delay(&world, "send").await, delay(&other, "send").await, delay(&world, "send").await].into();
    let elsewhere = delay(&world, "print").await;
    let (mut one, mut two) =
        (worker(&world, "one", json!(["send"])).await, worker(&other, "two", json!(["send"])).await);
    let mut got = BTreeSet::new();
    let first = hear(&mut one).await;
    assert_eq!((&first["task_key"], &first["state"]["state_details"]["deferred"]), (&json!("send"), &json!(true)));
    assert!(first["state"]["state_details"]["task_parameters_id"].is_string());
    got.insert(text(&first["id"]));
    got.insert(text(&hear(&mut two).await["id"]));
    // The first worker acknowledges and gets the third; it leaves without acknowledging that, which goes to the other.
    send(&mut one, &json!({"type": "ack"})).await;
    let third = text(&hear(&mut one).await["id"]);
    one.close(None).await.unwrap();
    send(&mut two, &json!({"type": "ack"})).await;
    assert_eq!(text(&hear(&mut two).await["id"]), third);
    got.insert(third);
    assert_eq!(got, expected);
    send(&mut two, &json!({"type": "ack"})).await;
    // What is made later comes at once, and what is for other workers not at all.
    let fourth = delay(&other, "send").await;
    assert_eq!(text(&hear(&mut two).await["id"]), fourth);
    let mut printer = worker(&world, "printer", json!(["print"])).await;
    assert_eq!(text(&hear(&mut printer).await["id"]), elsewhere);
    let workers = world.post("/task_workers/filter", json!({"task_worker_filter": {"task_keys": ["print"]}})).await;
    assert_eq!((&workers[0]["identifier"], &workers[0]["task_keys"]), (&json!("printer"), &json!(["print"])));
    other.stop().await;
}

pub(crate) async fn workers_have_to_say_what_they_serve(world: Arc<World>) {
    for message in [
        json!({"type": "ack"}),
        json!({"type": "subscribe", "client_id": "one"}),
        json!({"type": "subscribe", "keys": ["send"]}),
    ] {
        let mut socket = connect(&world, SCHEDULED).await;
        send(&mut socket, &message).await;
        assert_eq!(closed(&mut socket).await, 4001, "{message}");
    }
}

/// A listener that does not read is told to come again when it does, and takes no room meanwhile.
pub(crate) async fn who_reads_too_slowly_has_to_come_again(world: Arc<World>) {
    // What the sockets hold back, what the server does, and more.
    const TOLD: u32 = 8_000;
    const AT_ONCE: u32 = 400;
    let long = "x".repeat(4000);
    let mut events = subscribe(&world, json!({"event": {"prefix": ["shop."]}})).await;
    // It listens when it tells.
    world.post("/events", json!([shop(0)])).await;
    hear_event(&mut events).await;
    for first in (1..TOLD).step_by(AT_ONCE as usize) {
        let mut batch: Vec<Value> = (first..first + AT_ONCE).map(shop).collect();
        batch.iter_mut().for_each(|event| event["payload"] = json!({"long": long}));
        world.post("/events", json!(batch)).await;
    }
    assert_eq!(closed(&mut events).await, 1013);

    let mut lines = connect(&world, "/logs/out").await;
    send(&mut lines, &json!({"type": "filter", "filter": {}})).await;
    let line = |message: &str| json!({"name": "a", "level": 20, "message": message, "timestamp": Utc::now(), "flow_run_id": Uuid::nil()});
    loop {
        world.post("/logs/", json!([line("first")])).await;
        if tokio::time::timeout(std::time::Duration::from_millis(200), hear(&mut lines)).await.is_ok() {
            break;
        }
    }
    for _ in 0..TOLD / AT_ONCE {
        let batch: Vec<Value> = (0..AT_ONCE).map(|_| line(&long)).collect();
        world.post("/logs/", json!(batch)).await;
    }
    assert_eq!(closed(&mut lines).await, 1013);
}
