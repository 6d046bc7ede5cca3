//! Emptying the database.

use crate::store::sql::batch::Entry;
use crate::store::sql::driver::{Arguments, Statement};
use crate::store::sql::failure::Failure;
use crate::store::sql::migrate::tables;
use crate::store::sql::transaction::Transaction;

/// Deletes all rows of all tables, and leaves the tables.
pub(super) async fn clear(transaction: &mut Transaction<'_>, entry: &mut Entry<(), ()>) -> Result<(), Failure> {
    for table in tables() {
        let text = format!("DELETE FROM {table}").into();
        transaction.run_one(Statement { text, arguments: Arguments::new(transaction.dialect()) }).await?;
    }
    entry.answer = Some(());
    Ok(())
}
