//! Runs that Prefect's clients orchestrate: they ask for each state, and are told what became of it.
//!
//! The rules are Prefect's ([`CLIENT_FLOW_POLICY`] and the others), and so are the books: an end is kept until the run
//! leaves it for something that is none, and going on behind a pause is a new attempt the first time only.

use super::govern::{Decision, Governed, govern};
use super::orchestrator::Orchestrator;
use super::policy::{BACKGROUND_TASK_POLICY, CLIENT_FLOW_POLICY, CLIENT_TASK_POLICY, FORCED_FLOW_POLICY};
use super::rule::Facts;
use crate::model::{FlowRun, Pauses, RetryType, RunTimes, State, StateDetails, StateId, StateType, TaskRun};

impl Orchestrator {
    /// Judges a state for a flow run that a client orchestrates. One that insists (`force`) is refused only what would lose a
    /// result. Whoever asks writes what follows ([`Orchestrator::client_flow_run_after`]), if nothing else is against it, and
    /// asks anew if somebody else has moved the run meanwhile.
    pub fn judge_client_flow_run(&self, run: &FlowRun, proposed: State, force: bool) -> Decision {
        let governed = Governed {
            state: Some(&run.state),
            times: &run.times,
            policy: &run.empirical_policy,
            run_count_at_start: 0,
            executed: false,
            facts: Facts { flow_run: Some(run), ..Facts::default() },
        };
        let policy = if force { FORCED_FLOW_POLICY } else { CLIENT_FLOW_POLICY };
        let (now, random) = (self.clock().now(), self.clock().random());
        govern(policy, governed, proposed, now, random, || StateId(self.clock().uuid()))
    }

    /// Gives a flow run that a client orchestrates as it stands behind a decision about this proposal, and completes the
    /// decision's state; `None` if the run stays where it is.
    pub fn client_flow_run_after(&self, run: &FlowRun, decision: &mut Decision, proposed: &State) -> Option<FlowRun> {
        let (Decision::Accept(state) | Decision::Reject(state, _)) = decision else { return None };
        let details = state.details_mut();
        (details.flow_run_id, details.task_run_id) = (Some(run.id), run.parent_task_run_id);
        state.keep_slot_lease(&run.state);
        let state = state.clone();
        let mut next = run.clone();
        next.pauses.follow(&run.state, decision, proposed, || self.clock().uuid().to_string());
        next.times.enter_client_state(Some(&run.state), &state, !run.pauses.resuming);
        next.state = state;
        next.updated = self.clock().now();
        Some(next)
    }

    /// Judges a state for a task run that a client orchestrates, of this flow run if it belongs to one, and gives the run
    /// as it stands then. `cached` is what is cached under the key of the proposed state. Whoever asks keeps the run.
    pub fn judge_client_task_run(
        &self,
        run: &TaskRun,
        flow_run: Option<&FlowRun>,
        cached: Option<&State>,
        proposed: State,
        force: bool,
    ) -> (Decision, TaskRun) {
        let mut next = run.clone();
        if run.state.is_terminal() && !proposed.is_terminal() && !force {
            // It has all its retries again.
            next.times.run_count = 0;
        }
        let deferred = proposed.details.as_ref().is_some_and(|details| details.deferred == Some(true));
        let policy = match (force, deferred) {
            (_, true) => BACKGROUND_TASK_POLICY,
            (true, false) => &[],
            (false, false) => CLIENT_TASK_POLICY,
        };
        let governed = Governed {
            state: Some(&run.state),
            times: &next.times,
            policy: &run.empirical_policy,
            run_count_at_start: 0,
            executed: false,
            facts: Facts { flow_run, task_run: Some(run), cached },
        };
        let (now, random) = (self.clock().now(), self.clock().random());
        let mut decision = govern(policy, governed, proposed, now, random, || StateId(self.clock().uuid()));
        let (Decision::Accept(state) | Decision::Reject(state, _)) = &mut decision else {
            return (decision, run.clone());
        };
        let details = state.details_mut();
        (details.task_run_id, details.flow_run_id) = (Some(run.id), run.flow_run_id);
        if deferred && matches!(state.kind, StateType::Pending | StateType::Running) {
            keep_parameters(&run.state, state);
        }
        next.times.enter_client_state(Some(&run.state), state, true);
        if let Some(flow_run) = flow_run.filter(|_| state.kind == StateType::Running && !force) {
            next.attempt = flow_run.times.run_count;
        }
        next.state = state.clone();
        (decision, next)
    }
}

/// Tells a background task's next state where its arguments are.
fn keep_parameters(from: &State, to: &mut State) {
    let kept = |details: &StateDetails| details.task_parameters_id;
    if let Some(parameters) = from.details.as_deref().and_then(kept) {
        to.details_mut().task_parameters_id.get_or_insert(parameters);
    }
}

impl RunTimes {
    /// Keeps the books of a run that a client orchestrates. `counts` says whether RUNNING is a new attempt.
    pub fn enter_client_state(&mut self, from: Option<&State>, to: &State, counts: bool) {
        if let Some(from) = from.filter(|from| from.kind == StateType::Running) {
            let spent = (to.timestamp - from.timestamp).num_microseconds().unwrap_or(i64::MAX);
            self.total_run_time = self.total_run_time.saturating_add(spent.max(0));
        }
        self.next_scheduled_start_time = if to.kind == StateType::Scheduled { to.scheduled_time() } else { None };
        if to.kind == StateType::Running {
            self.start_time.get_or_insert(to.timestamp);
            self.run_count += i32::from(counts);
        }
        if !to.is_terminal() {
            self.end_time = None;
        } else if self.end_time.is_none() {
            self.start_time.get_or_insert(to.timestamp);
            self.end_time = Some(to.timestamp);
        }
    }
}

impl Pauses {
    /// Keeps the books of pauses and retries. A pause without a key gets one.
    fn follow(&mut self, from: &State, decision: &Decision, proposed: &State, new_key: impl FnOnce() -> String) {
        let entered = match decision {
            Decision::Accept(state) => state,
            Decision::Reject(state, _) => {
                if from.kind == StateType::Running && proposed.kind == StateType::Failed {
                    *self = Pauses { retry_type: Some(RetryType::InProcess), ..Pauses::default() };
                }
                // Whoever asked to go on from a pause is resuming, whatever came of it.
                self.resuming = from.kind == StateType::Paused || (self.resuming && !ends_resuming(state));
                return;
            }
            _ => return,
        };
        self.resuming &= !ends_resuming(entered);
        match (from.kind, entered.kind) {
            (StateType::Paused, _) => self.resuming = true,
            (_, StateType::Paused) => {
                let key = entered.details.as_ref().and_then(|details| details.pause_key.clone());
                self.keys.insert(key.unwrap_or_else(new_key));
            }
            (StateType::Running, StateType::Failed) => self.retry_type = None,
            (from, to) if from.is_terminal() && !to.is_terminal() => {
                let retry_type = (to == StateType::Scheduled).then_some(RetryType::Reschedule);
                *self = Pauses { retry_type, ..Pauses::default() };
            }
            _ => {}
        }
    }
}

fn ends_resuming(state: &State) -> bool {
    state.kind == StateType::Running || state.is_terminal()
}
