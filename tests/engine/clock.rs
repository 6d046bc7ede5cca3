//! A clock whose time passes only when a test moves it, or when somebody sleeps by it: a sleep takes no time at all. And one
//! whose sleeps end when somebody comes to a gate.

use std::sync::Mutex;
use std::time::Duration;

use flowcore::clock::{Clock, SystemClock};
use flowcore::model::Timestamp;
use uuid::Uuid;

use crate::gate::Gate;

#[derive(Debug)]
pub(crate) struct VirtualClock(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    now: Timestamp,
    slept: Vec<Duration>,
}

impl VirtualClock {
    pub(crate) fn new() -> Self {
        let now = "2026-05-01T12:00:00Z".parse().expect("a time");
        VirtualClock(Mutex::new(Inner { now, slept: Vec::new() }))
    }

    /// Moves the time on.
    pub(crate) fn advance(&self, duration: Duration) {
        self.0.lock().expect("no panic in here").now += duration;
    }

    /// Lists how long was slept by it.
    pub(crate) fn slept(&self) -> Vec<Duration> {
        self.0.lock().expect("no panic in here").slept.clone()
    }
}

#[async_trait::async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().expect("no panic in here").now
    }

    /// Of the real time, so that ids are unique over all clocks.
    fn uuid(&self) -> Uuid {
        SystemClock.uuid()
    }

    fn uuid_at(&self, _: Timestamp) -> Uuid {
        SystemClock.uuid()
    }

    fn random(&self) -> f64 {
        1.0
    }

    async fn sleep(&self, duration: Duration) {
        {
            let mut inner = self.0.lock().expect("no panic in here");
            inner.now += duration;
            inner.slept.push(duration);
        }
        tokio::task::yield_now().await;
    }
}

/// A clock by which each sleep lasts until somebody comes to the gate.
pub(crate) struct GatedClock {
    clock: VirtualClock,
    gate: Gate,
}

impl GatedClock {
    pub(crate) fn new(gate: Gate) -> Self {
        GatedClock { clock: VirtualClock::new(), gate }
    }
}

impl std::fmt::Debug for GatedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GatedClock")
    }
}

#[async_trait::async_trait]
impl Clock for GatedClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn uuid(&self) -> Uuid {
        self.clock.uuid()
    }

    fn uuid_at(&self, now: Timestamp) -> Uuid {
        self.clock.uuid_at(now)
    }

    fn random(&self) -> f64 {
        self.clock.random()
    }

    async fn sleep(&self, _: Duration) {
        self.gate.somebody().await;
    }
}
