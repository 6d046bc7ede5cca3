//! Events: told of by the command, followed, and selected.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use flowcore::client::Client;
use flowcore::clock::{Clock, SystemClock};
use flowcore::model::Event;
use insta::assert_snapshot;

use crate::world::World;

/// A condition that is not met by then never will be.
const DEADLINE: Duration = Duration::from_secs(60);

/// A command that does not outlive its test.
struct Following(Child);

impl Drop for Following {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn event(name: &str, resource: &str) -> Event {
    flowcore::event(name).resource(resource).build(&SystemClock).unwrap()
}

#[tokio::test]
async fn events_are_selected_by_name_and_resource() {
    let world = World::new().await;
    world.fill().await;
    let lines = [
        "event ls --event etl.",
        "event ls --event prefect.flow-run.Comp --event prefect.flow-run.Fail",
        "event ls --resource prefect.flow-run.01960004",
        "event ls --event prefect.task-run.Completed --related prefect.flow-run. --oldest-first",
        "event ls --resource shop.",
    ];
    assert_snapshot!(lines.map(|line| world.flowcore(line).to_string()).join("\n"));
}

#[tokio::test]
async fn events_are_told_of() {
    let world = World::new().await;
    let run = |arguments: &[&str]| {
        let line = format!("event emit {}", arguments.join(" "));
        let output = world.command("event emit").args(arguments).output().unwrap();
        world.transcript(&line, &output)
    };
    let id = run(&["order.sent", "--resource-id", "shop.order.1"]);
    assert!(id.out.starts_with("Emitted event 'order.sent' with id ") && id.code == Some(0), "{id}");
    let whole = run(&[
        "order.paid",
        "--resource",
        r#"{"prefect.resource.id": "shop.order.2", "shop.city": "Delft"}"#,
        "--resource",
        "prefect.resource.name=the second",
        "--related",
        r#"{"prefect.resource.id": "customer.4", "prefect.resource.role": "buyer"}"#,
        "--payload",
        r#"{"amount": 30}"#,
        "--output",
        "json",
    ])
    .json();
    let listed = world.flowcore("event ls -o json --event order.paid").json();
    assert_eq!(listed[0], whole);
    assert_eq!(whole["resource"]["prefect.resource.name"], "the second");
    assert_eq!(whole["related"][0]["prefect.resource.role"], "buyer");
    let wrong = [
        run(&["order.sent"]),
        run(&["order.sent", "--resource", "prefect.resource.id"]),
        run(&["order.sent", "--resource-id", "x", "--related", r#"{"prefect.resource.id": "customer.4"}"#]),
        run(&["order.sent", "--resource-id", "x", "--payload", "7"]),
    ];
    assert_snapshot!(wrong.map(|wrong| wrong.to_string()).join("\n"));
}

#[tokio::test]
async fn events_are_followed_as_they_happen() {
    let world = World::new().await;
    Client::append_events(&world.client, vec![event("order.old", "shop")]).await.unwrap();
    let mut command = world.command("event stream --event order. --resource shop -o json");
    let mut following = Following(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(following.0.stdout.take().unwrap()).lines();
    // It follows from when it has begun, which nothing else tells.
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || lines.try_for_each(|line| sender.send(line.unwrap())));
    let begun = Instant::now();
    let first: serde_json::Value = loop {
        assert!(begun.elapsed() < DEADLINE, "nothing is followed");
        let events = vec![event("order.other", "store"), event("parcel", "shop"), event("order.new", "shop.1")];
        Client::append_events(&world.client, events).await.unwrap();
        if let Ok(line) = receiver.recv_timeout(Duration::from_millis(100)) {
            break serde_json::from_str(&line).unwrap();
        }
    };
    assert_eq!((&first["event"], &first["resource"]["prefect.resource.id"]), (&"order.new".into(), &"shop.1".into()));
    // One that comes in late is followed, too, and none twice.
    let mut late = event("order.late", "shop.2");
    late.occurred = SystemClock.now() - chrono::TimeDelta::milliseconds(200);
    Client::append_events(&world.client, vec![late.clone(), event("order.last", "shop.3")]).await.unwrap();
    let mut ids = vec![first["id"].clone()];
    let mut names = Vec::new();
    while names.last().is_none_or(|name| name != "order.last") {
        let line: serde_json::Value = serde_json::from_str(&receiver.recv_timeout(DEADLINE).unwrap()).unwrap();
        assert!(!ids.contains(&line["id"]), "{line} is there twice");
        ids.push(line["id"].clone());
        names.push(line["event"].as_str().unwrap().to_owned());
    }
    assert!(names.contains(&"order.late".to_owned()) && !names.contains(&"order.other".to_owned()), "{names:?}");
}

#[tokio::test]
async fn following_ends_with_the_first_event_if_told_so() {
    let world = World::new().await;
    let mut command = world.command("event stream --run-once");
    let mut following = Following(command.stdout(Stdio::piped()).spawn().unwrap());
    let begun = Instant::now();
    while following.0.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < DEADLINE, "it does not end");
        Client::append_events(&world.client, vec![event("order.new", "shop.1")]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut out = String::new();
    following.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(out.trim_end().ends_with(" | order.new | shop.1") && out.lines().count() == 1, "{out}");
}
