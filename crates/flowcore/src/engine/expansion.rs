//! What the expansions of `#[task]` and `#[flow]` call: checks of the user's types, and calls that take any type.
//!
//! A type that does not fit should be one error, at the type. So each of the user's types goes through one function
//! with a bound here ([`argument`], [`parameter`], [`not_kept`], ...), and everything else in an expansion must
//! compile without the bound. [`Calls`] does: where its bounds do not hold, its functions are not found, and those of
//! [`Unchecked`] are taken instead, which nothing can run, as the program does not compile.

use std::marker::PhantomData;

use super::bounds::{Argument, Output, Parameter, Resource, Volatile};
use super::codec::Codec;
use super::definition::{FlowDefinition, ParameterError, Parameters, TaskDefinition};
use super::error::Error;
use super::flow_call::{FlowCall, flow_call};
use super::hooks::{Hook, HookEvent};
use super::inputs::{Inputs, MapInputs};
use super::task_call::{MapCall, TaskCall, map_call, task_call};
use super::transaction::{HookResult, TransactionEvent, TransactionHook};

/// Checks the type of a task's argument.
pub fn argument<T: Argument>() {}

/// Checks the type of a task's handle.
pub fn handle<T: Resource>() {}

/// Checks the type of a result that is not kept; it has no codec.
pub fn not_kept<T: Volatile>() -> Option<Codec> {
    None
}

/// Reads one stored parameter.
pub fn parameter<T: Parameter>(parameters: &Parameters, name: &str) -> Result<T, ParameterError> {
    parameters.get(name)
}

/// Reads one stored parameter, or takes its default.
pub fn parameter_or<T: Parameter>(
    parameters: &Parameters,
    name: &str,
    default: fn() -> T,
) -> Result<T, ParameterError> {
    parameters.get_or(name, default)
}

/// Makes a hook of a closure, whose argument then has a type.
pub fn hook<F, R>(hook: F) -> Hook
where
    F: Fn(HookEvent) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    Hook::from(hook)
}

/// Makes a hook of a transaction of a closure, whose argument then has a type.
pub fn transaction_hook<F, R>(hook: F) -> TransactionHook
where
    F: Fn(TransactionEvent) -> R + Send + Sync + 'static,
    R: Future<Output: HookResult> + Send + 'static,
{
    TransactionHook::from(hook)
}

/// Any `Result`, whatever its error is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a standard `Result`",
    label = "this is called `Result` and is something else",
    note = "return `flowcore::Result<T>` or another `std::result::Result`"
)]
pub trait AnyResult {
    /// The type of the value.
    type Value;
}

#[diagnostic::do_not_recommend]
impl<T, E> AnyResult for Result<T, E> {
    type Value = T;
}

/// Tells at compile time whether a return type is a `Result`, whatever alias it hides behind.
pub struct ReturnType<T>(PhantomData<T>);

impl<T, E> ReturnType<Result<T, E>> {
    /// It is.
    pub const IS_RESULT: bool = true;

    /// Gives none: that the type is a `Result` is the error to report, and not that it cannot be kept.
    pub fn codec() -> Option<Codec> {
        None
    }
}

/// What [`ReturnType`] falls back on for everything else.
pub trait NotResult {
    /// It is not.
    const IS_RESULT: bool = false;

    /// The type itself.
    type Value;

    /// Gives the codec of the type.
    fn codec() -> Option<Codec>
    where
        Self::Value: Output,
    {
        Some(Codec::of::<Self::Value>())
    }
}

impl<T> NotResult for ReturnType<T> {
    type Value = T;
}

/// Makes calls with the inputs `I` and the handles `X`, whose results are `T`.
pub struct Calls<I, X, T>(PhantomData<(I, X, T)>);

impl<I: Inputs, X: Resource, T: Volatile> Calls<I, X, T> {
    /// Makes the call of a task.
    pub fn task<F, R>(
        definition: &'static TaskDefinition,
        inputs: I,
        resources: X,
        body: F,
        codec: Option<Codec>,
    ) -> TaskCall<T>
    where
        F: Fn(I::Values, X) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, Error>> + Send + 'static,
    {
        task_call(definition, inputs, move |values| body(values, resources.clone()), codec)
    }

    /// Makes the call of a flow.
    pub fn flow<F, R>(
        definition: &'static FlowDefinition,
        inputs: I,
        resources: X,
        body: F,
        codec: Option<Codec>,
    ) -> FlowCall<T>
    where
        F: Fn(I::Values, X) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, Error>> + Send + 'static,
    {
        flow_call(definition, inputs, move |values| body(values, resources.clone()), codec)
    }
}

impl<M: MapInputs, X: Resource, T: Volatile> Calls<M, X, T> {
    /// Makes the mapped call of a task.
    pub fn map<F, R>(
        definition: &'static TaskDefinition,
        inputs: M,
        resources: X,
        body: F,
        codec: Option<Codec>,
    ) -> MapCall<T>
    where
        F: Fn(<M::Inputs as Inputs>::Values, X) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, Error>> + Send + 'static,
    {
        map_call(definition, inputs, move |values| body(values, resources.clone()), codec)
    }
}

/// What [`Calls`] falls back on when its bounds do not hold. That is an error elsewhere, so this never runs.
pub trait Unchecked<I, X, T> {
    /// Stands for [`Calls::task`].
    fn task<F>(_: &'static TaskDefinition, _: I, _: X, _: F, _: Option<Codec>) -> TaskCall<T> {
        unreachable!("a program with this call does not compile")
    }

    /// Stands for [`Calls::flow`].
    fn flow<F>(_: &'static FlowDefinition, _: I, _: X, _: F, _: Option<Codec>) -> FlowCall<T> {
        unreachable!("a program with this call does not compile")
    }

    /// Stands for [`Calls::map`].
    fn map<F>(_: &'static TaskDefinition, _: I, _: X, _: F, _: Option<Codec>) -> MapCall<T> {
        unreachable!("a program with this call does not compile")
    }
}

impl<I, X, T> Unchecked<I, X, T> for Calls<I, X, T> {}
