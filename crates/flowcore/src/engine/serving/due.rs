//! Which runs are waited for, and when the next is due: data, so that it can be tested without a server.

use std::collections::{BTreeSet, HashMap};

use crate::model::{FlowRunId, Timestamp};

/// Runs that wait for their time, and those under way.
#[derive(Default)]
pub(super) struct Due {
    waiting: BTreeSet<(Timestamp, FlowRunId)>,
    known: HashMap<FlowRunId, Place>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Waiting(Timestamp),
    UnderWay,
    /// It was tried in vain, and is not tried again before this time.
    Resting(Timestamp),
}

impl Due {
    /// Notes that a run waits to be executed at this time.
    pub(super) fn add(&mut self, id: FlowRunId, at: Timestamp) {
        let at = match self.known.get(&id) {
            // A run that waits for its retry within this process has not to be begun by it once more.
            Some(Place::UnderWay) => return,
            Some(Place::Waiting(before)) => {
                self.waiting.remove(&(*before, id));
                at
            }
            Some(Place::Resting(until)) => at.max(*until),
            None => at,
        };
        self.waiting.insert((at, id));
        self.known.insert(id, Place::Waiting(at));
    }

    /// Forgets the waiting runs that a complete list does not have: they were deleted, or others have them.
    pub(super) fn keep(&mut self, listed: &[FlowRunId]) {
        let Due { waiting, known } = self;
        known.retain(|id, place| match place {
            Place::Waiting(at) if !listed.contains(id) => {
                waiting.remove(&(*at, *id));
                false
            }
            _ => true,
        });
    }

    /// Takes the run that is due first, if one is by now.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<FlowRunId> {
        let (at, id) = *self.waiting.first()?;
        if at > now {
            return None;
        }
        self.waiting.pop_first();
        self.known.insert(id, Place::UnderWay);
        Some(id)
    }

    /// Notes that a run is under way no more.
    pub(super) fn ended(&mut self, id: FlowRunId) {
        self.known.remove(&id);
    }

    /// Notes that a run could not be begun, and is left alone until then.
    pub(super) fn rest(&mut self, id: FlowRunId, until: Timestamp) {
        self.known.insert(id, Place::Resting(until));
    }

    /// Tells when the next run is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(at, _)| *at)
    }

    /// Tells how many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn id(n: u128) -> FlowRunId {
        FlowRunId(Uuid::from_u128(n))
    }

    #[test]
    fn runs_are_taken_at_their_time_and_in_its_order() {
        let mut due = Due::default();
        due.add(id(1), at(20));
        due.add(id(2), at(10));
        assert_eq!(due.next(), Some(at(10)));
        assert_eq!(due.take(at(9)), None);
        assert_eq!(due.take(at(30)), Some(id(2)));
        assert_eq!(due.take(at(30)), Some(id(1)));
        assert_eq!(due.take(at(30)), None);
    }

    #[test]
    fn a_run_under_way_is_not_taken_again_until_it_has_ended() {
        let mut due = Due::default();
        due.add(id(1), at(1));
        assert_eq!(due.take(at(1)), Some(id(1)));
        due.add(id(1), at(2));
        assert_eq!(due.take(at(2)), None);
        due.ended(id(1));
        due.add(id(1), at(3));
        assert_eq!(due.take(at(3)), Some(id(1)));
    }

    #[test]
    fn a_run_that_is_put_off_is_taken_at_its_new_time_only() {
        let mut due = Due::default();
        due.add(id(1), at(1));
        due.add(id(1), at(5));
        assert_eq!((due.take(at(4)), due.waiting()), (None, 1));
        assert_eq!(due.take(at(5)), Some(id(1)));
    }

    #[test]
    fn what_could_not_be_begun_is_left_alone_for_a_while() {
        let mut due = Due::default();
        due.add(id(1), at(1));
        due.take(at(1));
        due.rest(id(1), at(10));
        due.add(id(1), at(1));
        assert_eq!(due.take(at(9)), None);
        assert_eq!(due.take(at(10)), Some(id(1)));
    }

    #[test]
    fn runs_that_are_listed_no_more_are_forgotten() {
        let mut due = Due::default();
        due.add(id(1), at(1));
        due.add(id(2), at(2));
        due.keep(&[id(2)]);
        assert_eq!(due.take(at(9)), Some(id(2)));
        due.keep(&[]);
        due.add(id(2), at(2));
        assert_eq!(due.take(at(9)), None, "it is under way");
    }
}
