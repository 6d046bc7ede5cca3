//! Hooks of tasks in transactions, and what they are told.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::handle::Transaction;
use crate::engine::codec::Value;
use crate::engine::error::{BoxError, Error, Result};
use crate::engine::hooks::HookEvent;
use crate::engine::options::TaskOptions;
use crate::engine::panics::{CatchPanics, Panicked};

/// What a hook of a transaction is told: which task run is committed or undone, and in which transaction.
#[derive(Clone)]
#[non_exhaustive]
pub struct TransactionEvent {
    /// The task run; its state is Completed for `on_commit` and RolledBack for `on_rollback`.
    pub run: HookEvent,
    /// The transaction that the task completed in, for the values that were set there.
    pub transaction: Transaction,
    arguments: Arc<Map<String, Json>>,
    result: Value,
}

impl TransactionEvent {
    /// Reads an argument of the task, by the name of its parameter.
    ///
    /// # Errors
    ///
    /// The task has no such argument, or it does not fit the type.
    pub fn argument<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let Some(argument) = self.arguments.get(name) else {
            let known: Vec<_> = self.arguments.keys().map(|name| format!("`{name}`")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Error::msg(format!("task `{}` has no argument `{name}`; it has {known}", self.run.name)));
        };
        T::deserialize(argument)
            .map_err(|error| Error::msg(format!("argument `{name}` of task `{}`: {error}", self.run.name)))
    }

    /// Gives what the task returned, or none if that is of another type.
    pub fn result<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.result.downcast_ref::<T>().cloned()
    }
}

impl fmt::Debug for TransactionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionEvent").field("run", &self.run).finish_non_exhaustive()
    }
}

/// What a hook of a transaction may return: nothing, or a `Result` with any standard error.
pub trait HookResult {
    /// Gives the error if there is one.
    fn into_result(self) -> Result<()>;
}

impl HookResult for () {
    fn into_result(self) -> Result<()> {
        Ok(())
    }
}

impl<E: Into<BoxError>> HookResult for std::result::Result<(), E> {
    fn into_result(self) -> Result<()> {
        self.map_err(|error| Error::from_boxed(error.into()))
    }
}

/// User code that runs when the transaction of a completed task is committed or rolled back.
#[derive(Clone)]
pub struct TransactionHook(Arc<dyn Fn(TransactionEvent) -> HookFuture + Send + Sync>);

pub(super) type HookFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

impl<F, R> From<F> for TransactionHook
where
    F: Fn(TransactionEvent) -> R + Send + Sync + 'static,
    R: Future<Output: HookResult> + Send + 'static,
{
    fn from(hook: F) -> Self {
        TransactionHook(Arc::new(move |event| returned(hook(event))))
    }
}

impl fmt::Debug for TransactionHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransactionHook")
    }
}

impl TransactionHook {
    /// Calls the hook; a panic in it is an error.
    pub(super) async fn call(&self, event: TransactionEvent) -> Result<()> {
        called(|| (self.0)(event)).await
    }
}

/// Erases what a hook returns.
pub(super) fn returned(future: impl Future<Output: HookResult> + Send + 'static) -> HookFuture {
    Box::pin(async move { future.await.into_result() })
}

/// Calls a hook; a panic in it is an error.
pub(super) async fn called(hook: impl FnOnce() -> HookFuture) -> Result<()> {
    let called = match Panicked::catch(hook) {
        Ok(future) => CatchPanics(future).await,
        Err(panicked) => Err(panicked),
    };
    called.unwrap_or_else(|panicked| Err(Error::msg(panicked.say("the hook"))))
}

/// The hooks of one call of a task, with its arguments, which are made while they are here.
pub(crate) struct Hooked {
    pub(super) on_commit: Vec<TransactionHook>,
    pub(super) on_rollback: Vec<TransactionHook>,
    arguments: Arc<Map<String, Json>>,
}

impl Hooked {
    /// Takes the hooks of a call if it has some.
    pub(crate) fn of(options: &TaskOptions, arguments: impl FnOnce() -> Map<String, Json>) -> Option<Box<Self>> {
        if options.on_commit.is_empty() && options.on_rollback.is_empty() {
            return None;
        }
        // The arguments' own code may panic.
        let arguments = Arc::new(Panicked::catch(arguments).unwrap_or_default());
        let (on_commit, on_rollback) = (options.on_commit.clone(), options.on_rollback.clone());
        Some(Box::new(Hooked { on_commit, on_rollback, arguments }))
    }

    /// Makes what the hooks are told.
    pub(super) fn event(&self, run: HookEvent, transaction: Transaction, result: Value) -> TransactionEvent {
        TransactionEvent { run, transaction, arguments: self.arguments.clone(), result }
    }
}
