//! Deleting flows and task runs, in SQLite and PostgreSQL: the memory store is not a server's.

use std::sync::Arc;

use flowcore::model::{FlowRun, FlowRunFilter, LogFilter, LogLevel, StateType, TaskRunFilter};
use flowcore::store::{ServerStore, sql};
use tempfile::TempDir;

use crate::backend;
use crate::model::{flow, flow_run, flow_run_id, log, task_record, task_run_id};
use crate::records::on_both;

/// Keeps a flow run in its first state.
pub(crate) async fn insert(store: &dyn ServerStore, run: FlowRun) {
    let states = vec![run.state.clone()];
    store.insert_flow_run(run, states).await.unwrap();
}

async fn a_flow_is_gone_at_once_and_its_runs_are_deleted_behind_it(store: Arc<dyn ServerStore>) {
    const RUNS: u64 = 250;
    let gone = store.upsert_flow(flow(1, "etl")).await.unwrap();
    let other = store.upsert_flow(flow(2, "other")).await.unwrap();
    for number in 0..RUNS {
        insert(&*store, flow_run(number)).await;
    }
    let mut stays = flow_run(RUNS);
    stays.flow_id = other.id;
    insert(&*store, stays).await;
    let long = (0..4500).map(|number| log(number, Some(7), None, LogLevel::Info)).collect();
    store.append_logs(long).await.unwrap();

    assert!(store.delete_flow(gone.id).await.unwrap());
    assert!(!store.delete_flow(gone.id).await.unwrap(), "it is gone already");
    let mut rounds = 1;
    while store.purge_flows().await.unwrap() {
        rounds += 1;
    }
    assert!((4..20).contains(&rounds), "{rounds} transactions, each of a bounded length");
    let left = store.flow_runs(&FlowRunFilter::default()).await.unwrap();
    assert_eq!(left.iter().map(|run| run.id).collect::<Vec<_>>(), [flow_run_id(RUNS)]);
    assert_eq!(store.logs(&LogFilter::default()).await.unwrap(), []);
    assert_eq!(store.flow_run_states(flow_run_id(7)).await.unwrap(), []);
}

async fn a_deleted_task_run_leaves_its_subflow_without_a_parent(store: Arc<dyn ServerStore>) {
    store.upsert_flow(flow(1, "etl")).await.unwrap();
    insert(&*store, flow_run(1)).await;
    let mut child = flow_run(2);
    child.parent_task_run_id = Some(task_run_id(5));
    insert(&*store, child).await;
    let kinds = [StateType::Pending];
    store.record_task_runs(vec![task_record(5, Some((flow_run_id(1), 0)), &kinds)]).await.unwrap();
    store.append_logs(vec![log(1, Some(1), Some(5), LogLevel::Info)]).await.unwrap();

    assert!(store.delete_task_run(task_run_id(5)).await.unwrap());
    assert!(!store.delete_task_run(task_run_id(5)).await.unwrap());
    assert!(store.task_runs(&TaskRunFilter::default()).await.unwrap().is_empty());
    assert_eq!(store.logs(&LogFilter::default()).await.unwrap(), []);
    let child = store.flow_run(flow_run_id(2)).await.unwrap().unwrap();
    assert_eq!(child.parent_task_run_id, None);
}

on_both!(
    a_flow_is_gone_at_once_and_its_runs_are_deleted_behind_it,
    a_deleted_task_run_leaves_its_subflow_without_a_parent
);
