//! What was sent to flow runs.

use async_trait::async_trait;

use crate::model::{FlowRunInput, FlowRunInputFilter};
use crate::store::{InputStore, StoreError};

use super::store::MemoryStore;
use super::tables::Tables;

impl Tables {
    fn select_inputs(&self, filter: &FlowRunInputFilter) -> Vec<FlowRunInput> {
        let selected = |input: &&FlowRunInput| {
            input.flow_run_id == filter.flow_run_id
                && filter.key.as_ref().is_none_or(|key| input.key == *key)
                && filter.id.is_none_or(|id| input.id == id)
                && filter.since.is_none_or(|since| input.created >= since)
        };
        self.inputs.values().filter(selected).cloned().collect()
    }
}

#[async_trait]
impl InputStore for MemoryStore {
    async fn append_flow_run_input(&self, input: FlowRunInput) -> Result<(), StoreError> {
        self.with(|tables| {
            tables.inputs.entry(input.id).or_insert(input);
        })
    }

    async fn flow_run_inputs(&self, filter: &FlowRunInputFilter) -> Result<Vec<FlowRunInput>, StoreError> {
        self.with(|tables| tables.select_inputs(filter))
    }
}
