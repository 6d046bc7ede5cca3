//! A flow run that nothing executes is cancelled at once.

use uuid::Uuid;

use crate::model::{State, StateId, StateName, StateType};
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Replaces CANCELLING by CANCELLED where there is no job to end: the run waits to be taken, or is suspended.
pub(crate) struct NoInfrastructureToCancel;

impl Rule for NoInfrastructureToCancel {
    fn name(&self) -> &'static str {
        "NoInfrastructureToCancel"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Scheduled, StateType::Paused])
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Cancelling])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let (Some(from), Some(run)) = (transition.from, transition.facts.flow_run) else { return Verdict::Continue };
        let cancelled = || Box::new(State::new(StateType::Cancelled, StateId(Uuid::nil()), transition.now));
        match from.kind {
            StateType::Scheduled if run.origin.infrastructure_pid.is_none() || from.name == StateName::RESUMING => {
                let why = "Scheduled flow run has no infrastructure to terminate.";
                Verdict::Instead(cancelled(), why.into())
            }
            StateType::Paused if from.is_suspended() => {
                let why = "Suspended flow run has no infrastructure to terminate.";
                Verdict::Instead(cancelled(), why.into())
            }
            _ => Verdict::Continue,
        }
    }
}
