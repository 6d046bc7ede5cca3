//! What people ask of runs: to end, and to go on behind a pause.

use serde_json::Value;

use super::input_schema::{InputProblem, problems};
use super::orchestrator::{Orchestrator, RunDecision};
use crate::model::{FlowRun, State, StateName, StateType};
use crate::store::StoreError;

/// What became of a resume.
#[derive(Clone, Debug)]
pub enum Resumption {
    /// It was judged; a run that is RUNNING or SCHEDULED then goes on.
    Decided(Box<RunDecision>),
    /// The input is not what the run waits for. Nothing has changed.
    WrongInput(Vec<InputProblem>),
}

/// Makes the state in which a paused flow run goes on, out of a RUNNING one: that one where its process waits, SCHEDULED
/// if it is suspended.
///
/// # Errors
/// The input is not what the run waits for.
pub fn resumed(run: &FlowRun, input: Option<Value>, running: State) -> Result<State, Vec<InputProblem>> {
    let details = run.state.details.as_deref().cloned().unwrap_or_default();
    if run.state.kind == StateType::Paused {
        let wrong = match (&details.input_schema, &input) {
            (Some(schema), input) => problems(schema, input.as_ref()),
            (None, Some(_)) => vec![InputProblem::unexpected()],
            (None, None) => Vec::new(),
        };
        if !wrong.is_empty() {
            return Err(wrong);
        }
    }
    let mut state = if details.pause_reschedule {
        let due = running.timestamp;
        State::new(StateType::Scheduled, running.id, due).named(StateName::RESUMING).scheduled_for(due)
    } else {
        running
    };
    state.details_mut().pause_key = details.pause_key;
    state.details_mut().input = input;
    Ok(state)
}

impl Orchestrator {
    /// Asks a flow run to end. One that a process executes becomes CANCELLING, and its process ends it; one that nobody
    /// executes becomes CANCELLED. One that has ended, or was asked already, stays as it is.
    pub async fn cancel_flow_run(&self, run: &FlowRun) -> Result<RunDecision, StoreError> {
        let mut run = run.clone();
        loop {
            let attempt = run.times.run_count;
            let state = self.state(StateType::Cancelling).message("The flow was asked to end.");
            let ended = |run: &FlowRun| run.state.is_terminal().then_some("the run has already ended");
            let decided = self.propose(run, state, ended, |_| {}).await?;
            // A newer attempt is asked as well.
            if decided.run.times.run_count == attempt || decided.run.state.is_terminal() {
                return Ok(decided);
            }
            run = decided.run;
        }
    }

    /// Lets a paused flow run go on, with what it wants to be told: RUNNING where its process waits, SCHEDULED if it is
    /// suspended. FAILED instead if the time limit of a suspension has passed.
    pub async fn resume_flow_run(&self, run: &FlowRun, input: Option<Value>) -> Result<Resumption, StoreError> {
        let paused = run.state.id;
        let state = match resumed(run, input, self.state(StateType::Running)) {
            Ok(state) => state,
            Err(wrong) => return Ok(Resumption::WrongInput(wrong)),
        };
        let not_paused = move |run: &FlowRun| match run.state.kind {
            StateType::Paused if run.state.id == paused => None,
            StateType::Paused => Some("the run is paused anew since it was looked at"),
            _ => Some("the run is not paused"),
        };
        Ok(Resumption::Decided(Box::new(self.propose(run.clone(), state, not_paused, |_| {}).await?)))
    }

    /// Makes the state of a paused run whose process has gone.
    pub(super) fn suspended(&self, paused: &State) -> State {
        let mut state = self.state(StateType::Paused).named(StateName::SUSPENDED);
        state.message.clone_from(&paused.message);
        state.details.clone_from(&paused.details);
        state.details_mut().pause_reschedule = true;
        state
    }
}
