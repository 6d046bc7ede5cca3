//! The time a run was scheduled for outlives its SCHEDULED state.

use crate::model::StateType;
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Copies the scheduled time to PENDING, so that a run submitted early still starts on time.
pub(crate) struct KeepScheduledTime;

impl Rule for KeepScheduledTime {
    fn name(&self) -> &'static str {
        "KeepScheduledTime"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Scheduled])
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Pending])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let given = transition.to.scheduled_time();
        match transition.from.and_then(|from| from.scheduled_time()) {
            Some(time) if given.is_none() => Verdict::KeepSchedule(time),
            _ => Verdict::Continue,
        }
    }
}
