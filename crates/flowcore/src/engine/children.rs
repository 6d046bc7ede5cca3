//! Counting what goes on inside a flow run or a transaction, and waiting until all of it has ended.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::condition::Condition;

/// Counts what was begun and has not ended.
#[derive(Default)]
pub(crate) struct Children {
    running: AtomicUsize,
    ended: Condition,
}

impl Children {
    /// Counts one more.
    pub(crate) fn enter(&self) {
        self.running.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts one less.
    pub(crate) fn leave(&self) {
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ended.changed();
        }
    }

    /// Waits until there is none.
    pub(crate) async fn ended(&self) {
        self.ended.met(|| (self.running.load(Ordering::Acquire) == 0).then_some(())).await;
    }
}
