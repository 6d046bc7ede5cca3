//! Calls of tasks that yield, and the streams of their values.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::bounds::Volatile;
use super::context::Scope;
use super::error::RunError;
use super::future::{Outcome, TaskFuture, typed};
use super::options::{TaskOptions, task_setters};
use super::settled::Promise;
use super::task_call::TaskCall;
use super::yields::Outlet;
use crate::model::TaskRunId;

/// How many values wait for the caller unless it is said.
const BUFFER: usize = 64;

/// A call of a task that yields, which has not started: [`stream`](StreamCall::stream) it to get each value when it is there, or
/// await or [`submit`](StreamCall::submit) it as any other call, to get them all at the end.
///
/// ```
/// use flowcore::{Engine, Result, Yields, flow, task};
///
/// #[task]
/// async fn countdown(from: u32, #[yields] numbers: Yields<u32>) -> Result<()> {
///     for number in (0..from).rev() {
///         numbers.send(number).await?;
///     }
///     Ok(())
/// }
///
/// /// A plain function yields on its own thread, by hand or from an iterator.
/// #[task]
/// fn squares(below: u32, #[yields] numbers: Yields<u32>) -> Result<()> {
///     Ok(numbers.blocking_send_all((0..below).map(|number| number * number))?)
/// }
///
/// #[flow]
/// async fn numbers() -> Result<u32> {
///     let mut sum = 0;
///     let mut numbers = countdown(1_000u32).stream();
///     while let Some(number) = numbers.next().await {
///         sum += number?;
///     }
///     assert_eq!(squares(4u32).await?, [0, 1, 4, 9]);
///     Ok(sum)
/// }
///
/// #[flowcore::main]
/// async fn main() -> Result<()> {
///     assert_eq!(numbers().on(&Engine::memory()).await?, 499_500);
///     Ok(())
/// }
/// ```
#[must_use = "a call does nothing until it is streamed, awaited or submitted"]
pub struct StreamCall<T> {
    call: TaskCall<Vec<T>>,
    buffer: usize,
}

impl<T: Volatile> StreamCall<T> {
    #[doc(hidden)]
    pub fn new(call: TaskCall<Vec<T>>) -> Self {
        StreamCall { call, buffer: BUFFER }
    }

    fn options_mut(&mut self) -> &mut TaskOptions {
        self.call.options_mut()
    }

    task_setters!();

    /// Sets how many values may wait for the caller, 64 unless it is said. With that many the task waits.
    pub fn buffer(mut self, values: usize) -> Self {
        self.buffer = values;
        self
    }

    /// Starts the task only when this run has completed too, although its result is not an argument.
    pub fn wait_for<U: Volatile>(mut self, future: &TaskFuture<U>) -> Self {
        self.call = self.call.wait_for(future);
        self
    }

    /// Starts the task beside what follows, and gives its values as they come.
    ///
    /// The run is RUNNING until the function has returned, and Cancelled if the stream is dropped before. Its result is
    /// the list of all values, kept when it has completed: a cached or resumed call gives them from there. With
    /// `persist_result = false` no list is made, and the stream needs no more memory than its buffer.
    pub fn stream(mut self) -> TaskStream<T> {
        let call = &mut self.call.call;
        let options = call.options();
        let kept = call.codec.is_some() && options.common.persist_result != Some(false);
        let hooked = !options.on_commit.is_empty() || !options.on_rollback.is_empty();
        let (outlet, values) = Outlet::<T>::new(self.buffer, kept || hooked || options.cache.caches());
        call.outlet = Some(Arc::new(outlet));
        TaskStream { promise: Scope::current().submit(self.call.call), values, given: 0, rest: None }
    }

    /// Starts the task beside what follows, and returns the future of all its values.
    pub fn submit(self) -> TaskFuture<Vec<T>> {
        self.call.submit()
    }

    /// Runs the task and returns how it ended, whatever that is: its final state with its values.
    pub async fn return_state(self) -> Outcome<Vec<T>> {
        self.call.return_state().await
    }
}

impl<T: Volatile> IntoFuture for StreamCall<T> {
    type Output = Result<Vec<T>, RunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Runs the task here and gives all its values.
    fn into_future(self) -> Self::IntoFuture {
        self.call.into_future()
    }
}

/// The values of a task that yields: call [`next`](TaskStream::next) until it returns none. Dropped before, it asks the task to
/// end.
#[must_use = "a stream that is dropped asks its task to end"]
pub struct TaskStream<T> {
    promise: Promise,
    values: mpsc::Receiver<T>,
    /// How many values were given.
    given: usize,
    /// What is left behind the end of the run.
    rest: Option<std::vec::IntoIter<Result<T, RunError>>>,
}

impl<T: Volatile> TaskStream<T> {
    /// Waits for the next value. Behind the last one comes the error of a run that did not complete, and then none.
    pub async fn next(&mut self) -> Option<Result<T, RunError>> {
        if self.rest.is_none() {
            let yielded = tokio::select! {
                biased;
                Some(value) = self.values.recv() => Some(value),
                _ = self.promise.wait() => self.values.try_recv().ok(),
            };
            if let Some(value) = yielded {
                self.given += 1;
                return Some(Ok(value));
            }
        }
        let rest = match &mut self.rest {
            Some(rest) => rest,
            None => {
                let settled = self.promise.wait().await.result.clone();
                let rest = match settled.map(typed::<Vec<T>>) {
                    // All of them, if they are those of another run or attempt.
                    Ok(values) => values.into_iter().skip(self.given).map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                };
                self.rest.insert(rest.into_iter())
            }
        };
        rest.next()
    }

    /// Tells the task run's id, or none while the run waits for its arguments.
    pub fn task_run_id(&self) -> Option<TaskRunId> {
        self.promise.input()?.task_run_id()
    }
}

impl<T> Drop for TaskStream<T> {
    fn drop(&mut self) {
        if self.promise.get().is_none() {
            self.promise.cancel();
        }
    }
}
