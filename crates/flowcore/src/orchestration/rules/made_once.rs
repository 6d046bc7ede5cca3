//! A transition that a client proposes again, since it has not heard the answer, is made once.

use crate::model::State;
use crate::orchestration::rule::{Rule, Transition, Verdict};

/// Leaves a run where it is when it is there by the very transition that is proposed.
pub(crate) struct MadeOnce;

impl Rule for MadeOnce {
    fn name(&self) -> &'static str {
        "MadeOnce"
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let id = |state: &State| state.details.as_ref().and_then(|details| details.transition_id);
        match transition.from.and_then(id) {
            Some(made) if id(transition.to) == Some(made) => {
                Verdict::stay("This run has already made this state transition.")
            }
            _ => Verdict::Continue,
        }
    }
}
