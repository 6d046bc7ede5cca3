//! What a program's `main` does for flowcore: be able to execute one stored run, print log lines, and end in order.

#[cfg(feature = "logs")]
use super::core::DefaultEngine;
use super::core::Engine;
use super::error::Error;
use super::program::{self, EXECUTE};
#[cfg(feature = "logs")]
use crate::model::LogLevel;
use crate::model::{FlowRunId, StateType};

/// Prepares this program: checks that its flows have different names, prints log lines unless the program has a
/// `tracing` subscriber, lets Ctrl-C and SIGTERM end runs in order, and, when the program was started to execute one
/// stored run (`flowcore flow-run retry`), does that and ends the process.
///
/// `#[flowcore::main]` calls it. Without that attribute, call it first in an async `main`, behind
/// [`provide`](crate::provide).
///
/// # Errors
///
/// Two flows have one name, or the settings or the database are wrong.
pub async fn init() -> Result<(), Error> {
    program::executes_runs();
    #[cfg(feature = "logs")]
    super::log_layer::install(log_level());
    super::definition::check_registry()?;
    super::signals::listen();
    let Ok(id) = std::env::var(EXECUTE) else { return Ok(()) };
    let code = match execute(&id).await {
        Ok(true) => 0,
        Ok(false) => return Ok(()),
        Err(error) => {
            program::report(error);
            1
        }
    };
    std::process::exit(code)
}

/// Executes a run, unless somebody executes it already: then this is a child process of that one, which inherited the
/// variable and is a program of its own.
async fn execute(id: &str) -> Result<bool, Error> {
    let id: FlowRunId =
        id.parse().map_err(|_| Error::msg(format!("{EXECUTE} holds `{id}`, which is no id of a flow run")))?;
    let engine = Engine::default().await?;
    let run = engine.client().flow_run(id).await?;
    if run.is_some_and(|run| matches!(run.state.kind, StateType::Running | StateType::Cancelling)) {
        return Ok(false);
    }
    let result = program::execute_flow_run(&engine, id).await;
    let closed = engine.close().await;
    result?;
    closed?;
    Ok(true)
}

/// Gives the level of log lines that are kept and printed.
#[cfg(feature = "logs")]
fn log_level() -> &'static str {
    match inventory::iter::<DefaultEngine>.into_iter().next().map(|default| (default.log_level)()) {
        Some(LogLevel::Trace) => "trace",
        Some(LogLevel::Debug) => "debug",
        Some(LogLevel::Warning) => "warn",
        Some(LogLevel::Error) => "error",
        Some(LogLevel::Info) | None => "info",
    }
}

/// Runs a program's async `main` on a multi-threaded runtime, prepared by [`init`].
#[doc(hidden)]
#[cfg(feature = "macros")]
pub fn block_on_main<F>(worker_threads: Option<usize>, main: F) -> F::Output
where
    F: Future<Output: std::process::Termination>,
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
        if let Some(engine) = Engine::made()
            && let Err(error) = engine.close().await
        {
            // What main itself has to say is said first.
            let _ = std::process::Termination::report(output);
            program::report(error);
            std::process::exit(1)
        }
        output
    })
}
