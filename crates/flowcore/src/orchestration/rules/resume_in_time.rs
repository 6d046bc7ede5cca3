//! A paused flow goes on before its time limit has passed.

use uuid::Uuid;

use super::pause_once::verb;
use crate::model::{State, StateId, StateType};
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Lets a paused flow run run, be scheduled or end; replaces that by FAILED when its time limit has passed, unless it is cancelled.
pub(crate) struct ResumeInTime;

impl Rule for ResumeInTime {
    fn name(&self) -> &'static str {
        "ResumeInTime"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Paused])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let (Some(from), to) = (transition.from, transition.to) else { return Verdict::Continue };
        let leaves = matches!(to.kind, StateType::Running | StateType::Scheduled | StateType::Cancelling);
        if !leaves && !to.is_terminal() {
            let why = "This run cannot transition to the StateType.{to} state from the StateType.PAUSED state.";
            return Verdict::stay(why.replace("{to}", to.kind.as_str()));
        }
        let name = to.name.to_lowercase();
        let deployed = transition.facts.flow_run.is_some_and(|run| run.origin.deployment_id.is_some());
        if from.is_suspended() && !deployed {
            return Verdict::stay(format!("Cannot reschedule a {name} flow run without a deployment."));
        }
        let limit = from.details.as_ref().and_then(|details| details.pause_timeout);
        if to.kind == StateType::Cancelling || limit.is_none_or(|limit| limit >= transition.now) {
            return Verdict::Continue;
        }
        let failed = State::new(StateType::Failed, StateId(Uuid::nil()), transition.now)
            .message(format!("The flow was {name} and never resumed."));
        let why = format!("The flow run {} has timed out and can no longer resume.", verb(to));
        Verdict::Instead(Box::new(failed), why.into())
    }
}
