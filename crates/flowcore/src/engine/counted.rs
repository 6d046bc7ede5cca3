//! How many of something have not ended, and waiting until none is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::condition::Condition;

/// A count of what is under way. Cheap to clone: all clones are one count.
#[derive(Clone, Default)]
pub(crate) struct Counted(Arc<Inner>);

#[derive(Default)]
struct Inner {
    running: AtomicUsize,
    ended: Condition,
}

/// One of those that are counted, until it is dropped.
pub(crate) struct One(Counted);

impl Counted {
    /// Counts one more.
    pub(crate) fn one(&self) -> One {
        self.0.running.fetch_add(1, Ordering::AcqRel);
        One(self.clone())
    }

    /// Tells whether none is left.
    pub(crate) fn is_none(&self) -> bool {
        self.0.running.load(Ordering::Acquire) == 0
    }

    /// Waits until none is left.
    pub(crate) async fn none(&self) {
        self.0.ended.met(|| self.is_none().then_some(())).await;
    }
}

impl Drop for One {
    fn drop(&mut self) {
        let inner = &self.0.0;
        if inner.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            inner.ended.changed();
        }
    }
}
