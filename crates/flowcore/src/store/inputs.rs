//! Keeping what is sent to flow runs.

use async_trait::async_trait;

use super::StoreError;
use crate::model::{FlowRunInput, FlowRunInputFilter};

/// A place for what is sent to flow runs. It goes with the run when that is deleted.
#[async_trait]
pub trait InputStore: Send + Sync + 'static {
    /// Keeps an input. One that is known already, by its id, stays as it is.
    async fn append_flow_run_input(&self, input: FlowRunInput) -> Result<(), StoreError>;

    /// Lists inputs, in the order of their ids.
    async fn flow_run_inputs(&self, filter: &FlowRunInputFilter) -> Result<Vec<FlowRunInput>, StoreError>;
}
