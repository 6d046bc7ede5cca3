//! One run is started once.

use crate::model::{StateName, StateType};
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Refuses PENDING to a run that is pending, running or being cancelled: somebody else has it. Who has it may tell how far it is
/// by other names of PENDING, such as `Submitting`, but nobody begins anew with `Pending`.
pub(crate) struct NoPendingAfterStart;

impl Rule for NoPendingAfterStart {
    fn name(&self) -> &'static str {
        "NoPendingAfterStart"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Pending, StateType::Running, StateType::Cancelling])
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Pending])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        // `NotReady` is how a pending run ends whose inputs failed.
        if transition.to.name == StateName::NOT_READY {
            return Verdict::Continue;
        }
        Verdict::abort("the run has been started already")
    }
}
