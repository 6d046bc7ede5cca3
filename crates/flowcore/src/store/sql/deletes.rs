//! The store's face to what a server's clients want gone.

use async_trait::async_trait;

use crate::model::{FlowId, TaskRunId};
use crate::store::{DeleteStore, StoreError};

use super::store::SqlStore;

#[async_trait]
impl DeleteStore for SqlStore {
    async fn delete_flow(&self, id: FlowId) -> Result<bool, StoreError> {
        self.writer.submit(|batch| &mut batch.flow_deletes, id, 1000).await
    }

    async fn purge_flows(&self) -> Result<bool, StoreError> {
        self.writer.submit(|batch| &mut batch.purges, (), 1000).await
    }

    async fn delete_task_run(&self, id: TaskRunId) -> Result<bool, StoreError> {
        self.writer.submit(|batch| &mut batch.task_run_deletes, id, 16).await
    }
}
