//! A clock that stands still until it is moved, and counts identifiers, so that what is printed is known in advance.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flowcore::clock::Clock;
use flowcore::model::Timestamp;
use uuid::Uuid;

#[derive(Debug)]
pub(crate) struct StillClock {
    now: Mutex<Timestamp>,
    ids: AtomicU64,
}

impl StillClock {
    pub(crate) fn new() -> Self {
        StillClock { now: Mutex::new("2026-05-01T12:00:00Z".parse().unwrap()), ids: AtomicU64::new(0) }
    }

    /// Moves the time on.
    pub(crate) fn advance(&self, millis: u64) {
        *self.now.lock().unwrap() += Duration::from_millis(millis);
    }
}

#[async_trait::async_trait]
impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn uuid(&self) -> Uuid {
        self.uuid_at(self.now())
    }

    fn uuid_at(&self, _: Timestamp) -> Uuid {
        Uuid::from_u64_pair(0xffff_ffff_ffff_7fff, 0x8000_0000_0000_0000 | self.ids.fetch_add(1, Ordering::Relaxed))
    }

    fn random(&self) -> f64 {
        0.5
    }

    async fn sleep(&self, _duration: Duration) {
        unreachable!("nothing in these tests waits by this clock")
    }
}
