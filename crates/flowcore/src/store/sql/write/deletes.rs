//! Deleting runs and flows with what belongs to them.

use uuid::Uuid;

use crate::model::{FlowId, FlowRunId, TaskRunId};
use crate::store::sql::driver::{Arguments, Statement};
use crate::store::sql::failure::Failure;
use crate::store::sql::select::Select;
use crate::store::sql::transaction::Transaction;

/// What belongs to a flow run, behind the run itself. Its subflows stay, as runs of nobody.
const DELETES: [&str; 7] = [
    "DELETE FROM flow_runs WHERE id = $1",
    "UPDATE flow_runs SET parent_task_run_id = NULL \
     WHERE parent_task_run_id IN (SELECT id FROM task_runs WHERE flow_run_id = $1)",
    "DELETE FROM flow_run_states WHERE flow_run_id = $1",
    "DELETE FROM task_runs WHERE flow_run_id = $1",
    "DELETE FROM logs WHERE flow_run_id = $1",
    "DELETE FROM artifacts WHERE flow_run_id = $1",
    "DELETE FROM flow_run_inputs WHERE flow_run_id = $1",
];

/// The tables of which a flow run may have very many rows. They are purged before the run, a bounded number at a time.
const LONG: [&str; 4] = ["logs", "task_runs", "artifacts", "flow_run_inputs"];

/// How many runs of a deleted flow are deleted in one transaction, at most.
const RUNS: u32 = 100;

/// How many rows of what belongs to them, about: other writers wait for so long, which is some ten milliseconds.
const ROWS: u64 = 2000;

/// Deletes a flow run and tells whether there was one.
pub(super) async fn delete_flow_run(transaction: &mut Transaction<'_>, id: FlowRunId) -> Result<bool, Failure> {
    let mut deleted = [0; DELETES.len()];
    for (text, deleted) in DELETES.into_iter().zip(&mut deleted) {
        *deleted = with_id(transaction, text, id.0).await?;
    }
    Ok(deleted[0] > 0)
}

/// Deletes a task run and tells whether there was one.
pub(super) async fn delete_task_run(transaction: &mut Transaction<'_>, id: TaskRunId) -> Result<bool, Failure> {
    with_id(transaction, "DELETE FROM logs WHERE task_run_id = $1", id.0).await?;
    let orphan = "UPDATE flow_runs SET parent_task_run_id = NULL WHERE parent_task_run_id = $1";
    with_id(transaction, orphan, id.0).await?;
    Ok(with_id(transaction, "DELETE FROM task_runs WHERE id = $1", id.0).await? > 0)
}

/// Deletes a flow and the first of its runs, and notes that there may be more. Tells whether there was one.
pub(super) async fn delete_flow(transaction: &mut Transaction<'_>, id: FlowId) -> Result<bool, Failure> {
    if with_id(transaction, "DELETE FROM flows WHERE id = $1", id.0).await? == 0 {
        return Ok(false);
    }
    let note = "INSERT INTO deleted_flows (flow_id) VALUES ($1) ON CONFLICT (flow_id) DO NOTHING";
    with_id(transaction, note, id.0).await?;
    purge_flow(transaction, id.0).await?;
    Ok(true)
}

/// Deletes some of what is left of deleted flows, and tells whether there may be more.
pub(super) async fn purge(transaction: &mut Transaction<'_>) -> Result<bool, Failure> {
    let select = Select::new(transaction.dialect(), "flow_id", "deleted_flows");
    let rows = transaction.run_one(select.end(" ORDER BY flow_id LIMIT 1")).await?.rows;
    let Some(row) = rows.first() else { return Ok(false) };
    purge_flow(transaction, row.uuid(0)?).await?;
    Ok(true)
}

/// Deletes the first runs of a deleted flow; forgets the flow when there are none left.
async fn purge_flow(transaction: &mut Transaction<'_>, flow: Uuid) -> Result<(), Failure> {
    let dialect = transaction.dialect();
    let mut select = Select::new(dialect, "id", "flow_runs");
    select.uuid("flow_id", Some(flow));
    // In the order of the index, so that it is not sorted.
    let rows = transaction
        .run_one(select.end(&format!(" ORDER BY COALESCE(start_time, expected_start_time), id LIMIT {RUNS}")))
        .await?
        .rows;
    let runs = rows.iter().map(|row| row.uuid(0)).collect::<Result<Vec<Uuid>, _>>()?;
    if runs.is_empty() {
        with_id(transaction, "DELETE FROM deleted_flows WHERE flow_id = $1", flow).await?;
        return Ok(());
    }
    // Subflows of other flows stay.
    let mut parents = Select::new(dialect, "id", "task_runs");
    parents.uuids("flow_run_id", Some(&runs));
    let Statement { text, arguments } = parents.end("");
    let text = format!("UPDATE flow_runs SET parent_task_run_id = NULL WHERE parent_task_run_id IN ({text})").into();
    transaction.run_one(Statement { text, arguments }).await?;
    for table in LONG {
        let mut rows = Select::new(dialect, "id", table);
        rows.uuids("flow_run_id", Some(&runs));
        let Statement { text, arguments } = rows.end(&format!(" LIMIT {ROWS}"));
        let delete = Statement { text: format!("DELETE FROM {table} WHERE id IN ({text})").into(), arguments };
        if transaction.run_one(delete).await?.affected >= ROWS {
            // The next transaction goes on with the same runs.
            return Ok(());
        }
    }
    for (table, column) in [("flow_run_states", "flow_run_id"), ("flow_runs", "id")] {
        let mut delete = Select::delete(dialect, table);
        delete.uuids(column, Some(&runs));
        transaction.run_one(delete.end("")).await?;
    }
    Ok(())
}

/// Executes a statement with one identifier, and tells how many rows it changed.
async fn with_id(transaction: &mut Transaction<'_>, text: &'static str, id: Uuid) -> Result<u64, Failure> {
    let mut arguments = Arguments::new(transaction.dialect());
    arguments.uuid(id);
    Ok(transaction.run_one(Statement { text: text.into(), arguments }).await?.affected)
}
