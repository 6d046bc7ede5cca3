//! How a task run's id tells when its states were, and which task runs break that rule.
//!
//! An id begins with the time at which it was made, and most task runs come to their end within milliseconds of it. So
//! the table's order is nearly that of the events, and the few rows beside it are found by an index of their own, in
//! which a quick task run costs nothing.

use uuid::Uuid;

use crate::model::{IdRange, State, TaskRunId};

/// How far states may be from the time of the id, in microseconds. A row that breaks the rule pays for an entry in the
/// index, about a microsecond, which is little to a task that has run for longer than this; and looking back for the
/// newest events reads what began within this time before them.
const SLACK: i64 = 10_000;

/// What is kept of a task run that has a state before the time of its id: it may be anywhere.
pub(super) const ANYWHERE: i64 = i64::MAX;

/// Tells the time of a task run's last state, in microseconds since 1970, if one of these states is not close to the time
/// of its id.
pub(super) fn stray_until(id: TaskRunId, states: &[State]) -> Option<i64> {
    let made = made(id);
    let mut stray = None;
    for state in states {
        let time = state.timestamp.timestamp_micros();
        if time < made - SLACK {
            return Some(ANYWHERE);
        }
        if time > made + SLACK {
            stray = stray.max(Some(time));
        }
    }
    stray
}

/// Tells the first time at which a task run can have a state, unless it is [`ANYWHERE`].
pub(super) fn earliest(id: TaskRunId) -> i64 {
    made(id) - SLACK
}

/// Tells the last time at which a task run can have a state, unless it is a stray.
pub(super) fn latest(id: TaskRunId) -> i64 {
    made(id) + SLACK
}

/// Returns the ids of the task runs that can have states in a span of time, unless they are strays. Strays that have are
/// before the range's end, too.
pub(super) fn ids_within(since: Option<i64>, until: Option<i64>) -> IdRange {
    let first = |micros: i64| first_id(micros.saturating_sub(SLACK));
    let last = |micros: i64| Uuid::from_u64_pair(millis(micros.saturating_add(SLACK)) << 16 | 0xffff, u64::MAX);
    IdRange { from: since.map_or(IdRange::ALL.from, first), to: until.map_or(IdRange::ALL.to, last) }
}

/// Returns the first id that can be made at a time.
pub(super) fn first_id(micros: i64) -> Uuid {
    Uuid::from_u64_pair(millis(micros) << 16, 0)
}

/// Returns the time in an id, in microseconds since 1970, as exactly as every id of version 7 has it.
fn made(TaskRunId(id): TaskRunId) -> i64 {
    // 48 bits, so that a thousand times as much is still a number of this type.
    i64::try_from(id.as_u64_pair().0 >> 16).map_or(i64::MAX, |millis| millis * 1000)
}

fn millis(micros: i64) -> u64 {
    u64::try_from(micros.div_euclid(1000)).unwrap_or(0).min((1 << 48) - 1)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::{StateId, StateType, Timestamp};

    const MILLIS: i64 = 1_780_000_000_123;

    fn id(millis: i64) -> TaskRunId {
        TaskRunId(Uuid::from_u64_pair(millis.unsigned_abs() << 16 | 0x7abc, 0x8123_4567_89ab_cdef))
    }

    fn states(times: &[i64]) -> Vec<State> {
        let at = |micros| DateTime::from_timestamp_micros(MILLIS * 1000 + micros).unwrap_or(Timestamp::UNIX_EPOCH);
        times.iter().map(|micros| State::new(StateType::Running, StateId(Uuid::nil()), at(*micros))).collect()
    }

    #[test]
    fn strays_are_told_from_others() {
        for (times, expected) in [
            (&[-999, 0, 9_999][..], None),
            (&[0, 10_001, 10_500], Some(MILLIS * 1000 + 10_500)),
            (&[0, 20_000, 10_500], Some(MILLIS * 1000 + 20_000)),
            (&[-10_001, 20_000], Some(ANYWHERE)),
            (&[], None),
        ] {
            assert_eq!(stray_until(id(MILLIS), &states(times)), expected, "{times:?}");
        }
    }

    #[test]
    fn every_id_that_can_matter_is_in_the_range() {
        let micros = MILLIS * 1000;
        let range = ids_within(Some(micros), Some(micros));
        for millis in MILLIS - 20..MILLIS + 20 {
            let can_matter = latest(id(millis)) >= micros && earliest(id(millis)) <= micros;
            assert_eq!(range.contains(id(millis).0), can_matter, "{}", millis - MILLIS);
        }
        assert_eq!(ids_within(None, None), IdRange::ALL);
        assert!(ids_within(Some(i64::MIN), Some(i64::MAX)).contains(id(MILLIS).0));
        assert!(ids_within(Some(-1), None).contains(id(0).0));
    }
}
