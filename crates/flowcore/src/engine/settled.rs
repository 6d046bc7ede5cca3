//! The end of a run, as those who wait for it see it: erased of its type, settled once.

use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Whether anybody has waited for the end and got it, or has asked the run to end.
    seen: AtomicBool,
    cancel: Cancel,
}

impl Promise {
    pub(crate) fn new(cancel: Cancel) -> Self {
        Promise(Arc::new(Inner {
            input: OnceLock::new(),
            settled: OnceLock::new(),
            ended: Condition::new(),
            seen: AtomicBool::new(false),
            cancel,
        }))
    }

    pub(crate) fn identify(&self, input: TaskInput) {
        // The first to know the id says it; there is never a second one.
        let _ = self.0.input.set(input);
    }

    pub(crate) fn input(&self) -> Option<TaskInput> {
        self.0.input.get().cloned()
    }

    pub(crate) fn settle(&self, settled: Settled) {
        if self.0.settled.set(settled).is_ok() {
            self.0.ended.changed();
        }
    }

    pub(crate) fn get(&self) -> Option<&Settled> {
        self.0.settled.get()
    }

    /// Gives the error of a run that has failed without anybody's knowing: nobody waited for it or cancelled it.
    pub(crate) fn unseen_error(&self) -> Option<&RunError> {
        if self.0.seen.load(Ordering::Acquire) { None } else { self.get()?.result.as_ref().err() }
    }

    pub(crate) fn cancel(&self) {
        self.0.seen.store(true, Ordering::Release);
        self.0.cancel.cancel();
    }

    pub(crate) fn cancel_request(&self) -> &Cancel {
        &self.0.cancel
    }

    pub(crate) async fn wait(&self) -> &Settled {
        let settled = self.0.ended.met(|| self.get()).await;
        self.0.seen.store(true, Ordering::Release);
        settled
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
