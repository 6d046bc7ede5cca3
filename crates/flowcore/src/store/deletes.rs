//! Deleting what a server's clients want gone.

use async_trait::async_trait;

use super::{Store, StoreError};
use crate::model::{FlowId, TaskRunId};

/// A store that deletes flows and task runs.
#[async_trait]
pub trait DeleteStore: Store {
    /// Deletes a flow, and the first of its runs with what belongs to them; [`DeleteStore::purge_flows`] deletes the
    /// others. Tells whether there was such a flow.
    async fn delete_flow(&self, id: FlowId) -> Result<bool, StoreError>;

    /// Deletes some of the runs of deleted flows, in one short transaction. Tells whether there may be more.
    async fn purge_flows(&self) -> Result<bool, StoreError>;

    /// Deletes a task run with its log lines. A subflow that it stood for has no parent any more. Tells whether there was
    /// such a run.
    async fn delete_task_run(&self, id: TaskRunId) -> Result<bool, StoreError>;
}
