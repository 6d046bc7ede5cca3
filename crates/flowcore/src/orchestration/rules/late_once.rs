//! Only what waits can be late, and once.

use crate::model::{StateName, StateType};
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Refuses the name Late to a flow run that is not SCHEDULED, or is late already.
pub(crate) struct LateOnce;

impl Rule for LateOnce {
    fn name(&self) -> &'static str {
        "LateOnce"
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Scheduled])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        match transition.from {
            Some(from) if transition.to.name == StateName::LATE => match from.kind {
                StateType::Scheduled if from.name == StateName::LATE => {
                    Verdict::stay("This flow run is already marked late.")
                }
                StateType::Scheduled => Verdict::Continue,
                _ => Verdict::stay("Only scheduled flows can be marked late."),
            },
            _ => Verdict::Continue,
        }
    }
}
