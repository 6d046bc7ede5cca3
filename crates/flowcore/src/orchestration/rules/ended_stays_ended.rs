//! A run that has ended leaves its end only by being scheduled again.

use crate::model::StateType;
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Lets an ended run be scheduled for a retry, and nothing else: a process that lost the run must not revive it.
pub(crate) struct EndedStaysEnded;

impl Rule for EndedStaysEnded {
    fn name(&self) -> &'static str {
        "EndedStaysEnded"
    }

    fn from(&self) -> StateSet {
        StateSet::TERMINAL
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Scheduled]).not()
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        if transition.to.is_terminal() {
            Verdict::stay("the run has already ended")
        } else {
            Verdict::abort("the run has already ended; a retry begins by scheduling it again")
        }
    }
}
