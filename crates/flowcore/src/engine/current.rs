//! The run around the code that asks: its ids, names, parameters, tags and attempt, at hand anywhere below.

use serde::de::DeserializeOwned;

use super::cancel::Cancel;
use super::context::Scope;
use super::definition::{ParameterError, Parameters};
use super::transaction::Transaction;
use crate::model::{FlowRunId, TaskRunId};

/// Tells the flow run around this code.
pub fn flow_run_id() -> Option<FlowRunId> {
    Scope::peek(|around| around.flow.as_ref().map(|flow| flow.id)).flatten()
}

/// Tells the name of the flow run around this code.
pub fn flow_run_name() -> Option<String> {
    Scope::peek(|around| around.flow.as_ref().map(|flow| flow.name.clone())).flatten()
}

/// Tells the name of the flow around this code.
pub fn flow_name() -> Option<String> {
    Scope::peek(|around| around.flow.as_ref().map(|flow| flow.flow_name.clone())).flatten()
}

/// Tells the tags of the flow run around this code.
pub fn tags() -> Vec<String> {
    Scope::peek(|around| around.flow.as_ref().map(|flow| flow.tags.clone())).flatten().unwrap_or_default()
}

/// Reads a parameter of the flow run around this code.
///
/// # Errors
///
/// There is no flow run around, it has no such parameter, or the parameter has another type.
pub fn parameter<T: DeserializeOwned>(name: &str) -> Result<T, ParameterError> {
    let json = Scope::peek(|around| around.flow.as_ref().map(|flow| flow.parameters.get().to_owned())).flatten();
    match json {
        Some(json) => Parameters::from_json(&json)?.get(name),
        None => Err(ParameterError("there is no flow run around this code".into())),
    }
}

/// Tells the task run around this code.
pub fn task_run_id() -> Option<TaskRunId> {
    Scope::peek(|around| around.task.as_ref().map(|task| task.id)).flatten()
}

/// Tells the name of the task run around this code.
pub fn task_run_name() -> Option<String> {
    Scope::peek(|around| around.task.as_ref().map(|task| task.name())).flatten()
}

/// Gives the [`transaction`](fn@crate::transaction) around this code.
pub fn transaction() -> Option<Transaction> {
    Scope::peek(|around| around.transaction.clone()).flatten()
}

/// Tells how often the task run around this code has run, or else the flow run: 1 the first time.
pub fn attempt() -> Option<i32> {
    Scope::peek(|around| match (&around.task, &around.flow) {
        (Some(task), _) => Some(task.attempt),
        (None, flow) => flow.as_ref().map(|flow| flow.attempt),
    })
    .flatten()
}

/// Tells whether the run around this code is asked to end: it was cancelled, its attempt has taken too long, or its call
/// was dropped. False outside of runs.
///
/// Async functions need not ask, since they end at their next await. The thread of a plain function cannot be stopped:
/// one that works for long should ask now and then and return, as a retry waits for that.
///
/// ```
/// use flowcore::{Result, current, task};
///
/// #[task(timeout = 60)]
/// fn digest(numbers: Vec<u64>) -> Result<u64> {
///     let mut sum: u64 = 0;
///     for numbers in numbers.chunks(10_000) {
///         if current::is_cancelled() {
///             return Err(flowcore::Error::msg("it takes too long"));
///         }
///         sum = numbers.iter().fold(sum, |sum, number| sum.wrapping_mul(31).wrapping_add(*number));
///     }
///     Ok(sum)
/// }
/// ```
pub fn is_cancelled() -> bool {
    Scope::peek(|around| around.cancel().is_some_and(Cancel::is_requested)).unwrap_or_default()
}

/// Waits until the run around this code is asked to end, as [`is_cancelled`] tells; outside of runs for ever.
///
/// The run is that around the call, wherever the future is awaited then: it is for work that a run has started beside
/// itself, such as a task or a process of its own, and that does not end with it.
pub fn cancelled() -> impl Future<Output = ()> + Send + 'static {
    let cancel = Scope::current().cancel().cloned();
    async move {
        match cancel {
            Some(cancel) => cancel.requested().await,
            None => std::future::pending().await,
        }
    }
}
