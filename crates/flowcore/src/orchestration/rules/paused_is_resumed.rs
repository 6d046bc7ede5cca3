//! A paused run goes on in the way in which it was paused, and not behind its time limit.

use crate::model::StateType;
use crate::orchestration::rule::{Replacement, Rule, StateSet, Transition, Verdict};

/// Lets a run that is paused in its process only go back to RUNNING there, and a suspended one only be scheduled; replaces
/// that by FAILED when the time limit of the suspension has passed.
pub(crate) struct PausedIsResumed;

impl Rule for PausedIsResumed {
    fn name(&self) -> &'static str {
        "PausedIsResumed"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Paused])
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Scheduled, StateType::Pending, StateType::Running])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let Some(from) = transition.from else { return Verdict::Continue };
        match (from.is_suspended(), transition.to.kind) {
            // Its process looks at the time limit itself.
            (false, StateType::Running) => Verdict::Continue,
            (false, _) => Verdict::stay("the run is paused, and its process waits for a resume"),
            (true, StateType::Scheduled) => {
                let limit = from.details.as_ref().and_then(|details| details.pause_timeout);
                if limit.is_none_or(|limit| transition.now <= limit) {
                    return Verdict::Continue;
                }
                Verdict::Reject(Replacement {
                    kind: StateType::Failed,
                    name: StateType::Failed.default_name(),
                    message: Some("The flow was suspended and not resumed before its time limit."),
                    scheduled_for: None,
                    reason: "the time limit of its suspension has passed, so that it has failed",
                })
            }
            (true, _) => Verdict::stay("the run is suspended: resume it first"),
        }
    }
}
