//! What was sent to flow runs: the store's face for it, and its question.

use async_trait::async_trait;

use crate::model::{FlowRunInput, FlowRunInputFilter};
use crate::store::{InputStore, StoreError};

use super::dialect::Dialect;
use super::driver::Statement;
use super::rows::{INPUT_COLUMNS, input, micros};
use super::select::Select;
use super::store::SqlStore;

#[async_trait]
impl InputStore for SqlStore {
    async fn append_flow_run_input(&self, input: FlowRunInput) -> Result<(), StoreError> {
        self.writer.submit(|batch| &mut batch.inputs, input, 1).await
    }

    async fn flow_run_inputs(&self, filter: &FlowRunInputFilter) -> Result<Vec<FlowRunInput>, StoreError> {
        self.readers.fetch(|dialect| inputs(dialect, filter)).await?.iter().map(input).collect()
    }
}

fn inputs(dialect: Dialect, filter: &FlowRunInputFilter) -> Statement {
    let mut select = Select::new(dialect, INPUT_COLUMNS, "flow_run_inputs");
    select.uuid("flow_run_id", Some(filter.flow_run_id.0));
    select.text("key", filter.key.as_deref());
    select.uuid("id", filter.id.map(|id| id.0));
    select.compare("created >=", filter.since.map(micros));
    select.end(" ORDER BY id")
}
