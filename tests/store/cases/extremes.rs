//! Values at the edge of what is possible.

use std::sync::Arc;

use flowcore::model::{FlowRunFilter, LogFilter, LogLevel, Page, StateType, TaskRunFilter};
use flowcore::store::Store;

use super::flow_runs::insert;
use crate::model::{at, flow, flow_run, flow_run_id, inline, json, log, task_record, task_run_id};

pub(crate) async fn all_of_unicode_is_kept(store: Arc<dyn Store>) {
    let text = "naïve 日本語 🦀 \u{1f469}\u{200d}\u{1f680} \" ' \\ ; -- \n\t\u{1} ";
    let mut run = flow_run(1);
    run.name = text.into();
    run.flow_name = text.into();
    run.tags = vec![text.into(), String::new()];
    run.labels.insert(text.into(), text.into());
    run.origin.idempotency_key = Some(text.into());
    run.state = run.state.message(text).named(text.to_owned());
    insert(&store, &run).await;
    assert_eq!(json(&store.flow_run(run.id).await.unwrap().unwrap()), json(&run));
    let by_name = FlowRunFilter {
        flow_names: Some(vec![text.into()]),
        name_like: Some("日本".into()),
        state_names: Some(vec![text.into()]),
        ..FlowRunFilter::default()
    };
    assert_eq!(store.flow_runs(&by_name).await.unwrap().len(), 1);

    let mut record = task_record(1, None, &[StateType::Pending, StateType::Running]);
    record.states[0] = record.states[0].clone().message(text);
    record.run.dynamic_key = text.into();
    store.record_task_runs(vec![record.clone()]).await.unwrap();
    assert_eq!(store.task_run_states(task_run_id(1)).await.unwrap(), record.states);
    assert_eq!(json(&store.task_runs(&TaskRunFilter::default()).await.unwrap()), json(&vec![record.run]));

    let kept = store.upsert_flow(flow(1, text)).await.unwrap();
    assert_eq!(kept.name, text);
    let mut line = log(1, None, None, LogLevel::Info);
    line.message = text.into();
    store.append_logs(vec![line.clone()]).await.unwrap();
    assert_eq!(store.logs(&LogFilter::default()).await.unwrap(), [line]);
}

pub(crate) async fn large_values_are_kept(store: Arc<dyn Store>) {
    let megabytes = format!("\"{}\"", "x".repeat(8 << 20));
    let mut record = task_record(1, None, &[StateType::Pending, StateType::Completed]);
    record.run.state = record.run.state.clone().data(inline(&megabytes));
    record.states[1] = record.run.state.clone();
    store.record_task_runs(vec![record.clone()]).await.unwrap();
    assert_eq!(store.task_run_states(task_run_id(1)).await.unwrap(), record.states);

    let mut run = flow_run(1);
    run.parameters = crate::model::raw(&megabytes);
    run.times.total_run_time = i64::MAX;
    run.times.run_count = i32::MAX;
    insert(&store, &run).await;
    let read = store.flow_run(run.id).await.unwrap().unwrap();
    assert_eq!(read.parameters.get(), megabytes);
    assert_eq!((read.times.total_run_time, read.times.run_count), (i64::MAX, i32::MAX));
}

pub(crate) async fn microseconds_are_kept(store: Arc<dyn Store>) {
    let mut run = flow_run(1);
    run.times.start_time = Some(at(1));
    run.times.end_time = Some(chrono::DateTime::from_timestamp_micros(-1).unwrap());
    insert(&store, &run).await;
    let read = store.flow_run(run.id).await.unwrap().unwrap();
    assert_eq!(read.times, run.times);
    assert_eq!(read.state.timestamp, run.state.timestamp);
    assert_eq!(read.created, run.created);
    assert_eq!(read.created.timestamp_subsec_micros() % 10, 8, "the last digit is there");
}

pub(crate) async fn long_lists_select(store: Arc<dyn Store>) {
    insert(&store, &flow_run(70_001)).await;
    store.record_task_runs(vec![task_record(70_002, None, &[StateType::Pending])]).await.unwrap();
    // More than either database takes as parameters.
    let ids = Some((0..70_010).map(flow_run_id).collect());
    let filter = FlowRunFilter { ids, page: Page::ALL, ..FlowRunFilter::default() };
    assert_eq!(store.flow_runs(&filter).await.unwrap().len(), 1);
    let ids = Some((0..70_010).map(task_run_id).collect());
    let filter = TaskRunFilter { ids, page: Page::ALL, ..TaskRunFilter::default() };
    assert_eq!(store.task_runs(&filter).await.unwrap().len(), 1);
}
