//! The ends of a task run: Completed, Failed or about to be tried again, NotReady, Cancelled.

use super::attempt::{Fault, describe_panic};
use super::codec::Value;
use super::error::{Error, RunError};
use super::panics::Panicked;
use super::settled::Settled;
use super::task_cache::Caching;
use super::task_engine::TaskExecution;
use super::transaction::{Hooked, StagedTask};
use crate::model::{State, StateData, StateName, StateType};
use crate::orchestration::Decision;

/// What failed, in messages.
const WHAT: &str = "The task";

impl TaskExecution {
    pub(super) async fn complete_with_hooks(
        &mut self,
        value: Value,
        data: Option<StateData>,
        cached: Option<Caching>,
    ) -> Settled {
        let hooked = self.hooked.take().map(|hooked| (hooked, value.clone()));
        let is_staged = hooked.is_some() || self.scope.transaction().is_some();
        let (alone, hooks) = if self.scope.transaction().is_some() { (None, hooked) } else { (hooked, None) };
        let (completed, settled) = self.complete_in_transaction(value, data, cached, hooks);
        let (true, Some(state)) = (completed, &settled.state) else { return settled };
        if !is_staged {
            self.tell_of_assets(true);
        }
        self.call_hooks(&self.call.options().common.on_completion, state).await;
        match alone {
            Some(hooks) => self.commit_alone(hooks, settled).await,
            None => settled,
        }
    }

    /// Commits the transaction that a task in none is by itself.
    async fn commit_alone(&self, hooks: (Box<Hooked>, Value), settled: Settled) -> Settled {
        let staged = StagedTask {
            entry: self.entry.clone(),
            name: self.call.name().to_owned(),
            hooks: Some(hooks),
            assets: self.assets.clone(),
            cache: None,
        };
        match staged.commit_alone(&self.engine, &self.scope).await {
            Ok(()) => settled,
            Err(error) => self.failed_with(self.entry.with(|run| run.state.clone()), Some(error)),
        }
    }

    /// Ends the run as Completed; tells whether it did.
    pub(super) fn complete(&self, value: Value, data: Option<StateData>, cached: Option<Caching>) -> (bool, Settled) {
        let (completed, settled) = self.complete_in_transaction(value, data, cached, None);
        if completed && self.scope.transaction().is_none() {
            self.tell_of_assets(true);
        }
        (completed, settled)
    }

    /// Tells that the run has materialized its assets, or has failed to.
    fn tell_of_assets(&self, succeeded: bool) {
        if let Some(assets) = &self.assets {
            assets.tell(&self.engine, &self.scope, &self.entry, succeeded);
        }
    }

    fn complete_in_transaction(
        &self,
        value: Value,
        data: Option<StateData>,
        cached: Option<Caching>,
        hooks: Option<(Box<Hooked>, Value)>,
    ) -> (bool, Settled) {
        let transaction = self.scope.transaction();
        let mut place = None;
        let mut state = self.engine.state(StateType::Completed);
        state.data = data.map(Box::new);
        if let Some(cached) = cached {
            let details = state.details_mut();
            details.cache_key = Some(cached.key);
            details.cache_expiration = cached.expiration;
            place = cached.place.zip(cached.entry);
        }
        match self.propose(state) {
            Decision::Accept(state) => {
                if let Some(transaction) = transaction {
                    let cache = place.map(|(place, entry)| {
                        place.put(entry.clone(), state.data.as_deref().cloned(), transaction);
                        entry
                    });
                    let name = self.call.name().to_owned();
                    let (entry, assets) = (self.entry.clone(), self.assets.clone());
                    transaction.add_task(StagedTask { entry, name, hooks, assets, cache });
                }
                (true, Settled { state: Some(state), result: Ok(value) })
            }
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
                self.tell_of_assets(false);
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
                self.tell_of_assets(false);
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
