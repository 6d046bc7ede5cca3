//! Log lines and events.

use std::sync::Arc;

use flowcore::model::{EventFilter, LogFilter, LogId, LogLevel, Order, Page, StateType};
use flowcore::store::Store;

use super::flow_runs::{advance, insert};
use crate::model::{event, flow_run, flow_run_id, log, record_behind, task_record, task_run_id};

async fn lines(store: &Arc<dyn Store>, filter: LogFilter) -> Vec<u64> {
    let lines = store.logs(&filter).await.unwrap();
    lines.into_iter().map(|line| number(line.id)).collect()
}

fn number(LogId(id): LogId) -> u64 {
    id.as_u64_pair().1 & 0xffff
}

pub(crate) async fn log_lines_are_listed_oldest_first(store: Arc<dyn Store>) {
    let line = |number| log(number, None, None, LogLevel::Info);
    store.append_logs(vec![line(5), line(2), line(4)]).await.unwrap();
    // A line that was sent twice is there once.
    store.append_logs(vec![line(3), line(2)]).await.unwrap();
    assert_eq!(lines(&store, LogFilter::default()).await, [2, 3, 4, 5], "2 and 3, 4 and 5 share their times");
    let page = Page { limit: 2, offset: 1 };
    assert_eq!(lines(&store, LogFilter { page, ..LogFilter::default() }).await, [3, 4]);
    assert_eq!(store.logs(&LogFilter::default()).await.unwrap()[0], line(2));
    let order = Order::NewestFirst;
    assert_eq!(lines(&store, LogFilter { order, page, ..LogFilter::default() }).await, [4, 3]);
}

pub(crate) async fn log_lines_are_filtered(store: Arc<dyn Store>) {
    let rows = [
        log(1, Some(1), None, LogLevel::Trace),
        log(2, Some(1), Some(1), LogLevel::Error),
        log(3, Some(2), Some(2), LogLevel::Warning),
        log(4, None, None, LogLevel::Info),
    ];
    store.append_logs(rows.to_vec()).await.unwrap();
    let none = LogFilter::default;
    assert_eq!(lines(&store, LogFilter { flow_run_id: Some(flow_run_id(1)), ..none() }).await, [1, 2]);
    assert_eq!(lines(&store, LogFilter { task_run_id: Some(task_run_id(2)), ..none() }).await, [3]);
    assert_eq!(lines(&store, LogFilter { level: Some(LogLevel::Warning), ..none() }).await, [2, 3]);
    let graver = LogFilter { flow_run_id: Some(flow_run_id(1)), level: Some(LogLevel::Debug), ..none() };
    assert_eq!(lines(&store, graver).await, [2]);
    assert_eq!(store.logs(&none()).await.unwrap(), rows);
}

/// A flow run with three states, a task run with three, and an event that is nobody's.
async fn history(store: &Arc<dyn Store>) {
    insert(store, &flow_run(1)).await;
    let run = advance(store, &flow_run(1), StateType::Pending, 1).await;
    advance(store, &run, StateType::Running, 2).await;
    let of = Some((flow_run_id(1), 1));
    store.record_task_runs(vec![task_record(1, of, &[StateType::Pending, StateType::Running])]).await.unwrap();
    store.record_task_runs(vec![record_behind(1, of, 2, &[StateType::Completed])]).await.unwrap();
    store.record_task_runs(vec![task_record(2, None, &[StateType::Pending])]).await.unwrap();
    insert(store, &flow_run(2)).await;
    let own = vec![event(1, 1_001, None), event(2, 500_000, Some(1)), event(3, 5_000_000, Some(2))];
    store.append_events(own.clone()).await.unwrap();
    store.append_events(own).await.unwrap();
}

async fn names(store: &Arc<dyn Store>, filter: EventFilter) -> Vec<String> {
    let events = store.events(&filter).await.unwrap();
    assert!(events.is_sorted_by_key(|event| (event.occurred, event.id)));
    events.into_iter().map(|event| event.event).collect()
}

const ALL: [&str; 11] = [
    "prefect.flow-run.Scheduled",
    "prefect.flow-run.Pending",
    "order.placed",
    "prefect.flow-run.Running",
    "prefect.flow-run.Scheduled",
    "order.placed",
    "prefect.task-run.Pending",
    "prefect.task-run.Running",
    "prefect.task-run.Completed",
    "prefect.task-run.Pending",
    "order.placed",
];

pub(crate) async fn events_are_merged_in_order_of_time(store: Arc<dyn Store>) {
    history(&store).await;
    assert_eq!(names(&store, EventFilter::default()).await, ALL);
    let events = store.events(&EventFilter::default()).await.unwrap();
    assert_eq!(events[2], event(1, 1_001, None));
    assert_eq!(events[7].resource["prefect.resource.id"], format!("prefect.task-run.{}", task_run_id(1)));
    assert_eq!(events[7].related[0]["prefect.resource.id"], format!("prefect.flow-run.{}", flow_run_id(1)));
    assert_eq!(events[0].related[0]["prefect.resource.name"], "etl");
}

pub(crate) async fn events_of_a_flow_run(store: Arc<dyn Store>) {
    history(&store).await;
    let of_one = EventFilter { flow_run_id: Some(flow_run_id(1)), ..EventFilter::default() };
    let expected = [ALL[0], ALL[1], ALL[3], ALL[5], ALL[6], ALL[7], ALL[8]];
    assert_eq!(names(&store, of_one).await, expected);
    let of_two = EventFilter { flow_run_id: Some(flow_run_id(2)), ..EventFilter::default() };
    assert_eq!(names(&store, of_two).await, [ALL[4], ALL[10]]);
    let of_none = EventFilter { flow_run_id: Some(flow_run_id(3)), ..EventFilter::default() };
    assert_eq!(names(&store, of_none).await, [""; 0]);
}

pub(crate) async fn events_are_paged(store: Arc<dyn Store>) {
    history(&store).await;
    let page = |limit, offset| EventFilter { page: Page { limit, offset }, ..EventFilter::default() };
    assert_eq!(names(&store, page(3, 0)).await, ALL[..3]);
    assert_eq!(names(&store, page(4, 5)).await, ALL[5..9]);
    assert_eq!(names(&store, page(4, 9)).await, ALL[9..]);
    assert_eq!(names(&store, page(0, 0)).await, [""; 0]);
    assert_eq!(names(&store, page(4, 20)).await, [""; 0]);
}
