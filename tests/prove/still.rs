//! A clock that stands still until it is moved.

use std::sync::Mutex;
use std::time::Duration;

use flowcore::clock::{Clock, SystemClock};
use flowcore::model::Timestamp;
use uuid::Uuid;

#[derive(Debug, Default)]
pub(crate) struct StillClock(Mutex<Duration>);

impl StillClock {
    pub(crate) fn advance(&self, duration: Duration) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += duration;
    }
}

#[async_trait::async_trait]
impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn uuid(&self) -> Uuid {
        SystemClock.uuid()
    }

    fn uuid_at(&self, now: Timestamp) -> Uuid {
        SystemClock.uuid_at(now)
    }

    fn random(&self) -> f64 {
        0.5
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}
