//! Flows, and the store before anything is in it.

use std::sync::Arc;

use flowcore::model::{
    ArtifactFilter, EventFilter, FlowFilter, FlowRunFilter, LogFilter, Page, StateType, TaskRunFilter,
};
use flowcore::store::{Recorded, Store, Swap};

use crate::model::{at, flow, flow_run, flow_run_id, state, task_run_id};

pub(crate) async fn an_empty_store_is_empty(store: Arc<dyn Store>) {
    assert!(store.flows(&FlowFilter::default()).await.unwrap().is_empty());
    assert!(store.flow_runs(&FlowRunFilter::default()).await.unwrap().is_empty());
    assert!(store.flow_run(flow_run_id(1)).await.unwrap().is_none());
    assert!(store.flow_run_states(flow_run_id(1)).await.unwrap().is_empty());
    assert!(store.task_runs(&TaskRunFilter::default()).await.unwrap().is_empty());
    assert!(store.task_run_states(task_run_id(1)).await.unwrap().is_empty());
    assert!(store.logs(&LogFilter::default()).await.unwrap().is_empty());
    assert!(store.artifacts(&ArtifactFilter::default()).await.unwrap().is_empty());
    assert!(store.events(&EventFilter::default()).await.unwrap().is_empty());
    assert!(store.processes().await.unwrap().is_empty());
    assert!(store.active_flow_runs().await.unwrap().is_empty());
    assert!(!store.delete_flow_run(flow_run_id(1)).await.unwrap());
    assert_eq!(store.record_task_runs(vec![]).await.unwrap(), Recorded::default());
    store.append_logs(vec![]).await.unwrap();
    store.append_events(vec![]).await.unwrap();
    let crashed = state(StateType::Crashed, 1, 9);
    assert_eq!(store.end_task_runs(flow_run_id(1), 1, crashed.clone(), at(9)).await.unwrap(), 0);
    assert!(matches!(store.swap_flow_run(flow_run(1), crashed.id).await.unwrap(), Swap::Missing));
}

pub(crate) async fn a_flow_is_kept_once_by_its_name(store: Arc<dyn Store>) {
    let first = store.upsert_flow(flow(1, "etl")).await.unwrap();
    assert_eq!(first, flow(1, "etl"));
    let mut again = flow(2, "etl");
    again.tags = vec!["two".into(), "three".into()];
    let second = store.upsert_flow(again).await.unwrap();
    assert_eq!((second.id, second.created), (first.id, first.created));
    assert_eq!(second.tags, ["two", "three"]);
    assert_eq!(store.flows(&FlowFilter::default()).await.unwrap(), [second]);
}

pub(crate) async fn flows_are_listed_by_name_and_page(store: Arc<dyn Store>) {
    for (number, name) in ["b", "Z", "a", "ä", "a%b", "a_b"].into_iter().enumerate() {
        store.upsert_flow(flow(number as u64, name)).await.unwrap();
    }
    let names = async |name_like: Option<&str>, page| {
        let filter = FlowFilter { name_like: name_like.map(str::to_owned), page };
        let flows = store.flows(&filter).await.unwrap();
        flows.into_iter().map(|flow| flow.name).collect::<Vec<_>>()
    };
    assert_eq!(names(None, Page::ALL).await, ["Z", "a", "a%b", "a_b", "b", "ä"]);
    assert_eq!(names(None, Page { limit: 2, offset: 1 }).await, ["a", "a%b"]);
    assert_eq!(names(None, Page::first(0)).await, [""; 0]);
    // Letters match in either case; signs that SQL gives a meaning are themselves.
    assert_eq!(names(Some("A"), Page::ALL).await, ["a", "a%b", "a_b"]);
    assert_eq!(names(Some("z"), Page::ALL).await, ["Z"]);
    assert_eq!(names(Some("%"), Page::ALL).await, ["a%b"]);
    assert_eq!(names(Some("_"), Page::ALL).await, ["a_b"]);
}
