//! A task run that has ended runs again, unless it has a result.

use super::keep_result::has_result;
use crate::model::{StateName, StateType, Text};
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Lets a client leave the end of a task run that has no result to lose, and names it when that is since its flow is tried again.
pub(crate) struct EndedTaskIsRerun;

impl Rule for EndedTaskIsRerun {
    fn name(&self) -> &'static str {
        "EndedTaskIsRerun"
    }

    fn from(&self) -> StateSet {
        StateSet::TERMINAL
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let (Some(from), to) = (transition.from, transition.to) else { return Verdict::Continue };
        if matches!(to.kind, StateType::Cancelling | StateType::Paused | StateType::Crashed) {
            return Verdict::abort(format!("Run is already {}.", from.kind));
        }
        if from.is_completed() && has_result(from) {
            return Verdict::stay("This run is already completed.");
        }
        let facts = transition.facts;
        let attempt = facts.task_run.map_or(0, |run| run.attempt);
        if to.kind == StateType::Running && facts.flow_run.is_some_and(|flow_run| attempt < flow_run.times.run_count) {
            return Verdict::Rename(Text::Borrowed(StateName::RETRYING));
        }
        Verdict::Continue
    }
}
