//! Looking through all events, in SQLite and PostgreSQL: the memory store is not a server's.

use std::ops::ControlFlow;
use std::sync::Arc;

use flowcore::model::{Event, EventFilter, StateType};
use flowcore::store::{ServerStore, sql};
use tempfile::TempDir;

use crate::backend;
use crate::deleting::insert;
use crate::model::{flow, flow_run, flow_run_id, task_record};
use crate::records::on_both;

async fn who_has_seen_enough_is_shown_no_more(store: Arc<dyn ServerStore>) {
    store.upsert_flow(flow(1, "etl")).await.unwrap();
    insert(&*store, flow_run(1)).await;
    insert(&*store, flow_run(2)).await;
    let run = |number| task_record(number, Some((flow_run_id(1), 0)), &[StateType::Pending, StateType::Running]);
    store.record_task_runs((1..=20).map(run).collect()).await.unwrap();
    let see = |enough: usize| {
        let store = store.clone();
        async move {
            let mut seen = Vec::new();
            let visitor = &mut |event: Event| {
                seen.push(event.id);
                if seen.len() == enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            store.visit_events(&EventFilter::default(), visitor).await.unwrap();
            seen.sort_unstable();
            seen.dedup();
            seen.len()
        }
    };
    assert_eq!(see(usize::MAX).await, 2 + 20 * 2, "each event once");
    for enough in [1, 2, 3, 30] {
        assert_eq!(see(enough).await, enough);
    }
}

on_both!(who_has_seen_enough_is_shown_no_more);
