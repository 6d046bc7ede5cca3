//! Variables: each change by itself, as each has an answer of its own.

use crate::model::Variable;
use crate::store::Replace;
use crate::store::sql::batch::Entry;
use crate::store::sql::driver::{Arguments, Statement};
use crate::store::sql::failure::Failure;
use crate::store::sql::rows::{VARIABLE_COLUMNS, encode_variable, variable};
use crate::store::sql::transaction::Transaction;

/// Keeps a variable, or changes the one of its name.
pub(super) async fn put(
    transaction: &mut Transaction<'_>,
    entry: &mut Entry<(Variable, Option<Replace>), Option<Variable>>,
) -> Result<(), Failure> {
    let (new, replace) = &entry.change;
    let taken = match replace {
        None => "NOTHING",
        Some(Replace::Value) => "UPDATE SET value = excluded.value, updated = excluded.updated",
        Some(Replace::ValueAndTags) => {
            "UPDATE SET value = excluded.value, tags = excluded.tags, updated = excluded.updated"
        }
    };
    let text = format!(
        "INSERT INTO variables ({VARIABLE_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (name) DO {taken} RETURNING {VARIABLE_COLUMNS}"
    );
    let mut arguments = Arguments::new(transaction.dialect());
    encode_variable(new, &mut arguments);
    let outcome = transaction.run_one(Statement { text: text.into(), arguments }).await?;
    entry.answer = Some(outcome.rows.first().map(variable).transpose()?);
    Ok(())
}

/// Deletes the variable of a name.
pub(super) async fn delete(transaction: &mut Transaction<'_>, entry: &mut Entry<String, bool>) -> Result<(), Failure> {
    let mut arguments = Arguments::new(transaction.dialect());
    arguments.text(entry.change.as_str());
    let text = "DELETE FROM variables WHERE name = $1".into();
    entry.answer = Some(transaction.run_one(Statement { text, arguments }).await?.affected > 0);
    Ok(())
}
