//! A run that has completed stays completed.

use crate::model::StateType;
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Keeps a completed run as it is, whoever proposes what.
pub(crate) struct CompletedStays;

impl Rule for CompletedStays {
    fn name(&self) -> &'static str {
        "CompletedStays"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Completed])
    }

    fn before(&self, _: &Transition<'_>) -> Verdict {
        Verdict::stay("the run has already completed")
    }
}
