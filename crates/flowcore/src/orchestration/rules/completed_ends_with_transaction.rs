//! A task run that has completed stays completed; its transaction commits it or undoes it.

use crate::model::StateType;
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Keeps a completed task run as it is, but for its transaction, which may once enter COMPLETED again: to say that it has
/// committed, or under the name RolledBack.
pub(crate) struct CompletedEndsWithTransaction;

impl Rule for CompletedEndsWithTransaction {
    fn name(&self) -> &'static str {
        "CompletedEndsWithTransaction"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Completed])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let to = transition.to;
        match transition.from {
            Some(from) if from.is_rolled_back() => Verdict::stay("the run has been rolled back"),
            Some(from) if from.is_transaction_committed() => Verdict::stay("the run's transaction has committed"),
            _ if to.is_rolled_back() || to.is_transaction_committed() => Verdict::Continue,
            _ => Verdict::stay("the run has already completed"),
        }
    }
}
