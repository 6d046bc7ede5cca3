//! A run that runs again says so.

use crate::model::{StateName, StateType, Text};
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Names RUNNING `Retrying` when the run has run before.
pub(crate) struct RenameReruns;

impl Rule for RenameReruns {
    fn name(&self) -> &'static str {
        "RenameReruns"
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Running])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let goes_on = transition.from.is_some_and(|from| from.kind == StateType::Paused);
        if !goes_on && transition.times.run_count > 0 && transition.to.name == StateType::Running.default_name() {
            Verdict::Rename(Text::Borrowed(StateName::RETRYING))
        } else {
            Verdict::Continue
        }
    }
}
