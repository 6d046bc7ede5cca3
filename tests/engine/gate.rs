//! Where tasks of a test wait until the test lets them go, and where it sees that they have come.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use tokio::sync::Semaphore;

/// A gate: closed at first, open for good afterwards.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    come: Semaphore,
    open: Semaphore,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Gate(Arc::new(Inner { come: Semaphore::new(0), open: Semaphore::new(0) }))
    }

    /// Says that somebody has come, and waits until the gate is open.
    pub(crate) async fn pass(&self) {
        self.come();
        drop(self.0.open.acquire().await);
    }

    /// Says that somebody has come.
    pub(crate) fn come(&self) {
        self.0.come.add_permits(1);
    }

    /// Waits for the next one to come.
    pub(crate) async fn somebody(&self) {
        self.0.come.acquire().await.expect("never closed").forget();
    }

    pub(crate) fn open(&self) {
        self.0.open.add_permits(1);
    }
}

static TALLY: LazyLock<Mutex<HashMap<String, u32>>> = LazyLock::new(Mutex::default);

/// Counts one more of `what`, and tells how many there are: for flows that are executed from stored parameters, which
/// get no handles from the test.
pub(crate) fn count(what: impl Into<String>) -> u32 {
    let mut tally = TALLY.lock().expect("no panic in here");
    let entry = tally.entry(what.into()).or_insert(0);
    *entry += 1;
    *entry
}

/// Tells how many of `what` were counted.
pub(crate) fn counted(what: &str) -> u32 {
    TALLY.lock().expect("no panic in here").get(what).copied().unwrap_or_default()
}

/// Makes a name that no other test has.
pub(crate) fn unique() -> String {
    uuid::Uuid::from_u64_pair(rand(), rand()).to_string()
}

fn rand() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}
