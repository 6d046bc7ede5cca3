//! The end of a store.

use std::sync::Arc;

use flowcore::model::{FlowFilter, ProcessId, StateType};
use flowcore::store::{Store, StoreError};

use super::flow_runs::insert;
use crate::model::{flow, flow_run, id, moved, task_record};

pub(crate) async fn a_closed_store_refuses_everything(store: Arc<dyn Store>) {
    let run = flow_run(1);
    insert(&store, &run).await;
    store.close().await.unwrap();
    store.close().await.unwrap();
    let next = moved(&run, StateType::Pending, 1);
    let record = task_record(1, None, &[StateType::Pending]);
    let errors = [
        store.upsert_flow(flow(1, "a")).await.map(drop),
        store.swap_flow_run(next, run.state.id).await.map(drop),
        store.record_task_runs(vec![record]).await.map(drop),
        store.flow_run(run.id).await.map(drop),
        store.limits().await.map(drop),
        store.remove_slots_of(&[ProcessId(id(5, 1))]).await.map(drop),
        store.delete_variable("a").await.map(drop),
        store.flows(&FlowFilter::default()).await.map(drop),
    ];
    for error in errors {
        assert!(matches!(error, Err(StoreError::Closed)), "{error:?}");
    }
}
