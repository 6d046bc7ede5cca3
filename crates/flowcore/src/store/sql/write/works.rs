//! Work of a server on rows of any table.

use std::sync::Arc;

use crate::store::records::Work;
use crate::store::sql::batch::Entry;
use crate::store::sql::failure::Failure;
use crate::store::sql::records::InTransaction;
use crate::store::sql::transaction::Transaction;

/// Carries out work. What it does not want to keep is undone, and nothing else of the batch.
pub(super) async fn carry_out(
    transaction: &mut Transaction<'_>,
    entry: &mut Entry<Arc<dyn Work>, ()>,
) -> Result<(), Failure> {
    transaction.mark().await?;
    let mut session = InTransaction::new(transaction);
    let keep = entry.change.carry_out(&mut session).await;
    if let Some(failure) = session.failure() {
        return Err(failure);
    }
    if keep {
        transaction.keep().await?;
    } else {
        transaction.undo().await?;
    }
    entry.answer = Some(());
    Ok(())
}
