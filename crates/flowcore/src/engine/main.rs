//! What a program's `main` does for flowcore: be able to execute one stored run, print log lines, and end in order.

use super::core::Engine;
use super::error::Error;
use super::program::{self, EXECUTE};
use crate::model::FlowRunId;

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
    super::log_layer::install(&log_level());
    super::definition::check_registry()?;
    super::signals::listen();
    let Ok(id) = std::env::var(EXECUTE) else { return Ok(()) };
    // Child processes of the run are programs of their own.
    let code = match execute(&id).await {
        Ok(()) => 0,
        Err(error) => {
            program::report(error);
            1
        }
    };
    std::process::exit(code)
}

async fn execute(id: &str) -> Result<(), Error> {
    let id: FlowRunId =
        id.parse().map_err(|_| Error::msg(format!("{EXECUTE} holds `{id}`, which is no id of a flow run")))?;
    let engine = Engine::default().await?;
    let result = program::execute_flow_run(&engine, id).await;
    engine.close().await?;
    Ok(result?)
}

#[cfg(feature = "logs")]
fn log_level() -> String {
    ["FLOWCORE_LOGGING_LEVEL", "PREFECT_LOGGING_LEVEL"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok())
        .map_or_else(
            || "info".into(),
            |level| level.to_ascii_lowercase().replace("warning", "warn").replace("critical", "error"),
        )
}

/// Runs a program's async `main` on a multi-threaded runtime, prepared by [`init`].
#[doc(hidden)]
#[cfg(feature = "macros")]
pub fn block_on_main<F: Future>(worker_threads: Option<usize>, main: F) -> F::Output {
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
            program::report(error);
        }
        output
    })
}
