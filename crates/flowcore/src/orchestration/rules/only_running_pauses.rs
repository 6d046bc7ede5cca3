//! Only a run that runs can be paused.

use crate::model::StateType;
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Refuses PAUSED to a run that is not RUNNING; but one that is paused in a process which has died becomes Suspended.
pub(crate) struct OnlyRunningPauses;

impl Rule for OnlyRunningPauses {
    fn name(&self) -> &'static str {
        "OnlyRunningPauses"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Running]).not()
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Paused])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let in_process = transition.from.is_some_and(|from| from.kind == StateType::Paused && !from.is_suspended());
        if in_process && transition.to.is_suspended() {
            Verdict::Continue
        } else {
            Verdict::stay("only a running flow run can be paused")
        }
    }
}
