//! The store's face to what a server's clients report.

use async_trait::async_trait;

use crate::model::{FlowRun, FlowRunId, StateId, TaskRun};
use crate::store::edits::{EditStore, FlowRunEdit};
use crate::store::{StoreError, Swap};

use super::store::SqlStore;

#[async_trait]
impl EditStore for SqlStore {
    async fn edit_flow_run(&self, id: FlowRunId, edit: FlowRunEdit) -> Result<Option<FlowRun>, StoreError> {
        Ok(self.writer().submit(|batch| &mut batch.edits, (id, edit), 2).await?.map(|run| *run))
    }

    async fn observe_task_runs(&self, seen: Vec<TaskRun>) -> Result<(), StoreError> {
        if seen.is_empty() {
            return Ok(());
        }
        let rows = 2 * seen.len();
        self.writer().submit(|batch| &mut batch.observations, seen, rows).await
    }

    async fn swap_task_run(&self, run: TaskRun, expected: StateId) -> Result<Swap<TaskRun>, StoreError> {
        self.writer().submit(|batch| &mut batch.task_run_swaps, (run, expected), 2).await
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.writer().submit(|batch| &mut batch.clears, (), 1).await
    }
}
