//! Only what is waiting can be late.

use crate::model::{StateName, StateType};
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Refuses the name Late to a run that is not SCHEDULED: it was started between the look and the mark.
pub(crate) struct OnlyScheduledIsLate;

impl Rule for OnlyScheduledIsLate {
    fn name(&self) -> &'static str {
        "OnlyScheduledIsLate"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Scheduled]).not()
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Scheduled])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        if transition.to.name == StateName::LATE && transition.from.is_some() {
            Verdict::stay("the run is not waiting any more")
        } else {
            Verdict::Continue
        }
    }
}
