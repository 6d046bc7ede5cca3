//! The end of a run, as those who wait for it see it: erased of its type, settled once.

use std::sync::{Arc, OnceLock};

use super::cancel::Cancel;
use super::codec::Value;
use super::condition::Condition;
use super::error::RunError;
use crate::model::{State, TaskInput};

/// How a run ended.
#[derive(Clone)]
pub(crate) struct Settled {
    /// The final state, or none when the run could not be orchestrated.
    pub(crate) state: Option<State>,
    /// The value, or why there is none.
    pub(crate) result: Result<Value, RunError>,
}

/// A run that was started: a promise of its end that can be shared and waited for by many.
#[derive(Clone)]
pub(crate) struct Promise(Arc<Inner>);

struct Inner {
    /// Known once the run has one: a task run that is adopted from an earlier attempt gets its id late.
    input: OnceLock<TaskInput>,
    settled: OnceLock<Settled>,
    ended: Condition,
    cancel: Cancel,
}

impl Promise {
    pub(crate) fn new(cancel: Cancel) -> Self {
        Promise(Arc::new(Inner { input: OnceLock::new(), settled: OnceLock::new(), ended: Condition::new(), cancel }))
    }

    pub(crate) fn identify(&self, input: TaskInput) {
        // The first to know the id says it; there is never a second one.
        let _ = self.0.input.set(input);
    }

    pub(crate) fn input(&self) -> Option<TaskInput> {
        self.0.input.get().copied()
    }

    pub(crate) fn settle(&self, settled: Settled) {
        if self.0.settled.set(settled).is_ok() {
            self.0.ended.changed();
        }
    }

    pub(crate) fn get(&self) -> Option<&Settled> {
        self.0.settled.get()
    }

    pub(crate) fn cancel(&self) {
        self.0.cancel.cancel();
    }

    pub(crate) fn cancel_request(&self) -> &Cancel {
        &self.0.cancel
    }

    pub(crate) async fn wait(&self) -> &Settled {
        self.0.ended.met(|| self.get()).await
    }
}

impl Promise {
    /// Makes the promise of a run that could not even start.
    pub(crate) fn failed(error: RunError) -> Self {
        let promise = Promise::new(Cancel::new());
        promise.settle(Settled { state: None, result: Err(error) });
        promise
    }
}
