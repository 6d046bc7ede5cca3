//! Executing each run in a process of its own: this program once more, started to execute that one run.
//!
//! A child is asked to end over its standard input, since its parent knows no other way on every system. When the parent dies
//! the input just ends, and the child goes on to the end of its run.

use std::collections::HashMap;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::io::AsyncWriteExt as _;
use tokio::process::{ChildStdin, Command};

use crate::engine::core::Engine;
use crate::engine::process::LockProbe;
use crate::engine::program::{self, ENDS_BY_INPUT, EXECUTE};
use crate::model::FlowRunId;

/// The processes that execute runs now.
#[derive(Default)]
pub(super) struct Children {
    /// The standard input of each.
    under_way: Mutex<HashMap<FlowRunId, ChildStdin>>,
}

impl Children {
    fn under_way(&self) -> MutexGuard<'_, HashMap<FlowRunId, ChildStdin>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks all to end, as Ctrl-C does.
    pub(super) async fn end_all(&self) {
        let inputs: Vec<ChildStdin> = self.under_way().drain().map(|(_, input)| input).collect();
        for mut input in inputs {
            // A process that is gone needs no telling.
            let _ = input.write_all(b"end\n").await;
        }
    }

    /// Executes a run that was taken, to the end of its process. Tells why it could not be started or did not say itself what
    /// became of its run.
    pub(super) async fn execute(&self, engine: &Engine, id: FlowRunId) -> Option<String> {
        let status = match self.start(engine, id).await {
            Ok(status) => status,
            Err(error) => return Some(format!("A process for the run cannot be started: {error}")),
        };
        // What the process could not say itself stands on this machine's disk.
        if let Err(error) = engine.0.client.crash_abandoned_runs(&LockProbe).await {
            tracing::warn!(target: "flowcore", "what became of flow run {id} is not known yet: {error}");
        }
        (!status.success()).then(|| format!("The process that executed the run ended with {status}."))
    }

    async fn start(&self, engine: &Engine, id: FlowRunId) -> io::Result<ExitStatus> {
        let program = program::current().ok_or_else(|| io::Error::other("nobody says where this program is"))?;
        let mut command = Command::new(&program.executable);
        command.args(&program.arguments).current_dir(&program.directory).stdin(Stdio::piped());
        command.env(EXECUTE, id.to_string()).env(ENDS_BY_INPUT, "1");
        if let Some(url) = engine.0.client.api_url() {
            command.env("FLOWCORE_API_URL", url).env_remove("FLOWCORE_API_URL_FILE");
        }
        // Ctrl-C comes by way of this process, once.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        if let Some(input) = child.stdin.take() {
            self.under_way().insert(id, input);
        }
        let status = child.wait().await;
        self.under_way().remove(&id);
        status
    }
}
