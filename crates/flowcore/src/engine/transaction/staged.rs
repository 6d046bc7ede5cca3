//! What a transaction holds until it ends: completed tasks with their hooks, and hooks of its own.

use std::sync::Arc;

use super::ending::{Ending, end};
use super::handle::Transaction;
use super::hooks::{HookFuture, Hooked, called};
use super::shelf::CacheEntry;
use crate::engine::asset::TaskAssets;
use crate::engine::cancel::Cancel;
use crate::engine::codec::Value;
use crate::engine::context::Scope;
use crate::engine::core::Engine;
use crate::engine::entry::Entry;
use crate::engine::error::{BoxError, Error, Result};
use crate::engine::hooks::HookEvent;
use crate::engine::task_entry::propose;
use crate::engine::task_scope::TaskScope;
use crate::model::{State, StateName, StateType};
use crate::orchestration::Decision;

/// A task that has completed in a transaction.
pub(crate) struct StagedTask {
    pub(crate) entry: Arc<Entry>,
    /// The task's name.
    pub(crate) name: String,
    pub(crate) hooks: Option<(Box<Hooked>, Value)>,
    /// What is told as materialized with the commit.
    pub(crate) assets: Option<Arc<TaskAssets>>,
    /// What is to be cached.
    pub(crate) cache: Option<Arc<CacheEntry>>,
}

/// A hook of the transaction itself.
pub(super) type OwnHook = Box<dyn FnOnce(Transaction) -> HookFuture + Send>;

/// One thing that was done in a transaction.
pub(super) enum Step {
    Task(Box<StagedTask>),
    OnCommit(Option<OwnHook>),
    OnRollback(Option<OwnHook>),
}

/// A step, and the transaction in which it was done.
pub(super) struct Staged {
    pub(super) transaction: Transaction,
    pub(super) step: Step,
}

/// Tells whose hook kept a transaction from its commit.
#[derive(Debug, thiserror::Error)]
#[error("the on_commit hook of {of} failed")]
struct CommitRefused {
    of: String,
    source: BoxError,
}

impl Staged {
    /// Calls what is to be called at the commit.
    pub(super) async fn commit(&mut self) -> Result<()> {
        let transaction = self.transaction.clone();
        let refused = |of: String| move |error: Error| Error::from(CommitRefused { of, source: error.into() });
        match &mut self.step {
            Step::Task(task) => {
                let state = task.entry.with(|run| run.state.clone());
                task.call_all(&transaction, &state, true).await.map_err(refused(format!("task `{}`", task.name)))
            }
            Step::OnCommit(hook) => match hook.take() {
                Some(hook) => {
                    called(|| hook(transaction.clone())).await.map_err(refused(transaction.describe().to_owned()))
                }
                None => Ok(()),
            },
            Step::OnRollback(_) => Ok(()),
        }
    }

    /// Gives the task's cache entry.
    pub(super) fn cache(&self) -> Option<&Arc<CacheEntry>> {
        match &self.step {
            Step::Task(task) => task.cache.as_ref(),
            _ => None,
        }
    }

    /// Notes in the task's history that it is not undone any more, and tells of its assets.
    pub(super) fn committed(&self) {
        let Step::Task(task) = &self.step else { return };
        let engine = &self.transaction.core().engine;
        let mut state = engine.state(StateType::Completed).message("Its transaction has committed.");
        task.entry.with(|run| {
            state.data.clone_from(&run.state.data);
            state.details.clone_from(&run.state.details);
        });
        state.details_mut().transaction_committed = Some(true);
        task.enter(&self.transaction, state);
        if let Some(assets) = &task.assets {
            assets.tell(engine, &self.transaction.core().around, &task.entry, true);
        }
    }

    /// Undoes the step. What fails is logged.
    pub(super) async fn roll_back(&mut self) {
        let transaction = self.transaction.clone();
        match &mut self.step {
            Step::Task(task) => task.roll_back(&transaction).await,
            Step::OnRollback(hook) => {
                if let Some(hook) = hook.take()
                    && let Err(error) = called(|| hook(transaction.clone())).await
                {
                    let what = transaction.describe();
                    tracing::error!(target: "flowcore", "an on_rollback hook of {what} failed: {}", error.chain().join(": "));
                }
            }
            Step::OnCommit(_) => {}
        }
    }
}

impl StagedTask {
    /// Commits a task that is in no transaction, as one by itself.
    pub(crate) async fn commit_alone(self, engine: &Engine, around: &Scope) -> Result<()> {
        let transaction = Transaction::alone(engine.clone(), around.clone());
        transaction.add_task(self);
        end(&transaction, Ending::Commit).await
    }

    /// Lets the run enter a state if the rules allow it.
    fn enter(&self, transaction: &Transaction, state: State) -> Option<State> {
        let run_count = self.entry.with(|run| run.times.run_count);
        match propose(&transaction.core().engine, &self.entry, run_count, state) {
            Decision::Accept(state) => Some(state),
            _ => None,
        }
    }

    /// Undoes the task. The record comes first: if the process dies between the two, the task is executed again when its
    /// flow is resumed, while otherwise it would count as done although it is undone.
    async fn roll_back(&self, transaction: &Transaction) {
        let engine = &transaction.core().engine;
        let state = engine.state(StateType::Completed).named(StateName::ROLLED_BACK);
        let Some(state) = self.enter(transaction, state.message("It was undone with its transaction.")) else { return };
        if self.hooks.as_ref().is_none_or(|(hooks, _)| hooks.on_rollback.is_empty()) {
            return;
        }
        if let Err(error) = engine.0.journal.commit().await {
            tracing::warn!(target: "flowcore", "that task run '{}' is rolled back is not recorded yet: {error}", self.run_name());
        }
        if transaction.is_superseded() {
            return;
        }
        // What fails is logged, hook by hook.
        drop(self.call_all(transaction, &state, false).await);
    }

    fn run_name(&self) -> String {
        self.entry.with(|run| run.name.clone())
    }

    /// Calls the hooks inside the task run: for a commit until one fails, for a rollback all of them.
    async fn call_all(&self, transaction: &Transaction, state: &State, commit: bool) -> Result<()> {
        let Some((hooks, result)) = &self.hooks else { return Ok(()) };
        let called = if commit { &hooks.on_commit } else { &hooks.on_rollback };
        let core = transaction.core();
        let flow = core.around.flow();
        let run = HookEvent {
            name: self.name.clone(),
            run_name: self.run_name(),
            flow_run_id: flow.map(|flow| flow.id),
            task_run_id: Some(self.entry.with(|run| run.id)),
            state: state.clone(),
        };
        // Nothing asks it to end: what has begun to be undone is undone.
        let around = TaskScope::new(self.entry.clone(), 0, Cancel::new());
        let scope = Scope::new(core.engine.clone(), flow.cloned(), Some(around));
        for hook in called {
            let event = hooks.event(run.clone(), transaction.clone(), result.clone());
            if let Err(error) = scope.clone().surround(hook.call(event)).await {
                if commit {
                    return Err(error);
                }
                let (what, chain) = (&run.run_name, error.chain().join(": "));
                scope.clone().enter(|| {
                    tracing::error!(target: "flowcore", "an on_rollback hook of task run '{what}' failed: {chain}");
                });
            }
        }
        Ok(())
    }
}
