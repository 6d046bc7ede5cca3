//! A task runs while its flow does.

use uuid::Uuid;

use crate::model::{State, StateId, StateName, StateType};
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Refuses RUNNING to the task run of a flow run that does not run, and lets it wait with one that is paused.
pub(crate) struct FlowMustRun;

impl Rule for FlowMustRun {
    fn name(&self) -> &'static str {
        "FlowMustRun"
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Running])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let Some(run) = transition.facts.flow_run else { return Verdict::Continue };
        match run.state.kind {
            StateType::Running => Verdict::Continue,
            StateType::Paused => {
                let paused = run.state.details.as_deref();
                let mut state =
                    State::new(StateType::Paused, StateId(Uuid::nil()), transition.now).named(StateName::NOT_READY);
                let details = state.details_mut();
                details.pause_timeout = paused.and_then(|paused| paused.pause_timeout);
                details.pause_reschedule = run.state.is_suspended();
                let why = "The flow is paused, new tasks can execute after resuming flow run";
                Verdict::Instead(Box::new(state), format!("{why}: {}.", run.id).into())
            }
            _ => Verdict::abort("The enclosing flow must be running to begin task execution."),
        }
    }
}
