//! What the commands that list things have in common: JSON for programs, a table for people, a word when there is nothing.

use serde::Serialize;

use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::output::{Column, Output, note};

/// How things of one kind are listed.
pub(super) struct Listing<'a, T> {
    /// The headings.
    pub(super) columns: &'a [Column<'a>],
    /// What stands below them.
    pub(super) row: fn(&Output, &T) -> Vec<String>,
    /// What is said when there is nothing to list.
    pub(super) none: String,
    /// What is said when there is more than was asked for.
    pub(super) more: Option<String>,
}

impl<T: Serialize> Listing<'_, T> {
    /// Prints things. Without `more`, people are told that there may be more when there are as many as the limit.
    pub(super) fn print(&self, out: &mut Output, output: OutputArguments, things: &[T]) -> Result<(), Failure> {
        if output.json() {
            out.json(&things)?;
        } else {
            let rows: Vec<Vec<String>> = things.iter().map(|thing| (self.row)(out, thing)).collect();
            out.table(self.columns, &rows)?;
        }
        // Notes go to another stream, which is not to overtake this one.
        out.flush()?;
        if things.is_empty() {
            if !output.json() {
                note(&self.none);
            }
        } else if let Some(more) = &self.more {
            note(more);
        }
        Ok(())
    }
}

/// Says to a person that there may be more than a limit has let through.
pub(super) fn may_be_more(out: &Output, things: usize, limit: usize, which: &str) -> Option<String> {
    (out.is_terminal() && things == limit).then(|| format!("These are the {which} {things}; show more with --limit."))
}
