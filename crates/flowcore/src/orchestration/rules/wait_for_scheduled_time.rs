//! Nothing starts before its time.

use crate::model::StateType;
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Makes whoever starts a run wait until the time that it was scheduled for.
pub(crate) struct WaitForScheduledTime;

impl Rule for WaitForScheduledTime {
    fn name(&self) -> &'static str {
        "WaitForScheduledTime"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Scheduled, StateType::Pending])
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Running])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        match transition.from.and_then(|from| from.scheduled_time()) {
            Some(time) if time > transition.now => Verdict::Wait(time),
            _ => Verdict::Continue,
        }
    }
}
