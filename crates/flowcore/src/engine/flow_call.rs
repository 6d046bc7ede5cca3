//! Calls of flows: what the functions that `#[flow]` makes return.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use super::bounds::Volatile;
use super::codec::Codec;
use super::context::Scope;
use super::core::Engine;
use super::definition::FlowDefinition;
use super::error::{Error, RunError};
use super::flow_engine::FlowExecution;
use super::future::{Outcome, TaskFuture, typed};
use super::inputs::Inputs;
use super::job::{Job, TypedJob};
use super::options::{FlowOptions, flow_setters};
use super::persist::Keeping;
use super::settled::{Promise, Settled};
use crate::model::FlowRunId;

/// A call of a flow that has not started: await it, or [`submit`](FlowCall::submit) it beside others, after saying
/// what is different this time. Inside a flow it becomes a subflow.
#[must_use = "a call does nothing until it is awaited or submitted"]
pub struct FlowCall<T> {
    call: FlowCallParts,
    marker: PhantomData<fn() -> T>,
}

/// A call with its type erased.
pub(crate) struct FlowCallParts {
    pub(crate) definition: &'static FlowDefinition,
    pub(crate) job: Box<dyn Job>,
    pub(crate) codec: Option<Codec>,
    pub(crate) options: Option<Box<FlowOptions>>,
    pub(crate) wait_for: Vec<Promise>,
    pub(crate) engine: Option<Engine>,
    /// The run to execute, if it exists already.
    pub(crate) run_id: Option<FlowRunId>,
}

impl FlowCallParts {
    pub(crate) fn options(&self) -> &FlowOptions {
        self.options.as_deref().unwrap_or(&self.definition.options)
    }

    /// Tells the flow's name: this call's own, if it was given one.
    pub(crate) fn name(&self) -> String {
        self.options().common.name.clone().unwrap_or_else(|| self.definition.name())
    }

    /// Tells how the call's result is kept.
    pub(crate) fn keeping<'a>(&'a self, engine: &'a Engine) -> Keeping<'a> {
        self.options().common.keeping(engine, self.codec)
    }

    async fn run(self) -> Settled {
        FlowExecution::run(Scope::current(), self, None).await
    }
}

pub(crate) fn flow_call<I, F, R, T>(
    definition: &'static FlowDefinition,
    inputs: I,
    body: F,
    codec: Option<Codec>,
) -> FlowCall<T>
where
    I: Inputs,
    F: Fn(I::Values) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, Error>> + Send + 'static,
    T: Volatile,
{
    let job = Box::new(TypedJob::new(inputs, Arc::new(body)));
    let call =
        FlowCallParts { definition, job, codec, options: None, wait_for: Vec::new(), engine: None, run_id: None };
    FlowCall { call, marker: PhantomData }
}

impl<T: Volatile> FlowCall<T> {
    fn options_mut(&mut self) -> &mut FlowOptions {
        let definition = self.call.definition;
        self.call.options.get_or_insert_with(|| Box::new(definition.options.clone()))
    }

    flow_setters!();

    /// Runs the flow with this engine instead of the process's own.
    pub fn on(mut self, engine: &Engine) -> Self {
        self.call.engine = Some(engine.clone());
        self
    }

    /// Starts the subflow only when this run has completed too, although its result is not an argument.
    pub fn wait_for<U: Volatile>(mut self, future: &TaskFuture<U>) -> Self {
        self.call.wait_for.push(future.promise().clone());
        self
    }

    /// Starts the subflow beside what follows, on the current runtime, and returns its future.
    pub fn submit(self) -> TaskFuture<T> {
        TaskFuture::new(Scope::current().submit_flow(self.call))
    }

    /// Runs the flow and returns how it ended, whatever that is: its final state with its result.
    pub async fn return_state(self) -> Outcome<T> {
        Outcome::of(&self.call.run().await)
    }
}

impl<T: Volatile> IntoFuture for FlowCall<T> {
    type Output = Result<T, RunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T, RunError>> + Send>>;

    /// Runs the flow and gives its result.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.call.run().await.result.map(typed) })
    }
}

/// A call of a flow whose result nobody in this program looks at: what executing a stored run needs.
pub struct AnyFlowCall(FlowCallParts);

impl<T> From<FlowCall<T>> for AnyFlowCall {
    fn from(call: FlowCall<T>) -> Self {
        AnyFlowCall(call.call)
    }
}

impl AnyFlowCall {
    /// Tells the flow's name.
    #[cfg(feature = "testing")]
    pub(crate) fn name(&self) -> String {
        self.0.name()
    }

    /// Executes the stored run with this id anew, or makes one.
    pub(crate) async fn execute(mut self, run_id: Option<FlowRunId>, engine: &Engine) -> Settled {
        self.0.run_id = run_id;
        self.0.engine = Some(engine.clone());
        self.0.run().await
    }
}
