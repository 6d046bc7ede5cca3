//! Slots of concurrency limits: decisions, and what the dead leave.

use std::collections::BTreeSet;

use crate::model::ProcessId;
use crate::store::SlotDecision;
use crate::store::limits::SlotChanges;
use crate::store::sql::batch::Entry;
use crate::store::sql::dialect::Dialect;
use crate::store::sql::failure::Failure;
use crate::store::sql::limits as select;
use crate::store::sql::rows::{
    DELETE_LEASES, DELETE_LIMITS, DELETE_REQUESTS, INSERT_LIMITS, PUT_LEASES, PUT_LIMITS, PUT_REQUESTS, encode_lease,
    encode_limit, encode_limit_name, encode_request, encode_slot_key, occupancy,
};
use crate::store::sql::transaction::Transaction;

type Decide = Entry<(Vec<String>, SlotDecision), ()>;

/// Makes decisions in their order, each on what those before it came to, and writes what they come to in all.
pub(super) async fn decide(
    transaction: &mut Transaction<'_>,
    entries: &mut [Decide],
    last: bool,
) -> Result<(), Failure> {
    let names: BTreeSet<&str> = entries.iter().flat_map(|entry| &entry.change.0).map(String::as_str).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let dialect = transaction.dialect();
    match dialect {
        // Its transaction keeps everybody else out.
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => {}
        // In the order of the names, so that two transactions do not wait for each other.
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            transaction.run_one(select::lock_limits(dialect, &names)).await?;
        }
    }
    let outcomes = transaction.run(vec![select::occupancy_part(dialect, &names)], false).await?;
    let rows = outcomes.into_iter().flat_map(|outcome| outcome.rows).collect::<Vec<_>>();
    let before = occupancy(&rows)?;
    let mut after = before.clone();
    for entry in entries.iter() {
        entry.change.1.make(&mut after);
    }
    // Also what is new comes in the order of the names.
    after.sort();
    let changes = SlotChanges::between(&before, &after);
    let (changed, new): (Vec<_>, Vec<_>) =
        changes.limits.into_iter().partition(|limit| before.limit(&limit.name).is_some());
    if !new.is_empty() {
        let inserted = transaction.run(INSERT_LIMITS.parts(&new, encode_limit), false).await?;
        if inserted.iter().map(|outcome| outcome.affected).sum::<u64>() < new.len() as u64 {
            // What is not there yet cannot be locked: another process was faster, and the decision is made anew.
            return Err(Failure::Busy("a limit of this name was made meanwhile".to_owned()));
        }
    }
    let gone_limits: Vec<&str> = changes.gone_limits.iter().map(String::as_str).collect();
    let mut parts = DELETE_REQUESTS.parts(&changes.gone_requests, encode_slot_key);
    parts.extend(DELETE_LEASES.parts(&changes.gone_leases, encode_slot_key));
    parts.extend(DELETE_LIMITS.parts(&gone_limits, encode_limit_name));
    parts.extend(PUT_LIMITS.parts(&changed, encode_limit));
    parts.extend(PUT_LEASES.parts(&changes.leases, encode_lease));
    parts.extend(PUT_REQUESTS.parts(&changes.requests, encode_request));
    transaction.run(parts, last).await?;
    entries.iter_mut().for_each(|entry| entry.answer = Some(()));
    Ok(())
}

/// Removes what processes have and wait for.
pub(super) async fn remove_of(
    transaction: &mut Transaction<'_>,
    entry: &mut Entry<Vec<ProcessId>, u64>,
) -> Result<(), Failure> {
    let dialect = transaction.dialect();
    let mut removed = 0;
    for table in ["slot_requests", "slot_leases"] {
        removed += transaction.run_one(select::delete_slots_of(dialect, table, &entry.change)).await?.affected;
    }
    transaction.run_one(select::delete_unused_locks(dialect)).await?;
    entry.answer = Some(removed);
    Ok(())
}
