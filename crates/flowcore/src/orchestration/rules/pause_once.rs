//! A flow pauses while it runs, and at each of its pauses once.

use crate::model::{State, StateName, StateType};
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Refuses PAUSED to a flow run that does not run or has been at this pause, and a suspension to one that nobody would take up.
pub(crate) struct PauseOnce;

impl Rule for PauseOnce {
    fn name(&self) -> &'static str {
        "PauseOnce"
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Paused])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let (to, Some(run)) = (transition.to, transition.facts.flow_run) else { return Verdict::Continue };
        let verb = verb(to);
        if transition.from.is_none_or(|from| from.kind != StateType::Running) {
            return Verdict::stay(format!("Cannot {verb} flows that are not currently running."));
        }
        let key = to.details.as_ref().and_then(|details| details.pause_key.as_ref());
        if key.is_some_and(|key| run.pauses.keys.contains(key)) {
            return Verdict::stay(format!("This {verb} has already fired."));
        }
        if to.is_suspended() && run.parent_task_run_id.is_some() {
            return Verdict::abort(format!("Cannot {verb} subflows."));
        }
        if to.is_suspended() && run.origin.deployment_id.is_none() {
            return Verdict::abort(format!("Cannot {verb} flows without a deployment."));
        }
        Verdict::Continue
    }
}

/// Names what is to be done to the flow.
pub(super) fn verb(state: &State) -> &'static str {
    if state.name == StateName::SUSPENDED { "suspend" } else { "pause" }
}
