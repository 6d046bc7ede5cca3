//! Calls of tasks: what the functions that `#[task]` makes return.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use super::bounds::Volatile;
use super::codec::Codec;
use super::context::Scope;
use super::core::Engine;
use super::definition::TaskDefinition;
use super::error::{Error, RunError};
use super::future::{Outcome, TaskFuture, TaskFutures, typed};
use super::inputs::{Inputs, MapInputs, Next};
use super::job::{Job, TypedJob};
use super::options::{TaskOptions, task_setters};
use super::persist::Keeping;
use super::settled::Promise;
use super::task_engine::TaskExecution;
use super::transaction::Hooked;
use super::yields::AnyOutlet;
use crate::model::TaskRun;

/// A call of a task that has not started: await it, or [`submit`](TaskCall::submit) it, after saying what is
/// different this time.
///
/// ```
/// # use flowcore::task;
/// #[task(retries = 3)]
/// async fn fetch(url: String) -> flowcore::Result<String> {
///     Ok(format!("contents of {url}"))
/// }
///
/// # #[flowcore::flow]
/// # async fn example() -> flowcore::Result<()> {
/// let page = fetch("one").retries(5).await?;
/// # assert_eq!(page, "contents of one");
/// # Ok(())
/// # }
/// ```
#[must_use = "a call does nothing until it is awaited or submitted"]
pub struct TaskCall<T> {
    pub(crate) call: Call,
    marker: PhantomData<fn() -> T>,
}

/// A call with its type erased.
#[doc(hidden)]
pub struct Call {
    pub(crate) definition: &'static TaskDefinition,
    pub(crate) job: Box<dyn Job>,
    pub(crate) codec: Option<Codec>,
    pub(crate) options: Option<Box<TaskOptions>>,
    pub(crate) wait_for: Vec<Promise>,
    pub(crate) detached: bool,
    /// Where its values go while it runs, if it yields some and its caller wants them at once.
    pub(crate) outlet: Option<AnyOutlet>,
    pub(crate) standing: Standing,
    /// The run that was made for it elsewhere, outside of flows.
    pub(crate) made: Option<Box<TaskRun>>,
}

/// Which run a call has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// One of its own.
    Own,
    /// The one that stands for a map. It takes no slots of its tags' limits, as its calls do.
    Map,
    /// That of the map around it, as the call of this number: it is recorded nowhere.
    PartOfMap(u32),
}

impl Call {
    pub(crate) fn options(&self) -> &TaskOptions {
        self.options.as_deref().unwrap_or(&self.definition.options)
    }

    /// Tells the task's name: this call's own, if it was given one.
    pub(crate) fn name(&self) -> &str {
        self.options().common.name.as_deref().unwrap_or(self.definition.site.name)
    }

    /// Tells how the call's result is kept.
    pub(crate) fn keeping<'a>(&'a self, engine: &'a Engine) -> Keeping<'a> {
        self.options().common.keeping(engine, self.codec)
    }

    /// Gives the hooks for the end of its transaction, if it has some. The arguments are here.
    pub(crate) fn hooked(&self) -> Option<Box<Hooked>> {
        Hooked::of(self.options(), || self.job.arguments(self.definition.site.parameters))
    }

    /// Tells whether the call has no run of its own, but that of the map around it.
    pub(crate) fn is_part_of_map(&self) -> bool {
        matches!(self.standing, Standing::PartOfMap(_))
    }

    /// Tells whether the call waits for nothing: all of its arguments are values.
    pub(crate) fn is_ready(&self) -> bool {
        let mut ready = self.wait_for.is_empty();
        self.job.visit_runs(&mut |_, _| ready = false);
        ready
    }
}

pub(crate) fn task_call<I, F, R, T>(
    definition: &'static TaskDefinition,
    inputs: I,
    body: F,
    codec: Option<Codec>,
) -> TaskCall<T>
where
    I: Inputs,
    F: Fn(I::Values) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, Error>> + Send + 'static,
    T: Volatile,
{
    TaskCall::new(definition, inputs, Arc::new(body), codec)
}

impl<T> TaskCall<T> {
    /// Makes the call of a type from one whose job gives results of that type.
    pub(super) fn of(call: Call) -> Self {
        TaskCall { call, marker: PhantomData }
    }
}

impl<T: Volatile> TaskCall<T> {
    fn new<I, F, R>(definition: &'static TaskDefinition, inputs: I, body: Arc<F>, codec: Option<Codec>) -> Self
    where
        I: Inputs,
        F: Fn(I::Values) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let job = Box::new(TypedJob::new(inputs, body));
        let call = Call {
            definition,
            job,
            codec,
            options: None,
            wait_for: Vec::new(),
            detached: false,
            outlet: None,
            standing: Standing::Own,
            made: None,
        };
        TaskCall::of(call)
    }

    pub(crate) fn options_mut(&mut self) -> &mut TaskOptions {
        let definition = self.call.definition;
        self.call.options.get_or_insert_with(|| Box::new(definition.options.clone()))
    }

    task_setters!();

    /// Starts the task only when this run has completed too, although its result is not an argument.
    pub fn wait_for<U: Volatile>(mut self, future: &TaskFuture<U>) -> Self {
        self.call.wait_for.push(future.promise().clone());
        self
    }

    /// Starts the task only when all these runs have completed too.
    pub fn wait_for_all<'a, U: Volatile>(mut self, futures: impl IntoIterator<Item = &'a TaskFuture<U>>) -> Self {
        self.call.wait_for.extend(futures.into_iter().map(|future| future.promise().clone()));
        self
    }

    /// Lets the submitted task outlive its flow, which otherwise waits for it.
    ///
    /// What a detached task comes to is recorded as long as no newer attempt of its flow run has begun, by a retry or a
    /// resumption. From then on it is not, which a warning says.
    pub fn detached(mut self) -> Self {
        self.call.detached = true;
        self
    }

    /// Starts the task beside what follows, on the current runtime, and returns its future. How many submitted tasks
    /// of a flow run at once is limited by the flow's `task_limit`.
    pub fn submit(self) -> TaskFuture<T> {
        TaskFuture::new(Scope::current().submit(self.call))
    }

    /// Runs the task and returns how it ended, whatever that is: its final state with its result.
    pub async fn return_state(self) -> Outcome<T> {
        Outcome::of(&TaskExecution::run(Scope::current(), self.call, None).await)
    }
}

impl<T: Volatile> IntoFuture for TaskCall<T> {
    type Output = Result<T, RunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T, RunError>> + Send>>;

    /// Runs the task here and gives its result.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { TaskExecution::run(Scope::current(), self.call, None).await.result.map(typed) })
    }
}

/// A mapped call of a task that has not started: one run for each value.
#[must_use = "a call does nothing until it is awaited or submitted"]
pub struct MapCall<T> {
    pub(super) definition: &'static TaskDefinition,
    pub(super) options: Option<Box<TaskOptions>>,
    pub(super) wait_for: Vec<Promise>,
    pub(super) calls: Box<dyn Calls<T>>,
}

/// The calls of a mapped one, made one after the other.
pub(super) trait Calls<T>: Send {
    fn next(&mut self) -> Option<Result<TaskCall<T>, &'static str>>;
    fn size_hint(&self) -> usize;
}

struct TypedCalls<M, F> {
    definition: &'static TaskDefinition,
    inputs: M,
    body: Arc<F>,
    codec: Option<Codec>,
}

impl<M, F, R, T> Calls<T> for TypedCalls<M, F>
where
    M: MapInputs,
    F: Fn(<M::Inputs as Inputs>::Values) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, Error>> + Send + 'static,
    T: Volatile,
{
    fn next(&mut self) -> Option<Result<TaskCall<T>, &'static str>> {
        match self.inputs.next() {
            Next::Call(inputs) => Some(Ok(TaskCall::new(self.definition, inputs, self.body.clone(), self.codec))),
            Next::End => None,
            Next::Mismatch(what) => Some(Err(what)),
        }
    }

    fn size_hint(&self) -> usize {
        self.inputs.size_hint()
    }
}

pub(crate) fn map_call<M, F, R, T>(
    definition: &'static TaskDefinition,
    inputs: M,
    body: F,
    codec: Option<Codec>,
) -> MapCall<T>
where
    M: MapInputs,
    F: Fn(<M::Inputs as Inputs>::Values) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, Error>> + Send + 'static,
    T: Volatile,
{
    let calls = Box::new(TypedCalls { definition, inputs, body: Arc::new(body), codec });
    MapCall { definition, options: None, wait_for: Vec::new(), calls }
}

impl<T: Volatile> MapCall<T> {
    fn options_mut(&mut self) -> &mut TaskOptions {
        let definition = self.definition;
        self.options.get_or_insert_with(|| Box::new(definition.options.clone()))
    }

    task_setters!();

    /// Starts the tasks only when this run has completed too, although its result is not an argument.
    pub fn wait_for<U: Volatile>(mut self, future: &TaskFuture<U>) -> Self {
        self.wait_for.push(future.promise().clone());
        self
    }

    /// Starts one run for each value and returns their futures.
    ///
    /// When the arguments have different lengths, the calls that have all their values are followed by one that fails
    /// and says so.
    pub fn submit(mut self) -> TaskFutures<T> {
        let scope = Scope::current();
        let mut futures = Vec::with_capacity(self.calls.size_hint());
        while let Some(call) = self.calls.next() {
            match call {
                Ok(mut call) => {
                    call.call.options.clone_from(&self.options);
                    call.call.wait_for.clone_from(&self.wait_for);
                    futures.push(TaskFuture::new(scope.submit(call.call)));
                }
                Err(what) => {
                    let error = RunError::infrastructure(self.definition.name(), Error::msg(what));
                    futures.push(TaskFuture::new(Promise::failed(error)));
                    break;
                }
            }
        }
        TaskFutures::new(futures)
    }

    /// Runs all and returns how each ended, in the order of the values.
    pub async fn outcomes(self) -> Vec<Outcome<T>> {
        self.submit().outcomes().await
    }
}

impl<T: Volatile> IntoFuture for MapCall<T> {
    type Output = Result<Vec<T>, RunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Runs all and gives their results, or the first error in the order of the values when all have ended.
    fn into_future(self) -> Self::IntoFuture {
        self.submit().into_future()
    }
}
