//! Concurrency limits: the store's face to them, and the questions about them.

use std::fmt::Write as _;
use std::sync::Arc;

use async_trait::async_trait;

use crate::model::{ConcurrencyLimit, LOCK, Occupancy, ProcessId};
use crate::store::{LimitStore, SlotDecision, StoreError};

use super::dialect::Dialect;
use super::driver::{Arguments, Statement};
use super::rows::{LIMIT_COLUMNS, OCCUPANCY, limit, occupancy};
use super::store::SqlStore;
use super::template::Part;

#[async_trait]
impl LimitStore for SqlStore {
    async fn limits(&self) -> Result<Vec<ConcurrencyLimit>, StoreError> {
        let ask = |dialect| {
            let text =
                format!("SELECT {LIMIT_COLUMNS} FROM concurrency_limits WHERE name NOT LIKE '{LOCK}%' ORDER BY name");
            Statement { text: text.into(), arguments: Arguments::new(dialect) }
        };
        self.readers().fetch(ask).await?.iter().map(limit).collect()
    }

    async fn occupancy(&self, names: &[String]) -> Result<Occupancy, StoreError> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let ask =
            |dialect| Statement { text: occupancy_text(dialect), arguments: one_list(dialect, json_texts(&names)) };
        occupancy(&self.readers().fetch(ask).await?)
    }

    async fn decide_slots(&self, names: Vec<String>, decision: SlotDecision) -> Result<(), StoreError> {
        let rows = 1 + names.len();
        self.writer().submit(|batch| &mut batch.decisions, (names, decision), rows).await
    }

    async fn remove_slots_of(&self, processes: &[ProcessId]) -> Result<u64, StoreError> {
        if processes.is_empty() {
            return Ok(0);
        }
        self.writer().submit(|batch| &mut batch.departures, processes.to_vec(), 2).await
    }
}

/// Asks how limits stand, for the writer.
pub(super) fn occupancy_part<'a>(dialect: Dialect, names: &[&str]) -> Part<'a> {
    let list = json_texts(names);
    Part::new(occupancy_text(dialect), 1, move |arguments| arguments.owned(list.clone()))
}

/// Locks limits against other decisions until the transaction ends.
#[cfg(feature = "postgres")]
pub(super) fn lock_limits(dialect: Dialect, names: &[&str]) -> Statement {
    let list = dialect.texts(1);
    let text =
        format!("SELECT name FROM concurrency_limits WHERE name IN ({list}) ORDER BY name{}", dialect.for_update());
    Statement { text: text.into(), arguments: one_list(dialect, json_texts(names)) }
}

/// Deletes what processes have in a table.
pub(super) fn delete_slots_of(dialect: Dialect, table: &str, processes: &[ProcessId]) -> Statement {
    let text = format!("DELETE FROM {table} WHERE process_id IN ({})", dialect.uuids(1));
    let mut list = String::new();
    for process in processes {
        list.push_str(if list.is_empty() { "[\"" } else { "\",\"" });
        // Writing to a text cannot fail.
        let _ = write!(list, "{}", process.0.simple());
    }
    list.push_str(if list.is_empty() { "[]" } else { "\"]" });
    Statement { text: text.into(), arguments: one_list(dialect, list) }
}

/// Deletes the locks that nobody has and nobody waits for. One that another process asks for meanwhile is made again by
/// its decision, which looks at the leases and not at what it is a lease of.
pub(super) fn delete_unused_locks(dialect: Dialect) -> Statement {
    let used = |table| format!("EXISTS (SELECT 1 FROM {table} WHERE limit_name = concurrency_limits.name)");
    let (leased, wanted) = (used("slot_leases"), used("slot_requests"));
    let text = format!("DELETE FROM concurrency_limits WHERE name LIKE '{LOCK}%' AND NOT {leased} AND NOT {wanted}");
    Statement { text: text.into(), arguments: Arguments::new(dialect) }
}

/// One parameter is the list of each of the three selections.
fn occupancy_text(dialect: Dialect) -> Arc<str> {
    let list = dialect.texts(1);
    let mut text = String::new();
    for select in OCCUPANCY {
        // Writing to a text cannot fail.
        let _ = write!(text, "{select}({list})");
    }
    text.into()
}

fn json_texts(names: &[&str]) -> String {
    serde_json::Value::from_iter(names.iter().copied()).to_string()
}

fn one_list(dialect: Dialect, list: String) -> Arguments {
    let mut arguments = Arguments::new(dialect);
    arguments.owned(list);
    arguments
}
