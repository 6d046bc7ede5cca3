//! A clock that is moved on by hand, when whoever goes by it has done what was due.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use flowcore::clock::{Clock, SystemClock};
use tokio::sync::watch;
use uuid::Uuid;

/// What is not so by then never will be.
const DEADLINE: Duration = Duration::from_secs(60);

/// How far it is moved at once: less than the services' periods, so that none misses a turn.
const STEP: i64 = 5;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(crate) struct HandClock {
    now: watch::Sender<DateTime<Utc>>,
    /// Until when those sleep that do, by a number of their own.
    sleepers: Mutex<BTreeMap<u64, DateTime<Utc>>>,
}

impl HandClock {
    pub(crate) fn new() -> Self {
        HandClock { now: watch::Sender::new(SystemClock.now()), sleepers: Mutex::default() }
    }

    /// Counts those that sleep.
    pub(crate) fn asleep(&self) -> usize {
        self.sleepers.lock().unwrap().len()
    }

    /// Waits until so many sleep, and nobody is to wake up.
    pub(crate) async fn until_asleep(&self, count: usize) {
        let asleep = async {
            loop {
                let now = self.now();
                let due = |sleepers: &BTreeMap<u64, DateTime<Utc>>| sleepers.values().any(|until| *until <= now);
                let is_so = {
                    let sleepers = self.sleepers.lock().unwrap();
                    sleepers.len() == count && !due(&sleepers)
                };
                if is_so {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(tokio::time::timeout(DEADLINE, asleep).await.is_ok(), "{count} sleepers: {:?}", self.sleepers);
    }

    /// Lets some seconds pass, and all who wake up meanwhile do what they do.
    pub(crate) async fn pass(&self, seconds: i64) {
        let asleep = self.asleep();
        let end = self.now() + TimeDelta::seconds(seconds);
        while self.now() < end {
            self.leap((end - self.now()).num_seconds().min(STEP));
            self.until_asleep(asleep).await;
        }
    }

    /// Moves on at once.
    pub(crate) fn leap(&self, seconds: i64) {
        self.now.send_modify(|now| *now += TimeDelta::seconds(seconds));
    }
}

/// Somebody who sleeps.
struct Sleeper<'c>(&'c HandClock, u64);

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.0.sleepers.lock().unwrap().remove(&self.1);
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.borrow()
    }

    fn uuid(&self) -> Uuid {
        SystemClock.uuid()
    }

    fn uuid_at(&self, _: DateTime<Utc>) -> Uuid {
        SystemClock.uuid()
    }

    fn random(&self) -> f64 {
        SystemClock.random()
    }

    async fn sleep(&self, duration: Duration) {
        let mut now = self.now.subscribe();
        let until = self.now() + duration;
        let sleeper = {
            let mut sleepers = self.sleepers.lock().unwrap();
            let number = sleepers.last_key_value().map_or(0, |(last, _)| last + 1);
            sleepers.insert(number, until);
            Sleeper(self, number)
        };
        drop(now.wait_for(|now| *now >= until).await);
        drop(sleeper);
    }
}
