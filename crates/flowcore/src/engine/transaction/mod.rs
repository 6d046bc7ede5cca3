//! Transactions: groups of tasks that are committed together or undone together.
//!
//! [`call`] has what programs write, and runs a block; [`handle`] is the transaction itself, as its tasks and its block have
//! it; [`staged`] is what it holds until its end; [`ending`] commits and rolls back; [`hooks`] are the tasks' hooks; [`shelf`]
//! keeps cache entries back until the commit.

mod call;
mod ending;
mod handle;
mod hooks;
mod shelf;
mod staged;

pub use call::{Isolation, Keyed, TransactionCall, Unkeyed, transaction};
pub use handle::{CommitMode, Transaction};
pub use hooks::{HookResult, TransactionEvent, TransactionHook};

pub(crate) use handle::Inside;
pub(crate) use hooks::Hooked;
pub(crate) use shelf::{CacheEntry, Place};
pub(crate) use staged::StagedTask;
