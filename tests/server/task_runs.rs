//! Task runs: by events over the websocket, and by requests.

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::socket::{EVENTS_IN, connect, flush, send};
use crate::world::{World, text};

/// What a client reports when a task run enters a state, this many seconds behind noon.
fn entered(task_run: Uuid, flow_run: &str, second: u32, kind: &str, run_count: u32) -> Value {
    let name = format!("{}{}", &kind[..1], kind[1..].to_lowercase());
    json!({
        "id": Uuid::new_v4(),
        "occurred": format!("2026-05-28T12:00:{second:02}+00:00"),
        "event": format!("prefect.task-run.{name}"),
        "resource": {"prefect.resource.id": format!("prefect.task-run.{task_run}"), "prefect.orchestration": "client"},
        "related": [{"prefect.resource.id": format!("prefect.flow-run.{flow_run}"), "prefect.resource.role": "flow-run"}],
        "payload": {
            "validated_state": {"type": kind, "name": name, "message": null, "state_details": {}, "data": null},
            "task_run": {"name": format!("at {second}"), "task_key": "t", "dynamic_key": "0", "run_count": run_count,
                "flow_run_run_count": 1, "expected_start_time": "2026-05-28T12:00:00Z"}
        }
    })
}

async fn types(world: &World, task_run: Uuid) -> Vec<String> {
    let states = world.get(&format!("/task_run_states?task_run_id={task_run}")).await;
    states.as_array().unwrap().iter().map(|state| text(&state["type"])).collect()
}

pub(crate) async fn events_in_any_order_make_one_history(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let flow_run = world.flow_run(json!({"flow_id": flow})).await;
    let (task_run, other) = (Uuid::new_v4(), Uuid::new_v4());
    let events = [
        entered(task_run, &flow_run, 1, "PENDING", 0),
        entered(task_run, &flow_run, 2, "RUNNING", 1),
        entered(task_run, &flow_run, 9, "COMPLETED", 1),
    ];
    let (mut one, mut two) = (connect(&world, EVENTS_IN).await, connect(&world, EVENTS_IN).await);
    for (socket, number) in [(0, 2), (1, 0), (0, 2), (1, 1), (0, 1)] {
        let socket = if socket == 0 { &mut one } else { &mut two };
        send(socket, &events[number]).await;
        send(socket, &entered(other, &flow_run, number as u32, "RUNNING", 1)).await;
        flush(socket).await;
    }
    assert_eq!(types(&world, task_run).await, ["PENDING", "RUNNING", "COMPLETED"]);
    assert_eq!(types(&world, other).await.len(), 5, "each of them has an id of its own");
    let run = world.get(&format!("/task_runs/{task_run}")).await;
    assert_eq!(
        (&run["name"], &run["state_type"]),
        (&json!("at 9"), &json!("COMPLETED")),
        "as its newest state found it"
    );
    assert_eq!((&run["flow_run_id"], &run["flow_run_run_count"]), (&json!(flow_run), &json!(1)));
    assert_eq!(run["state_id"], events[2]["id"]);
}

pub(crate) async fn a_ping_is_answered_behind_the_commit(world: Arc<World>) {
    let mut socket = connect(&world, EVENTS_IN).await;
    let runs: Vec<Uuid> = (0..300).map(|_| Uuid::new_v4()).collect();
    let flow = world.flow("etl").await;
    let flow_run = world.flow_run(json!({"flow_id": flow})).await;
    for run in &runs {
        for (second, kind) in [(1, "PENDING"), (2, "RUNNING"), (3, "COMPLETED")] {
            send(&mut socket, &entered(*run, &flow_run, second, kind, 1)).await;
        }
    }
    flush(&mut socket).await;
    let completed = json!({"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}});
    assert_eq!(world.post("/task_runs/count", completed).await, 300);
}

pub(crate) async fn other_events_are_kept(world: Arc<World>) {
    let mut socket = connect(&world, EVENTS_IN).await;
    let event = json!({
        "id": Uuid::new_v4(), "occurred": "2026-05-28T12:00:00Z", "event": "order.received",
        "resource": {"prefect.resource.id": "shop.order.1"}, "payload": {"n": 1}
    });
    send(&mut socket, &event).await;
    send(&mut socket, &event).await;
    flush(&mut socket).await;
    // What is no event ends the connection.
    send(&mut socket, &json!({"event": 1})).await;
    let end = loop {
        match socket.next().await {
            Some(Ok(Message::Close(frame))) => break frame,
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(end.unwrap().reason.as_str(), "Expected an event");
}

pub(crate) async fn a_task_run_is_made_and_moved_by_requests(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let flow_run = world.flow_run(json!({"flow_id": flow})).await;
    world.set_state(&flow_run, json!({"type": "RUNNING"})).await;
    let new = json!({"flow_run_id": flow_run, "task_key": "t", "dynamic_key": "0", "name": "t-0",
        "empirical_policy": {"retries": 1, "retry_delay": [30]}});
    let made = world.post("/task_runs/", new.clone()).await;
    assert_eq!(world.post("/task_runs/", new).await["id"], made["id"]);
    let path = format!("/task_runs/{}/set_state", text(&made["id"]));
    let set = async |state: Value| world.post(&path, json!({"state": state})).await;
    assert_eq!(set(json!({"type": "RUNNING"})).await["status"], "ACCEPT");
    let answer = set(json!({"type": "FAILED"})).await;
    assert_eq!((&answer["status"], &answer["state"]["name"]), (&json!("REJECT"), &json!("AwaitingRetry")));
    assert_eq!(set(json!({"type": "RUNNING"})).await["status"], "WAIT");
    let run = world.get(&format!("/task_runs/{}", text(&made["id"]))).await;
    assert_eq!((&run["state_name"], &run["run_count"]), (&json!("AwaitingRetry"), &json!(1)));
}

pub(crate) async fn a_subflow_moves_its_task_run(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let parent = world.flow_run(json!({"flow_id": flow})).await;
    let stands = json!({"flow_run_id": parent, "task_key": "sub", "dynamic_key": "0", "name": "sub-0"});
    let task_run = world.post("/task_runs/", stands).await["id"].clone();
    let child = world.flow_run(json!({"flow_id": flow, "parent_task_run_id": task_run})).await;
    world.set_state(&child, json!({"type": "RUNNING"})).await;
    world.set_state(&child, json!({"type": "COMPLETED"})).await;
    let run = world.get(&format!("/task_runs/{}", text(&task_run))).await;
    assert_eq!((&run["state_type"], &run["run_count"]), (&json!("COMPLETED"), &json!(1)));
    assert_eq!(run["state"]["state_details"]["child_flow_run_id"], json!(child));
    let of_parent = json!({"flow_runs": {"parent_flow_run_id": {"any_": [parent]}}});
    assert_eq!(world.post("/flow_runs/filter", of_parent).await[0]["id"], json!(child));
}

pub(crate) async fn of_two_who_move_a_task_run_one_is_right(world: Arc<World>) {
    let other = world.replica().await;
    let background = json!({"deferred": true});
    for number in 0..25 {
        let new = json!({"task_key": "t", "dynamic_key": number.to_string(), "name": "t",
            "state": {"type": "SCHEDULED", "state_details": background}});
        let id = text(&world.post("/task_runs/", new).await["id"]);
        let path = format!("/task_runs/{id}/set_state");
        let set = async |server: &World, state: Value| {
            let answer = server.post(&path, json!({"state": state})).await;
            (text(&answer["status"]), answer["details"]["reason"].as_str().unwrap_or_default().to_owned())
        };
        let pending = json!({"type": "PENDING", "state_details": background});
        let (one, two, three) =
            tokio::join!(set(&world, pending.clone()), set(&other, pending.clone()), set(&world, pending.clone()));
        let mut said = [one, two, three];
        said.sort();
        assert_eq!(said.each_ref().map(|(status, _)| status.as_str()), ["ABORT", "ABORT", "ACCEPT"], "{said:?}");
        assert!(said[0].1.starts_with("This run is in a PENDING state"), "{said:?}");
        // Each attempt counts, whoever was first.
        let running = json!({"type": "RUNNING"});
        tokio::join!(set(&world, running.clone()), set(&other, running.clone()), set(&world, running.clone()));
        let run = world.get(&format!("/task_runs/{id}")).await;
        assert_eq!((&run["run_count"], &run["state_type"]), (&json!(3), &json!("RUNNING")));
    }
    other.stop().await;
}
