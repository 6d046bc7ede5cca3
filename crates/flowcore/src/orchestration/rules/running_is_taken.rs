//! A run that is being executed is not executed a second time.

use crate::model::StateType;
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Refuses RUNNING to a run that is RUNNING already: whoever executes it leaves that state before it enters it again.
pub(crate) struct RunningIsTaken;

impl Rule for RunningIsTaken {
    fn name(&self) -> &'static str {
        "RunningIsTaken"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Running])
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Running])
    }

    fn before(&self, _: &Transition<'_>) -> Verdict {
        Verdict::abort("the run is being executed")
    }
}
