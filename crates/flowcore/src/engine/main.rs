//! What a program's `main` does for flowcore: be able to execute one stored run, print log lines, and end in order.

#[cfg(feature = "macros")]
use std::any::Any;
use std::future::IntoFuture;
use std::pin::Pin;
#[cfg(feature = "macros")]
use std::process::ExitCode;

#[cfg(feature = "logs")]
use super::core::DefaultEngine;
use super::core::Engine;
#[cfg(feature = "macros")]
use super::error::BoxError;
use super::error::{Error, RunError};
#[cfg(feature = "macros")]
use super::event::Early;
use super::program::{self, ENDS_BY_INPUT, EXECUTE};
use super::serving::ServeOrder;
#[cfg(feature = "logs")]
use crate::model::LogLevel;
use crate::model::{FlowRunId, StateType};

/// Prepares this program: checks that its flows have different names, prints log lines unless the program has a
/// `tracing` subscriber, lets Ctrl-C and SIGTERM end runs in order, and, when the program was started to execute one
/// stored run (by a worker, `flowcore flow-run retry`), to serve a flow (`flowcore flow serve`) or to tell of its flows
/// (`flowcore deploy`), does that and ends the process.
///
/// `#[flowcore::main]` calls it. Without that attribute, call it first in an async `main`, behind
/// [`provide`](crate::provide).
///
/// # Errors
///
/// Two flows have one name, or the settings or the database are wrong.
pub fn init() -> Init {
    Init { signals: true }
}

/// A call of [`init`] that has not begun: await it.
#[must_use = "nothing is prepared until the call is awaited"]
#[derive(Debug)]
pub struct Init {
    signals: bool,
}

impl Init {
    /// Leaves Ctrl-C and SIGTERM to the program. For services that flows are embedded in: they stop taking requests, and
    /// then call [`Engine::shutdown`]. A program that was started to execute one stored run is no service then, and ends
    /// it in order as every other does.
    pub fn without_signals(mut self) -> Self {
        self.signals = false;
        self
    }
}

impl IntoFuture for Init {
    type Output = Result<(), Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(prepare(self.signals))
    }
}

async fn prepare(signals: bool) -> Result<(), Error> {
    program::executes_runs();
    #[cfg(feature = "logs")]
    super::log_layer::install(log_level());
    super::definition::check_registry()?;
    if super::describe::describe()? {
        std::process::exit(0)
    }
    let order = ServeOrder::given()?;
    let id = std::env::var(EXECUTE).ok().filter(|_| order.is_none());
    if signals || id.is_some() || order.is_some() {
        super::signals::listen();
    }
    let done = match (order, id) {
        (Some(order), _) => serve(order).await.map(|()| true),
        (None, Some(id)) => execute(&id).await,
        (None, None) => return Ok(()),
    };
    let code = match done {
        Ok(true) => 0,
        Ok(false) => return Ok(()),
        Err(error) => {
            program::report(error);
            1
        }
    };
    std::process::exit(code)
}

/// Serves a flow until the process is asked to end.
async fn serve(order: ServeOrder) -> Result<(), Error> {
    let engine = Engine::default().await?;
    let result = order.serve()?.on(&engine).await;
    let closed = engine.close().await;
    result?;
    Ok(closed?)
}

/// Executes a run, unless somebody executes it already: then this is a child process of that one, which inherited the
/// variable and is a program of its own.
async fn execute(id: &str) -> Result<bool, Error> {
    let id: FlowRunId =
        id.parse().map_err(|_| Error::msg(format!("{EXECUTE} holds `{id}`, which is no id of a flow run")))?;
    let engine = Engine::default().await?;
    let run = engine.client().flow_run(id).await?;
    if let Some(run) = run
        && matches!(run.state.kind, StateType::Running | StateType::Cancelling)
    {
        if run.process_id.is_some() {
            return Ok(false);
        }
        return Err(Error::msg(format!("flow run `{}` is {} and not to be begun any more", run.name, run.state.name)));
    }
    if std::env::var_os(ENDS_BY_INPUT).is_some() {
        super::signals::listen_to_input(&engine);
    }
    let result = program::execute_flow_run(&engine, id).await;
    let closed = engine.close().await;
    match result {
        Err(error) if error.is_suspended() => tell_suspended(&error),
        other => other?,
    }
    closed?;
    Ok(true)
}

/// Says how a suspended run goes on.
fn tell_suspended(error: &RunError) {
    let id = error.flow_run_id().map(|id| id.to_string()).unwrap_or_default();
    eprintln!("{error}; resume it with: {} flow-run resume {id}", program::command());
}

/// Finds the error of a suspended run in what `main` returned: as itself, or as a cause of another.
#[cfg(feature = "macros")]
fn suspended(output: &dyn Any) -> Option<RunError> {
    fn within(error: &(dyn std::error::Error + 'static)) -> Option<RunError> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<RunError>().filter(|error| error.is_suspended()) {
                return Some(found.clone());
            }
            next = error.source();
        }
        None
    }

    fn of<E: 'static>(output: &dyn Any, look: fn(&E) -> Option<RunError>) -> Option<RunError> {
        let unit = output.downcast_ref::<Result<(), E>>().and_then(|result| result.as_ref().err());
        let code = || output.downcast_ref::<Result<ExitCode, E>>().and_then(|result| result.as_ref().err());
        unit.or_else(code).and_then(look)
    }

    of::<Error>(output, |error| within(error.inner()))
        .or_else(|| of::<RunError>(output, |error| within(error)))
        .or_else(|| of::<BoxError>(output, |error| within(&**error)))
        .or_else(|| of::<Box<dyn std::error::Error>>(output, |error| within(&**error)))
}

/// Gives the level of log lines that are kept and printed.
#[cfg(feature = "logs")]
fn log_level() -> &'static str {
    let level = inventory::iter::<DefaultEngine>.into_iter().next().map(|default| (default.log_level)());
    match level.unwrap_or(LogLevel::Info).number() {
        ..10 => "trace",
        10..20 => "debug",
        20..30 => "info",
        30..40 => "warn",
        40.. => "error",
    }
}

/// Closes the process's own engine, if it was made or is being made for events.
#[cfg(feature = "macros")]
async fn close_own() -> Result<(), Error> {
    let engine = match Engine::made() {
        None if Early::are_waiting() => Engine::default().await?,
        Some(engine) => engine,
        None => return Ok(()),
    };
    Ok(engine.close().await?)
}

/// Runs a program's async `main` on a multi-threaded runtime, prepared by [`init`].
#[doc(hidden)]
#[cfg(feature = "macros")]
pub fn block_on_main<F>(worker_threads: Option<usize>, main: F) -> F::Output
where
    F: Future<Output: std::process::Termination + 'static>,
{
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = worker_threads {
        builder.worker_threads(threads.max(1));
    }
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            program::report(error);
            std::process::exit(1)
        }
    };
    runtime.block_on(async {
        if let Err(error) = init().await {
            program::report(error);
            std::process::exit(1)
        }
        let output = main.await;
        if let Err(error) = close_own().await {
            // What main itself has to say is said first.
            let _ = std::process::Termination::report(output);
            program::report(error);
            std::process::exit(1)
        }
        if let Some(error) = suspended(&output) {
            // It is no failure that a run waits for somebody.
            tell_suspended(&error);
            std::process::exit(0)
        }
        output
    })
}
