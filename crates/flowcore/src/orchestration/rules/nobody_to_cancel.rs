//! A run that no process has is cancelled at once.

use crate::model::StateType;
use crate::orchestration::rule::{Replacement, Rule, StateSet, Transition, Verdict};

/// Replaces CANCELLING by CANCELLED where nobody would carry it out: the run waits, and no process has it.
pub(crate) struct NobodyToCancel;

impl Rule for NobodyToCancel {
    fn name(&self) -> &'static str {
        "NobodyToCancel"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Scheduled, StateType::Pending, StateType::Paused])
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Cancelling])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        if transition.executed {
            return Verdict::Continue;
        }
        Verdict::Reject(Replacement {
            kind: StateType::Cancelled,
            name: StateType::Cancelled.default_name(),
            message: None,
            scheduled_for: None,
            reason: "no process has the run",
        })
    }
}
