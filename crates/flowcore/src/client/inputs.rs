//! Sending values to flow runs, and reading them.

use async_trait::async_trait;

use super::ClientError;
use crate::model::{FlowRunInput, FlowRunInputFilter};
use crate::orchestration::Orchestrator;

/// Sends values to flow runs, and reads them.
#[async_trait]
pub trait InputClient: Send + Sync + 'static {
    /// Keeps an input for a flow run.
    async fn append_flow_run_input(&self, input: FlowRunInput) -> Result<(), ClientError>;

    /// Lists inputs, in the order of their ids.
    async fn flow_run_inputs(&self, filter: &FlowRunInputFilter) -> Result<Vec<FlowRunInput>, ClientError>;
}

#[async_trait]
impl InputClient for Orchestrator {
    async fn append_flow_run_input(&self, input: FlowRunInput) -> Result<(), ClientError> {
        Ok(self.store().append_flow_run_input(input).await?)
    }

    async fn flow_run_inputs(&self, filter: &FlowRunInputFilter) -> Result<Vec<FlowRunInput>, ClientError> {
        Ok(self.store().flow_run_inputs(filter).await?)
    }
}
