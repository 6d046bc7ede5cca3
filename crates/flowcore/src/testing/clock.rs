//! The time of a test: that of a runtime whose time is frozen, and moves on when everything waits for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{TimeDelta, TimeZone, Utc};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock::Clock;
use crate::model::Timestamp;

/// Follows the time of a runtime, from a date of its own.
#[derive(Debug)]
pub(super) struct VirtualClock {
    runtime: Handle,
    start: Timestamp,
    origin: Instant,
    random: Mutex<fastrand::Rng>,
}

impl VirtualClock {
    /// Makes a clock that shows `start` now.
    pub(super) fn new(runtime: Handle, start: Timestamp, seed: u64) -> Self {
        let origin = {
            let _inside = runtime.enter();
            Instant::now()
        };
        VirtualClock { runtime, start, origin, random: Mutex::new(fastrand::Rng::with_seed(seed)) }
    }

    /// Tells how much time has passed.
    pub(super) fn elapsed(&self) -> Duration {
        // Threads of plain functions may be in a runtime of their own.
        let _inside = self.runtime.enter();
        self.origin.elapsed()
    }
}

/// Gives the date on which tests begin.
pub(super) fn beginning() -> Timestamp {
    Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).earliest().unwrap_or(Timestamp::UNIX_EPOCH)
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.start.checked_add_signed(TimeDelta::microseconds(elapsed)).unwrap_or(Timestamp::MAX_UTC)
    }

    fn uuid(&self) -> Uuid {
        self.uuid_at(self.now())
    }

    /// Counts within one time, as that may stand still for long. The other half is random, so that processes that test on one
    /// database do not meet.
    fn uuid_at(&self, now: Timestamp) -> Uuid {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let high = (now.timestamp_millis().unsigned_abs() << 16) | 0x7000 | ((count >> 24) & 0xfff);
        let low = (0b10 << 62) | ((count & 0xff_ffff) << 38) | (fastrand::u64(..) >> 26);
        Uuid::from_u64_pair(high, low)
    }

    fn random(&self) -> f64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }

    async fn sleep(&self, duration: Duration) {
        let sleep = {
            let _inside = self.runtime.enter();
            tokio::time::sleep(duration)
        };
        sleep.await;
    }
}

/// Freezes the time of the current runtime, unless it is frozen, and gives the runtime.
#[track_caller]
pub(super) fn frozen_runtime() -> Handle {
    let runtime = Handle::try_current()
        .unwrap_or_else(|_| panic!("a TestEngine is made inside of a runtime: in a test with #[tokio::test]"));
    assert!(
        runtime.runtime_flavor() == RuntimeFlavor::CurrentThread,
        "virtual time needs a runtime of one thread: #[tokio::test] without a `flavor`"
    );
    if !is_frozen() {
        tokio::time::pause();
    }
    runtime
}

/// Tells whether the runtime's time stands still while that of the machine goes on. Tokio says so only by a panic.
fn is_frozen() -> bool {
    let (before, real) = (Instant::now(), std::time::Instant::now());
    while std::time::Instant::now() == real {
        std::hint::spin_loop();
    }
    Instant::now() == before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_hour_takes_no_time_and_ids_are_in_order() {
        assert!(!is_frozen());
        let runtime = frozen_runtime();
        assert!(is_frozen());
        frozen_runtime();
        let real = std::time::Instant::now();
        let clock = VirtualClock::new(runtime, beginning(), 0);
        let mut ids = vec![clock.uuid(), clock.uuid()];
        clock.sleep(Duration::from_secs(3600)).await;
        ids.extend([clock.uuid(), clock.uuid()]);
        // Timers go off at whole milliseconds.
        assert!((clock.now() - beginning() - TimeDelta::hours(1)).num_milliseconds() <= 1, "{:?}", clock.elapsed());
        assert!(clock.elapsed() >= Duration::from_secs(3600));
        assert!(ids.is_sorted() && ids[2].get_version_num() == 7, "{ids:?}");
        assert!(real.elapsed() < Duration::from_secs(60));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    #[should_panic(expected = "needs a runtime of one thread")]
    async fn a_runtime_of_several_threads_is_refused() {
        frozen_runtime();
    }
}
