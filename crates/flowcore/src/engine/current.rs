//! The run around the code that asks: its ids, names, parameters, tags and attempt, at hand anywhere below.

use serde::de::DeserializeOwned;

use super::cancel::Cancel;
use super::context::{Around, Scope};
use super::definition::{ParameterError, Parameters};
use super::spans::Above;
use super::tags::add_tags;
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

/// Lists the tags that count here: those of the task run around this code, or else of the flow run, and those of
/// [`tags`](fn@crate::tags) around.
pub fn tags() -> Vec<String> {
    let scope = Scope::current();
    let mut tags = match (scope.task(), scope.flow()) {
        (Some(task), _) => task.name_and_tags().1,
        (None, flow) => flow.map(|flow| flow.tags.clone()).unwrap_or_default(),
    };
    add_tags(&mut tags, scope.tags().list());
    tags
}

/// Tells where people look at the flow run around this code: its page in the user interface whose address the setting `ui.url`
/// gives. None without that, and outside of runs.
pub fn flow_run_url() -> Option<String> {
    Scope::peek(|around| url(around, "flow-run", &around.flow.as_ref()?.id.to_string())).flatten()
}

/// Tells where people look at the task run around this code, as [`flow_run_url`].
pub fn task_run_url() -> Option<String> {
    Scope::peek(|around| url(around, "task-run", &around.task.as_ref()?.id.to_string())).flatten()
}

fn url(around: &Around, kind: &str, id: &str) -> Option<String> {
    Some(format!("{}/runs/{kind}/{id}", around.engine.0.ui_url.as_ref()?))
}

/// Spawns a future on the current tokio runtime, inside of the run around this code: what is told, logged and called in it belongs
/// to the run. The run does not wait for it.
///
/// # Panics
///
/// There is no tokio runtime.
pub fn spawn<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(Above::here().surround(Scope::current().surround(future)))
}

/// Calls a function on the blocking pool of the current tokio runtime, inside of the run around this code, as [`spawn`].
///
/// # Panics
///
/// There is no tokio runtime.
pub fn spawn_blocking<T: Send + 'static>(function: impl FnOnce() -> T + Send + 'static) -> tokio::task::JoinHandle<T> {
    let (scope, above) = (Scope::current(), Above::here());
    tokio::task::spawn_blocking(move || above.enter(|| scope.enter(function)))
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
