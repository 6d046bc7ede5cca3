//! Whether services take their turns.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flowcore::model::Timestamp;

use super::service::Service;

/// How many turns a service may miss.
const MISSED: i64 = 3;

/// How long a turn may take without being missed, in microseconds.
const SLOW: i64 = 30_000_000;

/// The last turns of the services of this server. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Pulse {
    beats: Arc<Mutex<Vec<Beat>>>,
}

/// The last turn of a service.
#[derive(Clone)]
pub(super) struct Beat {
    name: &'static str,
    /// After how long without a turn it is late, in microseconds.
    patience: i64,
    last: Arc<AtomicI64>,
}

impl Pulse {
    /// Begins to watch a service.
    pub(super) fn watch(&self, service: &Service, now: Timestamp) -> Beat {
        let period = i64::try_from(service.period.as_micros()).unwrap_or(i64::MAX);
        let last = Arc::new(AtomicI64::new(now.timestamp_micros()));
        let beat = Beat { name: service.name, patience: period.saturating_mul(MISSED).saturating_add(SLOW), last };
        self.beats.lock().unwrap_or_else(PoisonError::into_inner).push(beat.clone());
        beat
    }

    /// Names a service that has missed its turns.
    pub(crate) fn missing(&self, now: Timestamp) -> Option<&'static str> {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now.timestamp_micros();
        beats.iter().find(|beat| now - beat.last.load(Ordering::Relaxed) > beat.patience).map(|beat| beat.name)
    }
}

impl Beat {
    /// Notes that a turn was taken.
    pub(super) fn took(&self, now: Timestamp) {
        self.last.store(now.timestamp_micros(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn who_misses_three_turns_is_named() {
        let (pulse, begin) = (Pulse::default(), DateTime::from_timestamp(1_000, 0).unwrap());
        let last = Arc::new(AtomicI64::new(begin.timestamp_micros()));
        let beat = Beat { name: "scheduler", patience: 33_000_000, last };
        pulse.beats.lock().unwrap().push(beat.clone());
        let after = |seconds| begin + TimeDelta::seconds(seconds);
        assert_eq!(pulse.missing(after(33)), None);
        assert_eq!(pulse.missing(after(34)), Some("scheduler"));
        beat.took(after(34));
        assert_eq!(pulse.missing(after(34)), None);
    }
}
