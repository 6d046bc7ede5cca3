//! Task runs, as the engine's journal tells of them.

use std::sync::Arc;

use flowcore::model::{IdRange, Order, Page, StateType, TaskRunFilter, TaskRunId};

use super::Subject;
use super::rows::{followed, record, running, state};

use StateType::{Completed, Crashed, Failed, Pending, Running};

pub(super) async fn records_make_one_history(subject: Arc<Subject>) {
    let client = &subject.client;
    let run = client.create_flow_run(running("recorded")).await.unwrap();
    let first = record(run.id, "load", &[Pending, Running]);
    let second = followed(&first, &[Completed]);
    for records in [vec![first.clone()], vec![second.clone()], vec![first.clone(), second.clone()]] {
        client.record_task_runs(records).await.unwrap();
    }
    let found = client.task_runs(&TaskRunFilter { ids: Some(vec![first.run.id]), ..TaskRunFilter::default() }).await;
    let [read] = <[_; 1]>::try_from(found.unwrap()).unwrap();
    assert_eq!((&*read.name, read.flow_run_id, &*read.task_key), ("load", Some(run.id), "contract::task"));
    assert_eq!((&read.tags, &read.dynamic_key), (&first.run.tags, &first.run.dynamic_key));
    assert_eq!((read.state.id, read.times.run_count), (second.run.state.id, 1));
    assert_eq!((read.times.start_time, read.times.end_time), (second.run.times.start_time, second.run.times.end_time));
    let states = client.task_run_states(first.run.id).await.unwrap();
    let ids: Vec<_> = first.states.iter().chain(&second.states).map(|state| state.id).collect();
    assert_eq!(states.iter().map(|state| state.id).collect::<Vec<_>>(), ids);
}

pub(super) async fn task_runs_are_counted_by_state(subject: Arc<Subject>) {
    let client = &subject.client;
    let run = client.create_flow_run(running("counted")).await.unwrap();
    let other = client.create_flow_run(running("counted")).await.unwrap();
    let mut cached = record(run.id, "cached", &[Pending, Completed]);
    cached.run.state = cached.run.state.named("Cached");
    cached.states[1] = cached.run.state.clone();
    let records = vec![
        record(run.id, "a", &[Pending, Running, Completed]),
        record(run.id, "b", &[Pending, Running, Completed]),
        record(run.id, "c", &[Pending, Running, Failed]),
        cached,
        record(other.id, "d", &[Pending]),
    ];
    client.record_task_runs(records).await.unwrap();
    let counts = client.task_run_counts(run.id).await.unwrap();
    let counts: Vec<_> = counts.iter().map(|count| (count.kind, &*count.name, count.count)).collect();
    assert_eq!(counts, [(Completed, "Cached", 1), (Completed, "Completed", 2), (Failed, "Failed", 1)]);
}

pub(super) async fn open_task_runs_are_ended(subject: Arc<Subject>) {
    let client = &subject.client;
    let run = client.create_flow_run(running("open")).await.unwrap();
    let records = vec![
        record(run.id, "waits", &[Pending]),
        record(run.id, "runs", &[Pending, Running]),
        record(run.id, "has-ended", &[Pending, Running, Failed]),
    ];
    client.record_task_runs(records).await.unwrap();
    let ended = client.end_task_runs(run.id, 1, state(Crashed).message("it has died")).await.unwrap();
    assert_eq!(ended, 2);
    let filter = TaskRunFilter { flow_run_ids: Some(vec![run.id]), ..TaskRunFilter::default() };
    let runs = client.task_runs(&filter).await.unwrap();
    let kinds: Vec<_> = runs.iter().map(|run| (&*run.name, run.state.kind)).collect();
    assert_eq!(kinds, [("waits", Crashed), ("runs", Crashed), ("has-ended", Failed)]);
    assert_eq!(runs[1].state.message.as_deref(), Some("it has died"));
    assert_eq!(client.end_task_runs(run.id, 1, state(Crashed)).await.unwrap(), 0);
}

pub(super) async fn task_runs_are_found(subject: Arc<Subject>) {
    let client = &subject.client;
    let run = client.create_flow_run(running("found")).await.unwrap();
    let other = client.create_flow_run(running("found")).await.unwrap();
    let names = ["load-0", "load-1", "store-0", "load-2"];
    let kinds: [&[StateType]; 4] =
        [&[Pending], &[Pending, Running], &[Pending, Failed], &[Pending, Running, Completed]];
    let mut records: Vec<_> = names.iter().zip(kinds).map(|(name, kinds)| record(run.id, name, kinds)).collect();
    records.push(record(other.id, "load-0", &[Pending]));
    client.record_task_runs(records.clone()).await.unwrap();

    let here = || TaskRunFilter { flow_run_ids: Some(vec![run.id]), ..TaskRunFilter::default() };
    let text = |text: &str| Some(vec![text.to_owned()]);
    let id = records[2].run.id;
    let begins = IdRange::of_prefix(&id.to_string()).unwrap();
    for (filter, expected) in [
        (here(), &names[..]),
        (
            TaskRunFilter { order: Order::NewestFirst, page: Page { limit: 2, offset: 1 }, ..here() },
            &["store-0", "load-1"],
        ),
        (TaskRunFilter { page: Page { limit: 2, offset: 1 }, ..here() }, &["load-1", "store-0"]),
        (TaskRunFilter { names: text("load-1"), ..here() }, &["load-1"]),
        (TaskRunFilter { name_like: Some("load".to_owned()), ..here() }, &["load-0", "load-1", "load-2"]),
        (TaskRunFilter { state_types: Some(vec![Pending, Failed]), ..here() }, &["load-0", "store-0"]),
        (TaskRunFilter { state_names: text("Completed"), ..here() }, &["load-2"]),
        (TaskRunFilter { id_range: Some(begins), ..TaskRunFilter::default() }, &["store-0"]),
        (TaskRunFilter { ids: Some(vec![id, TaskRunId(run.id.0)]), ..TaskRunFilter::default() }, &["store-0"]),
        (TaskRunFilter { flow_run_ids: Some(vec![other.id]), ..TaskRunFilter::default() }, &["load-0"]),
        (TaskRunFilter { since: Some(records[2].run.times.expected_start_time), ..here() }, &["store-0", "load-2"]),
        (TaskRunFilter { until: Some(records[2].run.times.expected_start_time), ..here() }, &["load-0", "load-1"]),
    ] {
        let found = client.task_runs(&filter).await.unwrap();
        let found: Vec<_> = found.iter().map(|run| &*run.name).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}
