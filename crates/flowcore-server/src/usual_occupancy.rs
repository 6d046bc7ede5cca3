//! For how long slots of limits are usually occupied, and how many were asked for in vain: what clients are told from when to ask
//! again. It is an estimate that each server makes for itself, anew when it starts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use flowcore::model::{ConcurrencyLimit, Occupancy, SlotId, Timestamp};

/// How long that is of a limit of which nothing is known, in seconds.
pub(crate) const UNKNOWN: f64 = 2.0;

/// What counts as the shortest time, in seconds: who waits does not ask more often.
const SHORTEST: f64 = 0.1;

/// What counts as the longest time, in seconds: nobody waits longer before asking again.
const LONGEST: f64 = 30.0;

/// How many times its slots a limit remembers.
const MEMORY: f64 = 2.0;

/// What is known of a limit.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// For how long a slot is occupied, in seconds.
    average: f64,
    /// How many slots had been asked for in vain by then.
    denied: f64,
    counted: Timestamp,
}

impl Default for Known {
    fn default() -> Self {
        Known { average: UNKNOWN, denied: 0.0, counted: Timestamp::UNIX_EPOCH }
    }
}

impl Known {
    /// For how long one slot keeps others waiting, in seconds.
    fn seconds_a_slot(&self, limit: &ConcurrencyLimit) -> f64 {
        if limit.decays() { 1.0 / limit.slot_decay_per_second } else { self.average.clamp(SHORTEST, LONGEST) }
    }

    /// How many slots count as denied at this time: who did not get them has come again and got them since, one after another.
    fn denied_at(&self, limit: &ConcurrencyLimit, now: Timestamp) -> f64 {
        let served = (now - self.counted).as_seconds_f64() / self.seconds_a_slot(limit);
        (self.denied - served.floor()).max(0.0)
    }
}

/// What is known of limits, by their names. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct UsualOccupancy(Arc<Mutex<HashMap<String, Known>>>);

impl UsualOccupancy {
    /// Tells for how long a slot of a limit is occupied, in seconds.
    pub(crate) fn of(&self, limit: &ConcurrencyLimit) -> f64 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&limit.name).copied().unwrap_or_default().average
    }

    /// Sets how many slots of a limit count as denied.
    pub(crate) fn set_denied(&self, limit: &ConcurrencyLimit, slots: u32, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(limit.name.clone()).or_default();
        (known.denied, known.counted) = (slots.into(), now);
    }

    /// Notes that so many slots of all these limits were asked for in vain, and tells in how many seconds to ask again. Slots that
    /// decay come back one after another at times that are known: who comes late waits for the turns of all before. Slots that
    /// are held may come back at any moment, and would stand empty if everybody waited for the turns of the others.
    pub(crate) fn deny(&self, limits: &[&ConcurrencyLimit], slots: u32, now: Timestamp) -> f64 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut longest = SHORTEST;
        for limit in limits {
            let known = all.entry(limit.name.clone()).or_default();
            (known.denied, known.counted) = (known.denied_at(limit, now) + f64::from(slots), now);
            let seconds = known.seconds_a_slot(limit);
            longest = longest.max(if limit.decays() {
                seconds * known.denied
            } else {
                // The more slots there are the more often one of them becomes free.
                (seconds * f64::from(slots) / f64::from(limit.limit.max(1))).min(LONGEST)
            });
        }
        longest
    }

    /// Notes that a slot of each of these limits was occupied for so many seconds.
    pub(crate) fn note<'l>(&self, limits: impl IntoIterator<Item = &'l ConcurrencyLimit>, seconds: f64) {
        let seconds = seconds.max(SHORTEST);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for limit in limits {
            let Known { average, .. } = all.entry(limit.name.clone()).or_default();
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

    #[test]
    fn who_comes_late_waits_for_what_decays_only() {
        let usual = UsualOccupancy::default();
        let (one, three) = (limit("one", 1), limit("three", 3));
        let rate = ConcurrencyLimit { slot_decay_per_second: 0.5, ..limit("rate", 1) };
        let at = |seconds| Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
        let deny = |limits: &[&ConcurrencyLimit], slots, seconds| usual.deny(limits, slots, at(seconds));
        let near = |left: f64, right: f64| assert!((left - right).abs() < 1e-9, "{left} {right}");
        near(deny(&[&one], 1, 0), UNKNOWN);
        near(deny(&[&one], 1, 0), UNKNOWN);
        near(deny(&[&three], 1, 0), UNKNOWN / 3.0);
        near(deny(&[&one, &three], 1, 0), UNKNOWN);
        near(deny(&[&one], 40, 0), LONGEST);
        near(deny(&[&rate], 1, 0), 2.0);
        near(deny(&[&rate], 50, 0), 102.0);
        near(deny(&[&rate, &one], 1, 4), 100.0);
        usual.set_denied(&rate, 4, at(200));
        near(deny(&[&rate], 1, 204), 6.0);
    }
}
