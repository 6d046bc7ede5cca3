//! A task run that runs again is named by why.

use crate::model::{StateName, StateType, Text};
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Names RUNNING `Retrying` behind a wait for a retry, and `Rerunning` behind anything else.
pub(crate) struct NameReruns;

impl Rule for NameReruns {
    fn name(&self) -> &'static str {
        "NameReruns"
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Running])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let from = transition.from.filter(|from| transition.times.run_count > 0 && !from.is_terminal());
        match from {
            Some(from) if from.name == StateName::AWAITING_RETRY => {
                Verdict::Rename(Text::Borrowed(StateName::RETRYING))
            }
            Some(_) => Verdict::Rename(Text::Borrowed(RERUNNING)),
            None => Verdict::Continue,
        }
    }
}

/// RUNNING: runs again without having waited for a retry.
const RERUNNING: &str = "Rerunning";
