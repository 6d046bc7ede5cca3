//! For how long slots of limits are usually occupied: what clients are told from when to ask again. It is an estimate that each
//! server makes for itself, anew when it starts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use flowcore::model::{ConcurrencyLimit, Occupancy, SlotId, Timestamp};

/// How long that is of a limit of which nothing is known, in seconds.
pub(crate) const UNKNOWN: f64 = 2.0;

/// What counts as the shortest time, in seconds: who waits does not ask more often.
const SHORTEST: f64 = 0.1;

/// How many times its slots a limit remembers.
const MEMORY: f64 = 2.0;

/// The averages by the names of limits. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct UsualOccupancy(Arc<Mutex<HashMap<String, f64>>>);

impl UsualOccupancy {
    /// Tells for how long a slot of a limit is occupied, in seconds.
    pub(crate) fn of(&self, limit: &ConcurrencyLimit) -> f64 {
        let averages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        averages.get(&limit.name).copied().unwrap_or(UNKNOWN)
    }

    /// Notes that a slot of each of these limits was occupied for so many seconds.
    pub(crate) fn note<'l>(&self, limits: impl IntoIterator<Item = &'l ConcurrencyLimit>, seconds: f64) {
        let seconds = seconds.max(SHORTEST);
        let mut averages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for limit in limits {
            let average = averages.entry(limit.name.clone()).or_insert(UNKNOWN);
            *average += (seconds - *average) / (f64::from(limit.limit.max(1)) * MEMORY);
        }
    }

    /// Notes that a lease ends now, where limits stood like this before.
    pub(crate) fn note_end(&self, occupancy: &Occupancy, lease: SlotId, now: Timestamp) {
        for lease in occupancy.leases.iter().filter(|one| one.id == lease) {
            self.note(occupancy.limit(&lease.limit), (now - lease.acquired).as_seconds_f64());
        }
    }

    /// Forgets a limit that is no more.
    pub(crate) fn forget(&self, limit: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(limit);
    }
}

#[cfg(test)]
mod tests {
    use flowcore::model::LimitId;
    use uuid::Uuid;

    use super::*;

    fn limit(name: &str, slots: u32) -> ConcurrencyLimit {
        ConcurrencyLimit {
            id: LimitId(Uuid::nil()),
            name: name.to_owned(),
            limit: slots,
            active: true,
            slot_decay_per_second: 0.0,
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_last_times_count_more_where_there_are_few_slots() {
        let (usual, few, many) = (UsualOccupancy::default(), limit("few", 1), limit("many", 5));
        assert!((usual.of(&few) - UNKNOWN).abs() < 1e-9);
        usual.note([&few, &many], 12.0);
        assert!((usual.of(&few) - 7.0).abs() < 1e-9);
        assert!((usual.of(&many) - 3.0).abs() < 1e-9);
        for _ in 0..50 {
            usual.note([&few], 0.0);
        }
        assert!((usual.of(&few) - SHORTEST).abs() < 1e-3, "{}", usual.of(&few));
        usual.forget("few");
        assert!((usual.of(&few) - UNKNOWN).abs() < 1e-9);
    }
}
