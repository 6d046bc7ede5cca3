//! Values between runs: sent to a flow run by its id, and received in it one by one.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::attempt::expired;
use super::codec::Codec;
use super::context::{FlowScope, Scope};
use super::core::{Engine, EngineError};
use super::definition::{Site, TaskDefinition};
use super::error::{Error, RunError};
use super::input::Input;
use super::options::{Durability, TaskOptions};
use super::retry::Seconds;
use super::task_call::task_call;
use super::type_name::short_type_name;
use crate::client::ClientError;
use crate::model::{FlowRunId, FlowRunInput, FlowRunInputFilter, InputId, StateData, TaskRun, Timestamp};

/// How often it is looked for values that other processes have sent.
const LOOK: Duration = Duration::from_millis(250);

/// By how much the clocks of senders may differ: a value that is older than the last by more is not looked for.
const SKEW: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

/// The task whose result says which value was received.
static RECEIVE_INPUT: LazyLock<TaskDefinition> = LazyLock::new(|| {
    let site = Site {
        key: "flowcore::receive_input",
        name: "receive_input",
        file: file!(),
        line: line!(),
        source_hash: "",
        parameters: &["name", "timeout"],
        documentation: "Waits for the next value, and tells which it is.",
    };
    TaskDefinition::new(site, TaskOptions { durability: Durability::Committed, ..TaskOptions::default() })
});

/// Why a value was not sent or received.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// There is no such run, or it has completed.
    #[error("nothing can be sent to flow run {id}: {why}")]
    NoReceiver {
        /// The run's id.
        id: FlowRunId,
        /// What is the matter with it.
        why: &'static str,
    },
    /// It was received for where no flow is.
    #[error("there is no flow around this code that could receive anything")]
    Misplaced,
    /// The receiver failed: nothing came in time, or the run was asked to end.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The value is not of the type that is wanted, or cannot be written as JSON.
    #[error("the value is not as it is wanted: {0}")]
    Value(#[from] serde_json::Error),
    /// The store failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is no engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl MessageError {
    /// Tells whether nothing came in time.
    pub fn is_timeout(&self) -> bool {
        let MessageError::Run(error) = self else { return false };
        error.user_error().is_some_and(|error| error.inner().is::<NothingCame>())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("nothing was received within {0:?}")]
struct NothingCame(Duration);

/// Sends a value to a flow run, which gets it from [`receive_input`]: from another run, or from outside of runs. It is kept
/// until the run is deleted, whether the run waits for it already or not.
///
/// ```
/// use flowcore::{Engine, Result, current, flow, receive_input, send_input};
///
/// #[flow]
/// async fn greeter() -> Result<String> {
///     let id = current::flow_run_id().unwrap_or_else(|| unreachable!("it is a flow"));
///     ask(id.to_string()).await?;
///     let name = receive_input::<String>().timeout(60).next().await?;
///     Ok(format!("Hello {}", name.value))
/// }
///
/// #[flow]
/// async fn ask(greeter: String) -> Result<()> {
///     Ok(send_input(greeter.parse()?, "Ada").await?)
/// }
///
/// #[flowcore::main]
/// async fn main() -> Result<()> {
///     assert_eq!(greeter().on(&Engine::memory()).await?, "Hello Ada");
///     Ok(())
/// }
/// ```
pub fn send_input<T: Serialize>(to: FlowRunId, value: T) -> SendInput {
    SendInput { to, name: default_name::<T>(), value: serde_json::value::to_raw_value(&value), engine: None }
}

/// A value that is about to be sent: await it.
#[must_use = "nothing is sent until it is awaited"]
pub struct SendInput {
    to: FlowRunId,
    name: String,
    value: serde_json::Result<Box<RawValue>>,
    engine: Option<Engine>,
}

impl SendInput {
    /// Names what is sent. Without it that is the short name of the value's type, and sender and receiver have to use the
    /// same type.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sends with this engine instead of that of the run around this code, or the process's own.
    pub fn on(mut self, engine: &Engine) -> Self {
        self.engine = Some(engine.clone());
        self
    }

    async fn run(self) -> Result<(), MessageError> {
        let value = self.value?;
        let scope = Scope::current();
        let engine = match self.engine {
            Some(engine) => engine,
            None => scope.engine().await?,
        };
        let refused = |why| MessageError::NoReceiver { id: self.to, why };
        let run = engine.0.client.flow_run(self.to).await?.ok_or(refused("there is no such run"))?;
        if run.state.is_completed() {
            return Err(refused("it has completed"));
        }
        let input = FlowRunInput {
            id: InputId(engine.0.clock.uuid()),
            flow_run_id: self.to,
            key: self.name,
            value,
            sender: scope.flow().map(|flow| flow.id),
            created: engine.0.clock.now(),
        };
        engine.0.client.append_flow_run_input(input).await?;
        engine.0.executing.tell_input(self.to);
        Ok(())
    }
}

impl IntoFuture for SendInput {
    type Output = Result<(), MessageError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Sends the value; it is kept when this returns.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Receives values of a type that are [sent](send_input) to the flow run around this code, in the order in which they were
/// sent. Each is received once: which one a call got is kept as the result of a task run, so that a flow that is executed
/// again gets the same ones first.
pub fn receive_input<T: DeserializeOwned>() -> Receiver<T> {
    Receiver { name: default_name::<T>(), timeout: None, value: PhantomData }
}

/// Receives values one by one.
#[derive(Clone, Debug)]
pub struct Receiver<T> {
    name: String,
    timeout: Option<Duration>,
    value: PhantomData<fn() -> T>,
}

/// A value that was received.
#[derive(Clone, Debug)]
pub struct Received<T> {
    /// The value.
    pub value: T,
    /// The flow run that sent it; none if it came from outside of runs.
    pub sender: Option<FlowRunId>,
}

impl<T: DeserializeOwned> Receiver<T> {
    /// Receives what was sent under this name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Limits the wait for each value.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Seconds>) -> Self {
        self.timeout = Some(timeout.into().duration());
        self
    }

    /// Waits for the next value. To limit the wait use [`timeout`](Receiver::timeout): a future that is dropped in the
    /// very moment in which a value arrives takes it along.
    ///
    /// # Errors
    ///
    /// There is no flow around, nothing came in time ([`MessageError::is_timeout`]), or the value is of another type.
    pub async fn next(&self) -> Result<Received<T>, MessageError> {
        let scope = Scope::current();
        let flow = scope.flow().ok_or(MessageError::Misplaced)?;
        let inputs = (Input::from(self.name.clone()), Input::from(self.timeout.map(|timeout| timeout.as_secs_f64())));
        let body = |(name, timeout): (String, Option<f64>)| async move {
            receive(name, timeout.map(|timeout| Seconds(timeout).duration())).await
        };
        let id = task_call(&RECEIVE_INPUT, inputs, body, Some(Codec::of::<InputId>())).await?;
        flow.received.note(id);
        let engine = scope.engine().await?;
        let filter = FlowRunInputFilter { id: Some(id), ..FlowRunInputFilter::of(flow.id) };
        let input = engine.0.client.flow_run_inputs(&filter).await?.pop();
        let input = input.ok_or(MessageError::NoReceiver { id: flow.id, why: "it has been deleted" })?;
        Ok(Received { value: serde_json::from_str(input.value.get())?, sender: input.sender })
    }
}

/// Waits for a value that was not received yet, and notes that it is.
async fn receive(name: String, timeout: Option<Duration>) -> Result<InputId, Error> {
    let scope = Scope::current();
    let engine = scope.engine().await?;
    let Some(flow) = scope.flow() else { return Err(MessageError::Misplaced.into()) };
    let clock = engine.0.clock.clone();
    tokio::select! {
        biased;
        received = next_of(&engine, flow, &name) => Ok(received?),
        limit = expired(timeout, &*clock) => Err(NothingCame(limit).into()),
    }
}

async fn next_of(engine: &Engine, flow: &FlowScope, name: &str) -> Result<InputId, ClientError> {
    let mut since: Option<Timestamp> = None;
    loop {
        let seen = engine.0.executing.inputs(flow.id);
        let key = Some(name.to_owned());
        let filter = FlowRunInputFilter { key, since, ..FlowRunInputFilter::of(flow.id) };
        let inputs = engine.0.client.flow_run_inputs(&filter).await?;
        if let Some(next) = inputs.iter().find(|input| flow.received.note(input.id)) {
            return Ok(next.id);
        }
        since = inputs.last().map(|input| input.created - SKEW).or(since);
        tokio::select! {
            () = engine.0.executing.input_behind(flow.id, seen) => {}
            () = engine.0.background.others(LOOK) => {}
        }
    }
}

/// Which values a flow run has received, in earlier attempts too.
#[derive(Default)]
pub(crate) struct ReceivedInputs(Mutex<BTreeSet<InputId>>);

impl ReceivedInputs {
    /// Knows what was received in earlier attempts.
    pub(crate) fn behind(runs: &[TaskRun]) -> Self {
        let receives = runs.iter().filter(|run| run.task_key == RECEIVE_INPUT.site.key && run.state.is_completed());
        let id = |run: &TaskRun| match run.state.data.as_deref() {
            Some(StateData::Inline { value }) => serde_json::from_str(value.get()).ok(),
            // With a limit of less than an id it is found when its call comes.
            _ => None,
        };
        ReceivedInputs(Mutex::new(receives.filter_map(id).collect()))
    }

    /// Notes that a value is received; tells whether it was not before.
    fn note(&self, id: InputId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id)
    }
}

/// Names a value by its type. All texts have one name, and so have all integers, since nobody sees the type of a literal.
fn default_name<T>() -> String {
    let name = short_type_name::<T>();
    match name.trim_start_matches('&') {
        "str" => "String".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            "integer".to_owned()
        }
        "f32" | "f64" => "number".to_owned(),
        _ => name.replace('&', ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_named_by_their_types() {
        assert_eq!(default_name::<Vec<&InputId>>(), "Vec<InputId>");
        assert_eq!([default_name::<&str>(), default_name::<String>(), default_name::<&String>()], ["String"; 3]);
        assert_eq!([default_name::<i32>(), default_name::<&u64>()], ["integer"; 2]);
    }
}
