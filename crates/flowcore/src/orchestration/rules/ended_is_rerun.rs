//! A flow run that has ended is left for another end, or to run again.

use super::keep_result::{LOSES_RESULT, has_result};
use crate::model::StateType;
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Lets a client put an ended flow run into another end or run it again, unless it has a result to lose; it is scheduled again only
/// for a deployment, whose workers will take it.
pub(crate) struct EndedIsRerun;

impl Rule for EndedIsRerun {
    fn name(&self) -> &'static str {
        "EndedIsRerun"
    }

    fn from(&self) -> StateSet {
        StateSet::TERMINAL
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let (Some(from), to) = (transition.from, transition.to) else { return Verdict::Continue };
        if matches!(to.kind, StateType::Cancelling | StateType::Paused | StateType::Crashed) {
            return Verdict::abort(format!("Run is already in terminal state {}.", from.kind));
        }
        if from.is_completed() && has_result(from) {
            if !to.is_terminal() {
                return Verdict::stay("Run is already COMPLETED.");
            }
            if to.is_completed() && !has_result(to) {
                return Verdict::stay(LOSES_RESULT);
            }
        }
        let deployed = transition.facts.flow_run.is_some_and(|run| run.origin.deployment_id.is_some());
        if to.kind == StateType::Scheduled && !deployed {
            return Verdict::abort("Cannot reschedule a run without an associated deployment.");
        }
        Verdict::Continue
    }
}
