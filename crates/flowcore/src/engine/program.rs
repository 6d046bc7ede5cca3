//! The program that runs belong to, and executing one stored run again.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use super::bounds::Resource;
use super::core::Engine;
use super::definition::{ParameterError, Parameters, flow_of};
use super::error::{BoxError, Error, RunError};
use super::settled::Settled;
use crate::model::{FlowRunId, Program};

/// The environment variable that tells a program to execute one stored flow run and then end: its id.
pub const EXECUTE: &str = "FLOWCORE_EXECUTE_FLOW_RUN";

/// The environment variable that tells a program which executes one stored run to end it when a line comes on its standard
/// input. The input's end means nothing: whoever would have written is gone.
pub(crate) const ENDS_BY_INPUT: &str = "FLOWCORE_ENDS_BY_INPUT";

static EXECUTES_RUNS: AtomicBool = AtomicBool::new(false);

/// Notes that this program obeys [`EXECUTE`].
pub(crate) fn executes_runs() {
    EXECUTES_RUNS.store(true, Ordering::Release);
}

/// Tells how this program is started; none if the operating system does not say.
pub(crate) fn current() -> Option<Program> {
    static STARTED: OnceLock<Option<Program>> = OnceLock::new();
    let started = STARTED.get_or_init(|| {
        Some(Program {
            executable: std::env::current_exe().ok()?,
            arguments: std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect(),
            directory: std::env::current_dir().ok()?,
            executes_runs: false,
        })
    });
    let mut program = started.clone()?;
    program.executes_runs = EXECUTES_RUNS.load(Ordering::Acquire);
    Some(program)
}

/// Executes a flow run that this program has made before, or that was made for it, under the same id as its next attempt:
/// tasks that have completed are not executed again.
///
/// # Errors
///
/// The run does not exist, has completed, is being executed, its flow is not in this program, or it fails again.
pub async fn execute_flow_run(engine: &Engine, id: FlowRunId) -> Result<(), RunError> {
    let failed = |error: Error| RunError::infrastructure(format!("flow run {id}"), error);
    let run = engine.client().flow_run(id).await.map_err(|error| failed(error.into()))?;
    let Some(run) = run else { return Err(failed(Error::msg("there is no such run in this database"))) };
    if run.state.is_completed() {
        return Err(failed(Error::msg("the run has already completed")));
    }
    let flow = flow_of(&run).map_err(|error| failed(error.into()))?;
    let call = Parameters::from_json(run.parameters.get()).and_then(|parameters| flow.call(&parameters));
    let Settled { result, .. } = call.map_err(|error| failed(error.into()))?.execute(Some(id), engine).await;
    result.map(drop)
}

static RESOURCES: LazyLock<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>> = LazyLock::new(Mutex::default);

/// Provides a handle for flows that are executed from stored parameters: a `#[resource]` parameter of this type gets a
/// clone of it. Call it before [`init`](crate::init).
pub fn provide<T: Resource>(resource: T) {
    RESOURCES.lock().unwrap_or_else(PoisonError::into_inner).insert(TypeId::of::<T>(), Box::new(resource));
}

/// Finds a provided handle for a flow's parameter.
#[doc(hidden)]
pub fn resource<T: Resource>(flow: &str, parameter: &str) -> Result<T, ParameterError> {
    let resources = RESOURCES.lock().unwrap_or_else(PoisonError::into_inner);
    resources.get(&TypeId::of::<T>()).and_then(|resource| resource.downcast_ref::<T>()).cloned().ok_or_else(|| {
        ParameterError(format!(
            "the flow `{flow}` takes the resource `{parameter}: {}`, which nobody has provided: call `flowcore::provide(..)` with one before `flowcore::init`",
            std::any::type_name::<T>()
        ))
    })
}

/// Tells how the `flowcore` command is called from here: by its name, or through cargo where cargo started this program.
pub fn command() -> &'static str {
    if std::env::var_os("CARGO").is_some() { "cargo run -q --bin flowcore --" } else { "flowcore" }
}

/// Writes an error and its causes to standard error, as a program that ends with it does.
pub(crate) fn report(error: impl Into<BoxError>) {
    eprintln!("Error: {:?}", Error::from_boxed(error.into()));
}
