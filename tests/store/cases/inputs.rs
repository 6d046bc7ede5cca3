//! What is sent to flow runs.

use std::sync::Arc;

use flowcore::model::{FlowRunInput, FlowRunInputFilter, InputId};
use flowcore::store::Store;
use serde_json::value::RawValue;

use super::flow_runs::insert;
use crate::model::{at, flow_run, flow_run_id, id};

fn input(number: u64, run: u64, key: &str, value: &str) -> FlowRunInput {
    FlowRunInput {
        id: InputId(id(7, number)),
        flow_run_id: flow_run_id(run),
        key: key.to_owned(),
        value: RawValue::from_string(value.to_owned()).unwrap(),
        sender: number.is_multiple_of(2).then(|| flow_run_id(9)),
        created: at(number.cast_signed()),
    }
}

async fn listed(store: &Arc<dyn Store>, filter: FlowRunInputFilter) -> Vec<InputId> {
    store.flow_run_inputs(&filter).await.unwrap().into_iter().map(|input| input.id).collect()
}

pub(crate) async fn inputs_are_listed_in_the_order_of_their_ids(store: Arc<dyn Store>) {
    for number in [3, 1, 2] {
        store.append_flow_run_input(input(number, 1, "a", r#"{"b": 1.50, "c": "Ω"}"#)).await.unwrap();
    }
    // Sent twice it is there once, as it was first.
    store.append_flow_run_input(input(2, 1, "other", "0")).await.unwrap();
    let inputs = store.flow_run_inputs(&FlowRunInputFilter::of(flow_run_id(1))).await.unwrap();
    assert_eq!(inputs.len(), 3);
    for (kept, number) in inputs.iter().zip(1..) {
        let sent = input(number, 1, "a", r#"{"b": 1.50, "c": "Ω"}"#);
        assert_eq!(serde_json::to_string(kept).unwrap(), serde_json::to_string(&sent).unwrap());
    }
    assert!(store.flow_run_inputs(&FlowRunInputFilter::of(flow_run_id(2))).await.unwrap().is_empty());
}

pub(crate) async fn inputs_are_filtered_and_deleted_with_their_run(store: Arc<dyn Store>) {
    for run in [1, 2] {
        insert(&store, &flow_run(run)).await;
    }
    for (number, run, key) in [(1, 1, "a"), (2, 1, "b"), (3, 1, "a"), (4, 2, "a")] {
        store.append_flow_run_input(input(number, run, key, "null")).await.unwrap();
    }
    let all = || FlowRunInputFilter::of(flow_run_id(1));
    let ids = |numbers: &[u64]| numbers.iter().map(|number| InputId(id(7, *number))).collect::<Vec<_>>();
    assert_eq!(listed(&store, FlowRunInputFilter { key: Some("a".into()), ..all() }).await, ids(&[1, 3]));
    assert_eq!(listed(&store, FlowRunInputFilter { since: Some(at(2)), ..all() }).await, ids(&[2, 3]));
    assert_eq!(listed(&store, FlowRunInputFilter { id: Some(InputId(id(7, 2))), ..all() }).await, ids(&[2]));
    assert_eq!(listed(&store, FlowRunInputFilter { id: Some(InputId(id(7, 4))), ..all() }).await, ids(&[]));
    assert!(store.delete_flow_run(flow_run_id(1)).await.unwrap());
    assert!(listed(&store, all()).await.is_empty());
    assert_eq!(listed(&store, FlowRunInputFilter::of(flow_run_id(2))).await, ids(&[4]));
}
