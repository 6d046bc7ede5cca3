//! One run is submitted once.

use crate::model::StateType;
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Refuses PENDING to a run that somebody has or that was cancelled. Whoever has it may name a PENDING after what it does.
pub(crate) struct PendingOnce;

impl Rule for PendingOnce {
    fn name(&self) -> &'static str {
        "PendingOnce"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Pending, StateType::Cancelling, StateType::Running, StateType::Cancelled])
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Pending])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let Some(from) = transition.from else { return Verdict::Continue };
        let to = transition.to;
        if from.kind == StateType::Pending && from.name != to.name && to.name != StateType::Pending.default_name() {
            return from.scheduled_time().map_or(Verdict::Continue, Verdict::KeepSchedule);
        }
        Verdict::abort(format!("This run is in a {} state and cannot transition to a PENDING state.", from.kind))
    }
}
