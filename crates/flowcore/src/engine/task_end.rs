//! The ends of a task run: Completed, Failed or about to be tried again, NotReady, Cancelled.

use super::attempt::{Fault, describe_panic};
use super::codec::Value;
use super::error::{Error, RunError};
use super::panics::Panicked;
use super::settled::Settled;
use super::task_cache::Caching;
use super::task_engine::TaskExecution;
use crate::model::{State, StateData, StateName, StateType};
use crate::orchestration::Decision;

/// What failed, in messages.
const WHAT: &str = "The task";

impl TaskExecution {
    pub(super) async fn complete_with_hooks(
        &self,
        value: Value,
        data: Option<StateData>,
        cached: Option<Caching>,
    ) -> Settled {
        let (completed, settled) = self.complete(value, data, cached);
        if let (true, Some(state)) = (completed, &settled.state) {
            self.call_hooks(&self.call.options().common.on_completion, state).await;
        }
        settled
    }

    /// Ends the run as Completed; tells whether it did.
    pub(super) fn complete(&self, value: Value, data: Option<StateData>, cached: Option<Caching>) -> (bool, Settled) {
        let mut state = self.engine.state(StateType::Completed);
        state.data = data.map(Box::new);
        if let Some(cached) = cached {
            let details = state.details_mut();
            details.cache_key = Some(cached.key);
            details.cache_expiration = cached.expiration;
        }
        match self.propose(state) {
            Decision::Accept(state) => (true, Settled { state: Some(state), result: Ok(value) }),
            _ => (false, self.cancelled()),
        }
    }

    /// Ends the run as Failed, or gives none when it is to be tried again.
    pub(super) async fn fail(&self, fault: Fault) -> Option<Settled> {
        let failed = self.engine.state(StateType::Failed);
        let (state, source) = fault.describe(WHAT, failed, &self.call.options().common);
        let message = state.message.clone().unwrap_or_default();
        match self.propose(state) {
            Decision::Reject(waiting, _) if waiting.kind == StateType::Scheduled => {
                let wait = waiting.scheduled_time().unwrap_or_default() - waiting.timestamp;
                let message = message.trim_end_matches('.');
                self.log(|| tracing::warn!(target: "flowcore::task_run", "{message}; it is tried again in {:.1} s", wait.as_seconds_f64()));
                None
            }
            Decision::Accept(state) | Decision::Reject(state, _) => {
                self.log(|| tracing::error!(target: "flowcore::task_run", "{message}"));
                self.call_hooks(&self.call.options().common.on_failure, &state).await;
                Some(self.failed_with(state, source))
            }
            _ => Some(self.cancelled()),
        }
    }

    /// Ends the run after a panic of code around the body: a predicate, a cache key, the result's serialization.
    pub(super) async fn panicked(&self, panicked: Panicked) -> Settled {
        let mut state = describe_panic(WHAT, self.engine.state(StateType::Failed), &panicked);
        state.details_mut().retriable = Some(false);
        match self.propose(state) {
            Decision::Accept(state) => {
                let message = state.message.clone().unwrap_or_default();
                self.log(|| tracing::error!(target: "flowcore::task_run", "{message}"));
                self.call_hooks(&self.call.options().common.on_failure, &state).await;
                self.failed_with(state, Some(Error::from(panicked)))
            }
            _ => self.cancelled(),
        }
    }

    pub(super) fn not_ready(&self, error: &RunError) -> Settled {
        let message = format!("{error}, and its result is needed.");
        let state = self.engine.state(StateType::Pending).named(StateName::NOT_READY).message(message);
        match self.propose(state) {
            Decision::Accept(state) => self.failed_with(state, Some(Error::from(error.clone()))),
            _ => self.cancelled(),
        }
    }

    pub(super) fn cancelled(&self) -> Settled {
        let state = self.engine.state(StateType::Cancelled).message("The task was asked to end.");
        match self.propose(state) {
            Decision::Accept(state) => self.failed_with(state, None),
            _ => self.failed_with(self.entry.with(|run| run.state.clone()), None),
        }
    }

    fn failed_with(&self, state: State, source: Option<Error>) -> Settled {
        let error =
            RunError::of_state(format!("task `{}`", self.entry.with(|run| run.name.clone())), state.clone(), source);
        Settled { state: Some(state), result: Err(error) }
    }
}
