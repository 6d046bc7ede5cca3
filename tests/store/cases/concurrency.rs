//! Many callers at once.

use std::sync::Arc;

use flowcore::model::{FlowRunFilter, LogFilter, LogLevel, Page, StateType, TaskRunFilter};
use flowcore::store::{Store, Swap};
use tokio::task::JoinSet;

use super::flow_runs::insert;
use crate::model::{flow_run, flow_run_id, log, moved, task_record};

pub(crate) async fn one_of_many_swaps_wins(store: Arc<dyn Store>) {
    let mut run = flow_run(1);
    insert(&store, &run).await;
    for round in 0..10 {
        let mut callers = JoinSet::new();
        for caller in 0..64 {
            let (store, expected) = (store.clone(), run.state.id);
            let next = moved(&run, StateType::Pending, 1 + round * 64 + caller);
            callers.spawn(async move { (store.swap_flow_run(next.clone(), expected).await.unwrap(), next) });
        }
        let outcomes = callers.join_all().await;
        let applied: Vec<_> = outcomes.iter().filter(|(swap, _)| matches!(swap, Swap::Applied)).collect();
        assert_eq!(applied.len(), 1);
        let winner = applied[0].1.clone();
        for (swap, _) in &outcomes {
            assert!(!matches!(swap, Swap::Conflict(present) if present.state.id != winner.state.id));
        }
        assert_eq!(store.flow_run(run.id).await.unwrap().unwrap().state, winner.state);
        run = winner;
    }
    assert_eq!(store.flow_run_states(run.id).await.unwrap().len(), 11);
}

/// Callers that expect each other's states: whatever the order of arrival, each is applied or conflicts.
pub(crate) async fn chains_of_swaps_reach_their_end(store: Arc<dyn Store>) {
    insert(&store, &flow_run(1)).await;
    let mut callers = JoinSet::new();
    for place in 1..=32 {
        let store = store.clone();
        callers.spawn(async move {
            let before = moved(&flow_run(1), StateType::Pending, place - 1);
            let next = moved(&flow_run(1), StateType::Pending, place);
            loop {
                match store.swap_flow_run(next.clone(), before.state.id).await.unwrap() {
                    Swap::Applied => return,
                    Swap::Conflict(_) => tokio::task::yield_now().await,
                    Swap::Missing => panic!("the run is there"),
                }
            }
        });
    }
    callers.join_all().await;
    let states = store.flow_run_states(flow_run_id(1)).await.unwrap();
    assert_eq!(states.len(), 33);
    assert!(states.is_sorted_by_key(|state| state.id));
}

pub(crate) async fn many_writers_lose_nothing(store: Arc<dyn Store>) {
    let mut callers = JoinSet::new();
    for caller in 1..=32_u64 {
        let store = store.clone();
        callers.spawn(async move {
            let run = flow_run(caller);
            insert(&store, &run).await;
            for number in 0..20 {
                let number = caller * 100 + number;
                let record = task_record(number, Some((run.id, 0)), &[StateType::Pending, StateType::Completed]);
                let recorded = store.record_task_runs(vec![record]).await.unwrap();
                assert!(recorded.refused.is_empty());
                store.append_logs(vec![log(number, Some(caller), None, LogLevel::Info)]).await.unwrap();
            }
            let next = moved(&run, StateType::Completed, 1);
            assert!(matches!(store.swap_flow_run(next, run.state.id).await.unwrap(), Swap::Applied));
        });
    }
    callers.join_all().await;
    let page = Page::ALL;
    assert_eq!(store.task_runs(&TaskRunFilter { page, ..TaskRunFilter::default() }).await.unwrap().len(), 640);
    assert_eq!(store.logs(&LogFilter { page, ..LogFilter::default() }).await.unwrap().len(), 640);
    let state_types = Some(vec![StateType::Completed]);
    let completed = FlowRunFilter { state_types, page, ..FlowRunFilter::default() };
    assert_eq!(store.flow_runs(&completed).await.unwrap().len(), 32);
}

pub(crate) async fn a_caller_that_gives_up_harms_nobody(store: Arc<dyn Store>) {
    let mut callers = JoinSet::new();
    for number in 1..=200 {
        let store = store.clone();
        callers.spawn(async move {
            let records: Vec<_> =
                (0..50).map(|row| task_record(number * 100 + row, None, &[StateType::Pending])).collect();
            store.record_task_runs(records).await.unwrap();
        });
    }
    // Half of them are dropped wherever they are.
    let mut left = 0;
    while let Some(done) = callers.join_next().await {
        done.unwrap();
        left += 1;
        if left == 100 {
            callers.abort_all();
            break;
        }
    }
    while let Some(done) = callers.join_next().await {
        left += usize::from(done.is_ok());
    }
    let page = Page::ALL;
    // Each answered caller's rows are there, and each caller's rows are there as a whole.
    store.append_logs(vec![log(1, None, None, LogLevel::Info)]).await.unwrap();
    let rows = store.task_runs(&TaskRunFilter { page, ..TaskRunFilter::default() }).await.unwrap().len();
    assert!(rows >= left * 50 && rows % 50 == 0, "{rows} rows, {left} callers");
    assert_eq!(store.logs(&LogFilter::default()).await.unwrap().len(), 1);
}
