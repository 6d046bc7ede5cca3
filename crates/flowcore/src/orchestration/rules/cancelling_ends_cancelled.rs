//! A run that is being cancelled ends as Cancelled.

use crate::model::StateType;
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Refuses every state but CANCELLED to a run that is being cancelled.
pub(crate) struct CancellingEndsCancelled;

impl Rule for CancellingEndsCancelled {
    fn name(&self) -> &'static str {
        "CancellingEndsCancelled"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Cancelling])
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Cancelled]).not()
    }

    fn before(&self, _: &Transition<'_>) -> Verdict {
        Verdict::stay("Cannot transition flows that are cancelling to a state other than Cancelled.")
    }
}
