//! What people ask of runs: to end, and to go on behind a pause.

use async_trait::async_trait;
use serde_json::Value;

use super::ClientError;
use crate::model::{FlowRun, FlowRunId, ProcessId};
use crate::orchestration::{Orchestrator, Resumption, RunDecision};

/// Asks runs to end or to go on.
#[async_trait]
pub trait RunControl: Send + Sync + 'static {
    /// Asks a flow run to end: CANCELLING where a process executes it, CANCELLED where nobody does.
    async fn cancel_flow_run(&self, run: &FlowRun) -> Result<RunDecision, ClientError>;

    /// Lets a paused flow run go on, with what it wants to be told: RUNNING where its process waits, SCHEDULED if it is
    /// suspended.
    async fn resume_flow_run(&self, run: &FlowRun, input: Option<Value>) -> Result<Resumption, ClientError>;

    /// Lists the flow runs of a process that were asked to end and have not ended.
    async fn cancelling_flow_runs(&self, process: ProcessId) -> Result<Vec<FlowRunId>, ClientError>;
}

#[async_trait]
impl RunControl for Orchestrator {
    async fn cancel_flow_run(&self, run: &FlowRun) -> Result<RunDecision, ClientError> {
        Ok(Orchestrator::cancel_flow_run(self, run).await?)
    }

    async fn resume_flow_run(&self, run: &FlowRun, input: Option<Value>) -> Result<Resumption, ClientError> {
        Ok(Orchestrator::resume_flow_run(self, run, input).await?)
    }

    async fn cancelling_flow_runs(&self, process: ProcessId) -> Result<Vec<FlowRunId>, ClientError> {
        Ok(self.store().cancelling_flow_runs(process).await?)
    }
}
