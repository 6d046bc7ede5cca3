//! The end of an attempt of a flow: its final state, another attempt, or a suspension.

use super::attempt::{Attempt, until_either};
use super::codec::Value;
use super::error::{Error, RunError};
use super::flow_engine::FlowExecution;
use super::flow_report::hooks_of;
use super::insist::insist;
use super::panics::caught;
use super::settled::Settled;
use super::verdict::Ending;
use crate::model::{State, StateType, Timestamp};
use crate::orchestration::{Decision, RunDecision};

/// How an attempt of a flow ended.
pub(super) enum Ended {
    /// As its function or its circumstances would have it.
    Attempt(Attempt),
    /// It is to be suspended, in this state.
    Suspended(State),
}

impl FlowExecution {
    /// Brings the attempt to its state; none when the run is to be tried again.
    pub(super) async fn end(&mut self, ended: Ended) -> Result<Option<Settled>, Error> {
        let Ending { state, value, source } = match ended {
            Ended::Suspended(state) => Ending { state, value: None, source: None },
            Ended::Attempt(attempt) => match caught(self.judge(attempt)).await {
                Ok(ending) => ending,
                // The result's serialization or a predicate did.
                Err(panicked) => self.panicked(panicked),
            },
        };
        let message = state.message.clone().unwrap_or_default();
        match self.propose(state).await? {
            Decision::Reject(waiting, _) if waiting.kind == StateType::Scheduled => {
                let message = message.trim_end_matches('.');
                let due = waiting.scheduled_time().unwrap_or(waiting.timestamp);
                let wait = (due - waiting.timestamp).as_seconds_f64();
                tracing::warn!(target: "flowcore::flow_run", "{message}; it is tried again in {wait:.1} s");
                self.again(due).await
            }
            Decision::Accept(state) | Decision::Reject(state, _) => {
                self.log_end(&state);
                if state.is_terminal() {
                    self.hooks(hooks_of(&state), &state).await;
                }
                let value = value.filter(|_| state.is_completed());
                Ok(Some(self.settle(state, value, source).await))
            }
            Decision::Stay(why) | Decision::Abort(why) => {
                // Somebody else has the run now, or it was ended from elsewhere: what stands there counts.
                tracing::warn!(target: "flowcore::flow_run", "The run's state was not accepted: {why}.");
                let state = self.run.state.clone();
                Ok(Some(self.settle(state, None, Some(Error::msg(why))).await))
            }
            Decision::Wait(due) => self.again(due).await,
        }
    }

    /// Proposes a state. A run that was asked to end in the very moment ends as Cancelled, whatever was proposed.
    async fn propose(&mut self, state: State) -> Result<Decision, Error> {
        let decision = self.write(state).await?;
        if self.run.state.kind != StateType::Cancelling {
            return Ok(decision);
        }
        self.cancel.cancel();
        self.threads.none().await;
        let cancelled = self.engine.state(StateType::Cancelled).message("The flow was asked to end.");
        self.write(cancelled).await
    }

    /// Proposes a state, which is what the run comes to. A store that fails is asked again for some time.
    pub(super) async fn write(&mut self, state: State) -> Result<Decision, Error> {
        let client = &self.engine.0.client;
        let decided = insist(&*self.engine.0.clock, || client.set_flow_run_state(&self.run, state.clone())).await;
        let RunDecision { run, decision } = match decided {
            Ok(decided) => decided,
            Err(error) => {
                let what = format!("it came to {}, which cannot be written", state.name);
                return Err(self.left_open(&what, error).into());
            }
        };
        self.run = run;
        // A write that seemed to fail may have been made all the same.
        Ok(if self.run.state.id == state.id { Decision::Accept(self.run.state.clone()) } else { decision })
    }

    /// Waits until the run is due and lets it run again; a final state when it was cancelled meanwhile.
    async fn again(&mut self, due: Timestamp) -> Result<Option<Settled>, Error> {
        let clock = self.engine.0.clock.clone();
        if let Ok(wait) = (due - clock.now()).to_std() {
            self.flush_told().await;
            until_either(clock.sleep(wait), &self.cancel).await;
        }
        if let Some(left) = self.left.take() {
            // Two attempts of one run must not run side by side.
            until_either(left.ended(), &self.cancel).await;
        }
        let next = if self.cancel.is_requested() {
            // Cancelled says that nothing runs any more.
            self.threads.none().await;
            StateType::Cancelled
        } else {
            StateType::Running
        };
        match self.propose(self.engine.state(next)).await? {
            Decision::Accept(state) if state.kind == StateType::Running => Ok(None),
            Decision::Accept(state) => {
                self.log_end(&state);
                self.hooks(hooks_of(&state), &state).await;
                Ok(Some(self.settle(state, None, None).await))
            }
            _ => {
                let state = self.run.state.clone();
                Ok(Some(self.settle(state, None, None).await))
            }
        }
    }

    async fn settle(&self, state: State, value: Option<Value>, source: Option<Error>) -> Settled {
        if let Some(parent) = &self.parent {
            parent.ended(self.run.id, &state);
        }
        self.span.end(&state, self.run.times.run_count);
        let mut state = state;
        if state.is_suspended() {
            // For whoever says how to resume it.
            state.details_mut().flow_run_id = Some(self.run.id);
        }
        self.flush_told().await;
        let result = match value {
            Some(value) => Ok(value),
            None => Err(RunError::of_state(format!("flow run `{}`", self.run.name), state.clone(), source)),
        };
        Settled { state: Some(state), result }
    }
}
