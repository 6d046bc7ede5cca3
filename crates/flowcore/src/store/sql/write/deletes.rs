//! Deleting a flow run with what belongs to it.

use crate::model::FlowRunId;
use crate::store::sql::driver::{Arguments, Statement};
use crate::store::sql::failure::Failure;
use crate::store::sql::transaction::Transaction;

/// What belongs to a flow run, behind the run itself.
const DELETES: [&str; 6] = [
    "DELETE FROM flow_runs WHERE id = $1",
    "DELETE FROM flow_run_states WHERE flow_run_id = $1",
    "DELETE FROM task_runs WHERE flow_run_id = $1",
    "DELETE FROM logs WHERE flow_run_id = $1",
    "DELETE FROM artifacts WHERE flow_run_id = $1",
    "DELETE FROM flow_run_inputs WHERE flow_run_id = $1",
];

/// Deletes a flow run and tells whether there was one.
pub(super) async fn delete_flow_run(transaction: &mut Transaction<'_>, id: FlowRunId) -> Result<bool, Failure> {
    let mut deleted = [0; DELETES.len()];
    for (text, deleted) in DELETES.into_iter().zip(&mut deleted) {
        let mut arguments = Arguments::new(transaction.dialect());
        arguments.uuid(id.0);
        *deleted = transaction.run_one(Statement { text: text.into(), arguments }).await?.affected;
    }
    Ok(deleted[0] > 0)
}
