//! Time, identifiers and randomness as arguments, so that tests can run in virtual time.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{Timelike, Utc};
use uuid::Uuid;

use crate::model::Timestamp;

/// Where the time, new identifiers and random numbers come from.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Tells the time, in whole microseconds, as stores keep it.
    fn now(&self) -> Timestamp;

    /// Makes an identifier of version 7, whose order is that of making within one thread.
    fn uuid(&self) -> Uuid;

    /// Makes an identifier as of a time that was just read: cheaper than reading it again.
    fn uuid_at(&self, now: Timestamp) -> Uuid;

    /// Draws a number from 0 to 1.
    fn random(&self) -> f64;

    /// Returns after this time.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Utc::now();
        // Cheaper than rounding in general, which this is called too often for.
        now.with_nanosecond(now.nanosecond() / 1000 * 1000).unwrap_or(now)
    }

    fn uuid(&self) -> Uuid {
        self.uuid_at(Utc::now())
    }

    fn uuid_at(&self, now: Timestamp) -> Uuid {
        let millis = now.timestamp_millis().unsigned_abs();
        // Version 7 allows a finer clock in the 12 bits behind the milliseconds: 1/4096 of one is 244 ns.
        let fraction = u64::from(now.timestamp_subsec_nanos() % 1_000_000) * 4096 / 1_000_000;
        let high = (millis << 16) | 0x7000 | fraction;
        let low = (fastrand::u64(..) >> 2) | (0b10 << 62);
        Uuid::from_u64_pair(high, low)
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
