//! The death of a process, at one moment of its life.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::runtime::{Handle, Id};

use crate::engine::condition::Condition;
use crate::store::StoreError;

/// Kills a process at one of the moments before and after its writes: of write `n` these are the moments `2n - 1` and `2n`.
#[derive(Debug)]
pub(in crate::testing) struct Death {
    /// At which moment; at none if there is none.
    at: Option<u64>,
    moments: AtomicU64,
    /// Says when it has happened.
    happened: OnceLock<String>,
    told: Condition,
    /// The runtime that is the process.
    process: Id,
}

impl Death {
    /// Prepares the death of the process that is the current runtime.
    pub(super) fn of_this_process(at: Option<u64>) -> Self {
        Death {
            at,
            moments: AtomicU64::new(0),
            happened: OnceLock::new(),
            told: Condition::new(),
            process: Handle::current().id(),
        }
    }

    /// Counts the moments of the life so far.
    pub(super) fn moments(&self) -> u64 {
        self.moments.load(Ordering::Acquire)
    }

    /// Waits for it, and tells when it was.
    pub(super) async fn happens(&self) -> String {
        self.told.met(|| self.happened.get().cloned()).await
    }

    /// Goes through the moment before or after a write; whoever comes behind the death does not come out.
    pub(in crate::testing) async fn moment(&self, when: &str, method: &str) -> Result<(), StoreError> {
        self.alive().await?;
        let moment = self.moments.fetch_add(1, Ordering::AcqRel) + 1;
        if self.at == Some(moment) {
            let story = format!("{when} write {} (`{method}`)", moment.div_ceil(2));
            // Each moment comes once.
            let _ = self.happened.set(story);
            self.told.changed();
            self.alive().await?;
        }
        Ok(())
    }

    /// Returns while the process lives. Behind its death it never does: whoever waits is dropped with the runtime. Threads
    /// that have a runtime of their own cannot be dropped, and get an error with which to end.
    pub(in crate::testing) async fn alive(&self) -> Result<(), StoreError> {
        if self.happened.get().is_none() {
            return Ok(());
        }
        if Handle::try_current().is_ok_and(|runtime| runtime.id() == self.process) {
            std::future::pending::<()>().await;
        }
        Err(StoreError::Closed)
    }
}
