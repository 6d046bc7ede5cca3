//! Events: a program's own, and changes of state.

use std::sync::Arc;

use chrono::TimeDelta;
use flowcore::model::{
    Event, EventFilter, EventNames, EventText, Order, Page, Resource, ResourceFilter, StateType, Timestamp,
    related_resource,
};
use serde_json::{Value, json};

use super::Subject;
use super::rows::{id, now, record, running, state};

fn event(name: &str, resource: &str, occurred: Timestamp) -> Event {
    Event {
        id: id(),
        occurred,
        event: name.to_owned(),
        resource: Resource::from([("prefect.resource.id".to_owned(), resource.to_owned())]),
        related: Vec::new(),
        payload: json!({"of": resource}),
        follows: None,
        received: occurred,
    }
}

pub(super) async fn events_are_found(subject: Arc<Subject>) {
    let client = &subject.client;
    let begun = now() - TimeDelta::minutes(1);
    // More than a server gives at once.
    let mut events: Vec<Event> = (0..120)
        .map(|number| event("lake.filled", &format!("lake.{number}"), begun + TimeDelta::milliseconds(number)))
        .collect();
    let mut last = event("river.crossed", "river.1", begun + TimeDelta::milliseconds(200));
    last.related.push(related_resource("bridge.1", "bridge", Some("Old Bridge")));
    (last.follows, last.payload) = (Some(events[119].id), json!({"deep": {"said": "Hello"}, "list": [1, null]}));
    events.push(last.clone());
    client.append_events(events.clone()).await.unwrap();
    client.append_events(vec![last.clone()]).await.unwrap();
    let all = || EventFilter { page: Page::ALL, ..EventFilter::default() };
    let of = |id: &str| ResourceFilter { ids: vec![id.to_owned()], ..ResourceFilter::default() };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    // What a server has acknowledged it may still be writing.
    subject.until("all are there", async || client.events(&all()).await.unwrap().len() == 121).await;
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    for (filter, expected) in [
        (all(), &ids[..]),
        (EventFilter { page: Page { limit: 60, offset: 55 }, ..all() }, &ids[55..115]),
        (
            EventFilter { event: EventNames { prefixes: names(&["river."]), ..Default::default() }, ..all() },
            &ids[120..],
        ),
        (
            EventFilter {
                event: EventNames { excluded_names: names(&["lake.filled"]), ..Default::default() },
                ..all()
            },
            &ids[120..],
        ),
        (EventFilter { resource: of("lake.7"), ..all() }, &ids[7..8]),
        (EventFilter { any_resource: vec![of("bridge.1")], ..all() }, &ids[120..]),
        (EventFilter { related: vec![of("bridge.1")], ..all() }, &ids[120..]),
        (EventFilter { resource: of("bridge.1"), ..all() }, &[]),
        (EventFilter { ids: ids[3..5].to_vec(), ..all() }, &ids[3..5]),
        (
            EventFilter { text: EventText { all: names(&["hello", "river"]), ..Default::default() }, ..all() },
            &ids[120..],
        ),
        (EventFilter { since: Some(events[118].occurred), ..all() }, &ids[118..]),
        (EventFilter { until: Some(events[2].occurred), ..all() }, &ids[..2]),
    ] {
        let found = client.events(&filter).await.unwrap();
        assert_eq!(found.iter().map(|event| event.id).collect::<Vec<_>>(), expected, "{filter:?}");
        let newest = EventFilter { order: Order::NewestFirst, page: Page::first(1), ..filter };
        let newest = client.events(&newest).await.unwrap();
        assert!(newest.len() == expected.len().min(1), "{newest:?}");
    }
    let newest = EventFilter { order: Order::NewestFirst, page: Page { limit: 2, offset: 0 }, ..all() };
    let newest = client.events(&newest).await.unwrap();
    assert_eq!(newest.iter().map(|event| event.id).collect::<Vec<_>>(), [ids[120], ids[119]]);
    let kept = Event { received: last.received, ..newest[0].clone() };
    assert_eq!(kept, last);
}

pub(super) async fn changes_of_state_are_events(subject: Arc<Subject>) {
    let client = &subject.client;
    let run = client.create_flow_run(running("told")).await.unwrap();
    let other = client.create_flow_run(running("other")).await.unwrap();
    let task = record(run.id, "task", &[StateType::Pending, StateType::Running, StateType::Completed]);
    client.record_task_runs(vec![task.clone()]).await.unwrap();
    client.set_flow_run_state(&run, state(StateType::Completed)).await.unwrap();
    let filter = EventFilter { flow_run_id: Some(run.id), page: Page::ALL, ..EventFilter::default() };
    let told = client.events(&filter).await.unwrap();
    let names: Vec<_> = told.iter().map(|event| &*event.event).collect();
    let expected = [
        "prefect.flow-run.Pending",
        "prefect.flow-run.Running",
        "prefect.task-run.Pending",
        "prefect.task-run.Running",
        "prefect.task-run.Completed",
        "prefect.flow-run.Completed",
    ];
    assert_eq!(names, expected);
    let ids: Vec<_> = client.flow_run_states(run.id).await.unwrap().iter().map(|state| state.id.0).collect();
    assert_eq!([told[0].id, told[1].id, told[5].id].as_slice(), ids);
    assert_eq!(told[4].id, task.run.state.id.0);
    assert_eq!(told[2].payload["intended"]["to"], Value::from("PENDING"));
    let all = EventFilter { page: Page::ALL, ..EventFilter::default() };
    let of_other = format!("prefect.flow-run.{}", other.id);
    assert!(client.events(&all).await.unwrap().iter().any(|event| event.resource_id() == of_other));
}
