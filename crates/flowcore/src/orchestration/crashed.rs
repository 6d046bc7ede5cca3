//! Flow runs whose process is gone: whether they are tried again.

use super::orchestrator::Orchestrator;
use super::rules::retry_at;
use crate::model::{FlowRun, Pauses, RetryType, State, StateName, StateType};
use crate::store::{StoreError, Swap};

/// Notes in the state of a run that crashes whether it is to be tried again: whoever had taken it has died before it was begun, for the first
/// time or again, or it has retries left; and it has a deployment, whose workers will take it. A run of a program's own waits for
/// somebody to ask for it.
pub fn crashed(run: &FlowRun, state: State) -> State {
    let is_worth_it = run.state.kind == StateType::Pending || !was_begun(run) || has_retries(run);
    noted(run, state, is_worth_it)
}

/// The same for a run of which somebody says that it has crashed: one that was never begun is not tried again for ever, for what it could
/// not be begun for.
pub fn reported_crashed(run: &FlowRun, state: State) -> State {
    noted(run, state, was_begun(run) && has_retries(run))
}

fn noted(run: &FlowRun, mut state: State, is_worth_it: bool) -> State {
    if run.state.kind != StateType::Cancelling && run.origin.deployment_id.is_some() && is_worth_it {
        state.details_mut().retriable = Some(true);
    }
    state
}

fn has_retries(run: &FlowRun) -> bool {
    attempts(run) <= run.empirical_policy.max_retries()
}

/// Tells whether the present execution has come as far as to run: somebody may have taken it and died before.
fn was_begun(run: &FlowRun) -> bool {
    run.times.run_count > run.run_count_at_start
}

/// Counts the attempts of the present execution.
fn attempts(run: &FlowRun) -> u32 {
    u32::try_from(run.times.run_count - run.run_count_at_start).unwrap_or(1).max(1)
}

impl Orchestrator {
    /// Schedules a crashed run for its next attempt if its state says that it is to be tried again ([`crashed`]), and gives it as
    /// it stands then; `None` if it does not say so, or if somebody else was faster.
    ///
    /// # Errors
    /// The store fails.
    pub async fn retry_crashed_run(&self, run: &FlowRun) -> Result<Option<FlowRun>, StoreError> {
        let wanted = run.state.details.as_ref().and_then(|details| details.retriable) == Some(true);
        if run.state.kind != StateType::Crashed || !wanted {
            return Ok(None);
        }
        let (policy, attempts) = (&run.empirical_policy, attempts(run));
        let now = self.clock().now();
        let (due, message) = if was_begun(run) && has_retries(run) {
            let (next, all) = (attempts + 1, policy.max_retries().saturating_add(1));
            let message = format!("Scheduled for attempt {next} of {all}, since it crashed.");
            (retry_at(policy, attempts, now, self.clock().random()), message)
        } else {
            (now, "Scheduled again, since whoever had taken it has died before it was begun.".to_owned())
        };
        let state = self.state(StateType::Scheduled).named(StateName::AWAITING_RETRY).scheduled_for(due);
        let mut state = state.message(message);
        let details = state.details_mut();
        (details.flow_run_id, details.task_run_id) = (Some(run.id), run.parent_task_run_id);
        state.keep_slot_lease(&run.state);
        let mut next = run.clone();
        next.times.enter_client_state(Some(&run.state), &state, false);
        next.pauses = Pauses { retry_type: Some(RetryType::Reschedule), ..Pauses::default() };
        (next.process_id, next.state, next.updated) = (None, state, self.clock().now());
        let swapped = self.store().swap_flow_run(next.clone(), run.state.id).await?;
        Ok(matches!(swapped, Swap::Applied).then_some(next))
    }
}
