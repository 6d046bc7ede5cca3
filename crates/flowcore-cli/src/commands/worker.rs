//! `flowcore worker`: has the runs of a work pool executed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use flowcore_worker::Worker;

use crate::failure::Failure;
use crate::log;
use crate::output::note;
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum WorkerCommand {
    /// Takes runs as they are due, until Ctrl-C or SIGTERM; then it waits for those under way. Once more ends them.
    Start(Start),
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// The work pool. It is made if there is none of the name.
    #[arg(long, short, value_name = "NAME")]
    pool: String,
    /// How runs are executed.
    #[arg(long = "type", short = 't', default_value = "process")]
    kind: Kind,
    /// Take the runs of this queue only; may be given several times.
    #[arg(long = "work-queue", short = 'q', value_name = "NAME")]
    queues: Vec<String>,
    /// How many runs to execute at once.
    #[arg(long, short, value_name = "N")]
    limit: Option<usize>,
    /// The worker's name, unique in its pool.
    #[arg(long, short, value_name = "NAME")]
    name: Option<String>,
    /// How long a run that is cancelled may take to end in order, in seconds.
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    grace: u64,
    /// The interpreter for flows in Python, which has Prefect; without it python3, of the virtual environment that is active.
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// A process on this machine for each run.
    Process,
}

pub(super) async fn run(WorkerCommand::Start(start): WorkerCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    let Start { pool, kind: Kind::Process, queues, limit, name, grace, python } = start;
    log::begin(session.settings.log_level, session.settings.server.log_format);
    let mut worker =
        Worker::new(session.client.clone(), pool.as_str()).queues(queues).grace(Duration::from_secs(grace));
    if let Some(limit) = limit {
        worker = worker.limit(limit);
    }
    if let Some(name) = name {
        worker = worker.name(name);
    }
    if let Some(python) = python.or_else(active_python) {
        worker = worker.python(python);
    }
    // What this command got from a profile or a file, the programs get from it.
    worker = worker.variable("FLOWCORE_HOME", session.settings.home.to_string_lossy());
    if let Some(auth) = &session.settings.api.auth_string {
        worker = worker
            .variable("FLOWCORE_API_AUTH_STRING", auth.as_str())
            .variable("PREFECT_API_AUTH_STRING", auth.as_str());
    }
    let (mut first, second) = signals()?;
    note(&format!("Taking the runs of the work pool '{pool}'; Ctrl-C ends it."));
    let stop = async {
        first.recv().await;
        note("Waiting for the runs under way; once more ends them.");
    };
    worker.run_until(stop, async { drop(second.await) }).await.map_err(|error| Failure::new(error.to_string()))
}

/// Gives what tells of the first signal, and of the second.
fn signals() -> Result<(tokio::sync::mpsc::Receiver<()>, tokio::sync::oneshot::Receiver<()>), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (first, heard_first) = tokio::sync::mpsc::channel(1);
    let (second, heard_second) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        next().await;
        let _ = first.send(()).await;
        next().await;
        let _ = second.send(());
    });
    Ok((heard_first, heard_second))
}

fn active_python() -> Option<PathBuf> {
    let folder = std::env::var_os("VIRTUAL_ENV")?;
    let python = Path::new(&folder).join("bin/python");
    python.is_file().then_some(python)
}
