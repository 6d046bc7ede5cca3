//! The client of an orchestrator in the same process: each method is one call.

use async_trait::async_trait;

use super::{Client, ClientError};
use crate::model::{
    Event, EventFilter, Flow, FlowFilter, FlowRun, FlowRunFilter, FlowRunId, LogFilter, LogLine, ProcessId,
    ProcessLease, RetryPolicy, State, StateCount, TaskRun, TaskRunFilter, TaskRunId, TaskRunRecord,
};
use crate::orchestration::{Executor, NewFlowRun, Orchestrator, Probe, RunDecision};
use crate::store::Recorded;

#[async_trait]
impl Client for Orchestrator {
    async fn create_flow_run(&self, new: NewFlowRun) -> Result<FlowRun, ClientError> {
        Ok(Orchestrator::create_flow_run(self, new).await?)
    }

    async fn set_flow_run_state(&self, run: &FlowRun, proposed: State) -> Result<RunDecision, ClientError> {
        Ok(Orchestrator::set_flow_run_state(self, run, proposed).await?)
    }

    async fn claim_flow_run(
        &self,
        run: &FlowRun,
        executor: Executor,
        policy: RetryPolicy,
    ) -> Result<RunDecision, ClientError> {
        Ok(Orchestrator::claim_flow_run(self, run, executor, policy).await?)
    }

    async fn retry_flow_run(&self, run: &FlowRun) -> Result<RunDecision, ClientError> {
        Ok(Orchestrator::retry_flow_run(self, run).await?)
    }

    async fn delete_flow_run(&self, id: FlowRunId) -> Result<bool, ClientError> {
        Ok(self.store().delete_flow_run(id).await?)
    }

    async fn record_task_runs(&self, records: Vec<TaskRunRecord>) -> Result<Recorded, ClientError> {
        Ok(self.store().record_task_runs(records).await?)
    }

    async fn end_task_runs(&self, id: FlowRunId, attempt: i32, state: State) -> Result<u64, ClientError> {
        let now = state.timestamp;
        Ok(self.store().end_task_runs(id, attempt, state, now).await?)
    }

    async fn append_logs(&self, lines: Vec<LogLine>) -> Result<(), ClientError> {
        Ok(self.store().append_logs(lines).await?)
    }

    async fn append_events(&self, events: Vec<Event>) -> Result<(), ClientError> {
        Ok(self.store().append_events(events).await?)
    }

    async fn put_process(&self, lease: ProcessLease) -> Result<(), ClientError> {
        Ok(self.store().put_process(lease).await?)
    }

    async fn remove_process(&self, id: ProcessId) -> Result<(), ClientError> {
        // First, so that nothing is left of a process that nobody knows.
        self.store().remove_slots_of(&[id]).await?;
        Ok(self.store().remove_process(id).await?)
    }

    async fn crash_abandoned_runs(&self, probe: &dyn Probe) -> Result<Vec<FlowRun>, ClientError> {
        Ok(Orchestrator::crash_abandoned_runs(self, probe).await?)
    }

    async fn flows(&self, filter: &FlowFilter) -> Result<Vec<Flow>, ClientError> {
        Ok(self.store().flows(filter).await?)
    }

    async fn flow_run(&self, id: FlowRunId) -> Result<Option<FlowRun>, ClientError> {
        Ok(self.store().flow_run(id).await?)
    }

    async fn flow_runs(&self, filter: &FlowRunFilter) -> Result<Vec<FlowRun>, ClientError> {
        Ok(self.store().flow_runs(filter).await?)
    }

    async fn flow_run_states(&self, id: FlowRunId) -> Result<Vec<State>, ClientError> {
        Ok(self.store().flow_run_states(id).await?)
    }

    async fn task_runs(&self, filter: &TaskRunFilter) -> Result<Vec<TaskRun>, ClientError> {
        Ok(self.store().task_runs(filter).await?)
    }

    async fn task_run_counts(&self, id: FlowRunId) -> Result<Vec<StateCount>, ClientError> {
        Ok(self.store().task_run_counts(id).await?)
    }

    async fn task_run_states(&self, id: TaskRunId) -> Result<Vec<State>, ClientError> {
        Ok(self.store().task_run_states(id).await?)
    }

    async fn logs(&self, filter: &LogFilter) -> Result<Vec<LogLine>, ClientError> {
        Ok(self.store().logs(filter).await?)
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<Event>, ClientError> {
        Ok(self.store().events(filter).await?)
    }

    async fn close(&self) -> Result<(), ClientError> {
        Ok(self.store().close().await?)
    }
}
