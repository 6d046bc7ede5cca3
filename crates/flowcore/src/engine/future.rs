//! Futures of submitted runs, and ways to wait for several.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::codec::Value;
use super::error::RunError;
use super::retry::Seconds;
use super::settled::{Promise, Settled};
use crate::model::{FlowRunId, State, TaskRunId};

/// A run that was submitted. Awaiting it gives its result; it can be cloned, awaited many times, and passed as an
/// argument wherever its result is wanted.
///
/// Dropping it does not stop the run: the flow waits for what it has submitted.
pub struct TaskFuture<T> {
    promise: Promise,
    marker: PhantomData<fn() -> T>,
}

impl<T> Clone for TaskFuture<T> {
    fn clone(&self) -> Self {
        TaskFuture { promise: self.promise.clone(), marker: PhantomData }
    }
}

impl<T> fmt::Debug for TaskFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskFuture").field("run", &self.promise.input()).finish_non_exhaustive()
    }
}

impl<T: Clone + Send + Sync + 'static> TaskFuture<T> {
    pub(crate) fn new(promise: Promise) -> Self {
        TaskFuture { promise, marker: PhantomData }
    }

    pub(crate) fn promise(&self) -> &Promise {
        &self.promise
    }

    /// Tells the task run's id, or none while the run waits for its arguments or is not a task's.
    pub fn task_run_id(&self) -> Option<TaskRunId> {
        self.promise.input()?.task_run_id()
    }

    /// Tells the flow run's id, or none while the run waits for its arguments or is not a flow's.
    pub fn flow_run_id(&self) -> Option<FlowRunId> {
        self.promise.input()?.flow_run_id()
    }

    /// Tells whether the run has ended.
    pub fn is_finished(&self) -> bool {
        self.promise.get().is_some()
    }

    /// Asks the run to end: it is dropped at its next await and becomes Cancelled.
    pub fn cancel(&self) {
        self.promise.cancel();
    }

    /// Waits for the run to end and returns its final state, whatever that is, with its result.
    pub async fn outcome(&self) -> Outcome<T> {
        Outcome::of(self.promise.wait().await)
    }

    /// Waits for the run to end, but not longer than this; tells whether it has ended.
    pub async fn wait(&self, limit: impl Into<Seconds>) -> bool {
        tokio::time::timeout(limit.into().duration(), self.promise.wait()).await.is_ok()
    }

    /// Lets a task that is given this future run even if this run fails: it then gets the [`Outcome`].
    pub fn allow_failure(&self) -> AllowFailure<T> {
        AllowFailure(self.clone())
    }

    /// Takes the result of a run that has settled.
    pub(crate) fn take(&self) -> Result<T, RunError> {
        self.settled_outcome().result
    }

    pub(crate) fn settled_outcome(&self) -> Outcome<T> {
        match self.promise.get() {
            Some(settled) => Outcome::of(settled),
            None => unreachable!("arguments are made when their runs have settled"),
        }
    }
}

impl<T: Clone + Send + Sync + 'static> IntoFuture for TaskFuture<T> {
    type Output = Result<T, RunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T, RunError>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.outcome().await.result })
    }
}

impl<T: Clone + Send + Sync + 'static> IntoFuture for &TaskFuture<T> {
    type Output = Result<T, RunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T, RunError>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        self.clone().into_future()
    }
}

/// How a run ended: its final state and its result.
///
/// It is what tasks get that tolerate failures upstream, and it serializes for their cache keys.
#[derive(Clone, Debug)]
pub struct Outcome<T> {
    /// The final state, or none when the run could not be orchestrated.
    pub state: Option<State>,
    /// The value, or why there is none.
    pub result: Result<T, RunError>,
}

impl<T: Clone + Send + Sync + 'static> Outcome<T> {
    pub(crate) fn of(settled: &Settled) -> Self {
        Outcome { state: settled.state.clone(), result: settled.result.clone().map(typed) }
    }
}

impl<T: Serialize> Serialize for Outcome<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "lowercase")]
        enum Shown<'a, T> {
            Value(&'a T),
            Error(String),
        }
        match &self.result {
            Ok(value) => Shown::Value(value).serialize(serializer),
            Err(error) => Shown::<T>::Error(format!("{error:?}")).serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Outcome<T> {
    /// Reads the value of an outcome; an error comes back as the text it was.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Shown<T> {
            Value(T),
            Error(String),
        }
        let result = match Shown::deserialize(deserializer)? {
            Shown::Value(value) => Ok(value),
            Shown::Error(text) => Err(RunError::infrastructure("a run", super::error::Error::msg(text))),
        };
        Ok(Outcome { state: None, result })
    }
}

/// Makes a value of its type from an erased one, without a copy if nobody else holds it.
pub(crate) fn typed<T: Clone + Send + Sync + 'static>(value: Value) -> T {
    match value.downcast::<T>() {
        Ok(value) => Arc::unwrap_or_clone(value),
        // The engine pairs each run with the type of the call that made it.
        Err(_) => unreachable!("a result has the type of its task"),
    }
}

/// A future whose failure the task that gets it tolerates.
pub struct AllowFailure<T>(pub(crate) TaskFuture<T>);

/// Futures whose failures the task that gets them tolerates.
pub struct AllowFailures<T>(pub(crate) Vec<TaskFuture<T>>);

/// The runs of a mapped call, in the order of their arguments.
pub struct TaskFutures<T>(Vec<TaskFuture<T>>);

impl<T: Clone + Send + Sync + 'static> TaskFutures<T> {
    pub(crate) fn new(futures: Vec<TaskFuture<T>>) -> Self {
        TaskFutures(futures)
    }

    /// Tells how many runs there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes through the runs.
    pub fn iter(&self) -> std::slice::Iter<'_, TaskFuture<T>> {
        self.0.iter()
    }

    /// Gives the runs as a list.
    pub fn into_vec(self) -> Vec<TaskFuture<T>> {
        self.0
    }

    /// Waits for all runs and returns how each ended.
    pub async fn outcomes(&self) -> Vec<Outcome<T>> {
        let mut outcomes = Vec::with_capacity(self.0.len());
        for future in &self.0 {
            outcomes.push(future.outcome().await);
        }
        outcomes
    }

    /// Lets a task that is given these futures run even if some of the runs fail.
    pub fn allow_failure(&self) -> AllowFailures<T> {
        AllowFailures(self.0.clone())
    }
}

impl<T> IntoIterator for TaskFutures<T> {
    type Item = TaskFuture<T>;
    type IntoIter = std::vec::IntoIter<TaskFuture<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T: Clone + Send + Sync + 'static> IntoFuture for TaskFutures<T> {
    type Output = Result<Vec<T>, RunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Waits for all runs; the result is that of all, or the first error in the order of the arguments.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.outcomes().await.into_iter().map(|outcome| outcome.result).collect() })
    }
}

/// What [`wait`] found.
pub struct Waited<T> {
    /// Runs that have ended.
    pub done: Vec<TaskFuture<T>>,
    /// Runs that have not.
    pub not_done: Vec<TaskFuture<T>>,
}

/// Waits until all runs have ended, but not longer than `limit`.
pub async fn wait<T: Clone + Send + Sync + 'static>(
    futures: impl IntoIterator<Item = TaskFuture<T>>,
    limit: Option<Duration>,
) -> Waited<T> {
    let futures: Vec<_> = futures.into_iter().collect();
    let all = async {
        for future in &futures {
            future.promise.wait().await;
        }
    };
    match limit {
        // Whether the time sufficed shows in the futures themselves.
        Some(limit) => drop(tokio::time::timeout(limit, all).await),
        None => all.await,
    }
    let (done, not_done) = futures.into_iter().partition(TaskFuture::is_finished);
    Waited { done, not_done }
}

/// Gives runs in the order in which they end: call [`AsCompleted::next`] until it returns none.
pub fn as_completed<T: Clone + Send + Sync + 'static>(
    futures: impl IntoIterator<Item = TaskFuture<T>>,
) -> AsCompleted<T> {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let mut left = 0;
    for future in futures {
        left += 1;
        let sender = sender.clone();
        tokio::spawn(async move {
            future.promise.wait().await;
            // Nobody listens any more when the iteration was dropped.
            let _ = sender.send(future);
        });
    }
    AsCompleted { receiver, left }
}

/// Runs in the order in which they end.
pub struct AsCompleted<T> {
    receiver: tokio::sync::mpsc::UnboundedReceiver<TaskFuture<T>>,
    left: usize,
}

impl<T> AsCompleted<T> {
    /// Waits for the next run to end; none when all have been given.
    pub async fn next(&mut self) -> Option<TaskFuture<T>> {
        self.left = self.left.checked_sub(1)?;
        self.receiver.recv().await
    }
}
