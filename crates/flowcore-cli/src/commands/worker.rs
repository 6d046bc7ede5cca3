//! `flowcore worker`: has the runs of a work pool executed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use flowcore::settings::Settings;
use flowcore_worker::steps::Steps;
use flowcore_worker::{Credentials, Worker};

use super::work_pool::template;
use crate::failure::Failure;
use crate::log;
use crate::output::note;
use crate::session::Session;

/// How long a run that is cancelled may take to end in order, in seconds, unless the command line says otherwise.
const GRACE: u64 = 30;

/// What runs show to the server instead of what the worker shows.
const RUN_KEY: &str = "FLOWCORE_WORKER_RUN_API_KEY";
const RUN_AUTH_STRING: &str = "FLOWCORE_WORKER_RUN_API_AUTH_STRING";

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
    /// How runs are executed; without it, as the pool says.
    #[arg(long = "type", short = 't')]
    kind: Option<Kind>,
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
    #[arg(long, default_value_t = GRACE, value_name = "SECONDS")]
    grace: u64,
    /// The interpreter for flows in Python, which has Prefect. Without it, what FLOWCORE_WORKER_PYTHON names, the one of the
    /// virtual environment that is active, python3 or python.
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// A variable of the worker's environment that runs get as well, or a pattern such as AWS_*; may be given several times. Beside these
    /// runs get what programs need: PATH, HOME, languages, proxies, certificates. Without it, what FLOWCORE_WORKER_INHERIT_ENV names.
    #[arg(long = "inherit-env", value_name = "NAME", value_delimiter = ',')]
    inherit: Vec<String>,
    /// Execute what is due, and end.
    #[arg(long)]
    run_once: bool,
    /// How long before their time runs are asked for, in seconds.
    #[arg(long, value_name = "SECONDS")]
    prefetch_seconds: Option<u32>,
    /// Tell at /health whether the worker still asks for runs; FLOWCORE_WORKER_WEBSERVER_HOST and .._PORT say where, 0.0.0.0 and 8080 if they are not
    /// set.
    #[arg(long)]
    with_healthcheck: bool,
    /// A file with the job template of the pool, if it has to be made.
    #[arg(long, value_name = "FILE")]
    base_job_template: Option<PathBuf>,
    /// Make the pool if there is none of the name: so it is without this as well.
    #[arg(long, overrides_with = "no_create_pool_if_not_found")]
    create_pool_if_not_found: bool,
    /// Fail if there is no pool of the name.
    #[arg(long)]
    no_create_pool_if_not_found: bool,
    /// What Prefect's command installs workers by. There is nothing to install here.
    #[arg(long, value_name = "POLICY")]
    install_policy: Option<InstallPolicy>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum InstallPolicy {
    Always,
    IfNotPresent,
    Never,
    Prompt,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// A process on this machine for each run.
    Process,
    /// A container of a Docker engine for each run.
    #[cfg(feature = "docker")]
    Docker,
}

impl From<Kind> for flowcore_worker::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Process => flowcore_worker::Kind::Process,
            #[cfg(feature = "docker")]
            Kind::Docker => flowcore_worker::Kind::Docker,
        }
    }
}

impl Start {
    /// Has runs executed by processes, under a name that is made up.
    pub(super) fn on_processes(pool: String, queues: Vec<String>, limit: Option<usize>) -> Self {
        Start {
            pool,
            kind: Some(Kind::Process),
            queues,
            limit,
            name: None,
            grace: GRACE,
            python: None,
            inherit: Vec::new(),
            run_once: false,
            prefetch_seconds: None,
            with_healthcheck: false,
            base_job_template: None,
            create_pool_if_not_found: false,
            no_create_pool_if_not_found: false,
            install_policy: None,
        }
    }
}

pub(super) async fn run(WorkerCommand::Start(start): WorkerCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    self::start(start, session).await
}

pub(super) async fn start(start: Start, session: &mut Session<'_>) -> Result<(), Failure> {
    let Start { pool, kind, queues, limit, name, grace, python, .. } = start;
    log::begin(session.settings.log_level, session.settings.server.log_format);
    let mut worker = on_this_machine(session, &pool, python).queues(queues).grace(Duration::from_secs(grace));
    worker = worker.home(&session.settings.home).inherit(inherited(start.inherit));
    if start.run_once {
        worker = worker.once();
    }
    if let Some(seconds) = start.prefetch_seconds {
        worker = worker.ahead(Duration::from_secs(seconds.into()));
    }
    if start.with_healthcheck {
        worker = worker.healthcheck(healthcheck_address()?);
    }
    if let Some(file) = &start.base_job_template {
        let template = template::read(file)?;
        worker = worker.template(template.as_object().cloned().unwrap_or_default());
    }
    if start.no_create_pool_if_not_found {
        worker = worker.on_a_pool_that_is_there();
    }
    if let Some(kind) = kind {
        worker = worker.kind(kind.into());
    }
    if let Some(limit) = limit {
        worker = worker.limit(limit);
    }
    if let Some(name) = name {
        worker = worker.name(name);
    }
    let (mut first, second) = signals()?;
    note(&format!("Taking the runs of the work pool '{pool}'; Ctrl-C ends it."));
    let stop = async {
        first.recv().await;
        note("Waiting for the runs under way; once more ends them.");
    };
    worker.run_until(stop, async { drop(second.await) }).await.map_err(|error| Failure::new(error.to_string()))
}

/// Makes a worker whose processes have what this command has.
pub(super) fn on_this_machine(session: &Session<'_>, pool: &str, python: Option<PathBuf>) -> Worker {
    let steps =
        Steps::new(session.client.clone()).s3(session.settings.s3.clone()).cache(pulled_code(&session.settings));
    // What this command got from a profile or a file, the programs get from it.
    let worker = Worker::new(session.client.clone(), pool)
        .variable("FLOWCORE_HOME", session.settings.home.to_string_lossy())
        .credentials(credentials(session));
    match python.or_else(known_python) {
        Some(python) => worker.steps(steps.python(&python)).python(python),
        None => worker.steps(steps),
    }
}

/// Gives what tells of the first signal, and of the second.
pub(super) fn signals() -> Result<(tokio::sync::mpsc::Receiver<()>, tokio::sync::oneshot::Receiver<()>), Failure> {
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

/// Gives what runs show to the server: what is set for them, or else what the worker shows itself.
fn credentials(session: &Session<'_>) -> Credentials {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let of_runs = Credentials { key: given(RUN_KEY), auth_string: given(RUN_AUTH_STRING), is_workers: false };
    if of_runs.key.is_some() || of_runs.auth_string.is_some() {
        return of_runs;
    }
    let api = &session.settings.api;
    Credentials { key: api.key.clone(), auth_string: api.auth_string.clone(), is_workers: true }
}

/// Finds the folder of code that was pulled by its hash.
pub(super) fn pulled_code(settings: &Settings) -> PathBuf {
    settings.home.join("code")
}

/// Finds out what runs get of the environment: what the command line says, or else the variable.
fn inherited(said: Vec<String>) -> Vec<String> {
    if !said.is_empty() {
        return said;
    }
    let named = std::env::var("FLOWCORE_WORKER_INHERIT_ENV").unwrap_or_default();
    named.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Finds out where to tell of the worker's health.
fn healthcheck_address() -> Result<String, Failure> {
    let given = |name: &str| {
        let named = ["FLOWCORE", "PREFECT"]
            .iter()
            .find_map(|prefix| std::env::var(format!("{prefix}_WORKER_WEBSERVER_{name}")).ok());
        named.filter(|value| !value.is_empty())
    };
    let port = given("PORT").unwrap_or_else(|| "8080".to_owned());
    if port.parse::<u16>().is_err() {
        return Err(Failure::Usage(format!("FLOWCORE_WORKER_WEBSERVER_PORT is `{port}`, which is no port")));
    }
    Ok(format!("{}:{port}", given("HOST").unwrap_or_else(|| "0.0.0.0".to_owned())))
}

fn named_python() -> Option<PathBuf> {
    std::env::var_os("FLOWCORE_WORKER_PYTHON").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Finds the interpreter that is meant for flows in Python, if one is.
pub(super) fn known_python() -> Option<PathBuf> {
    named_python().or_else(active_python)
}

/// Finds the interpreter of the virtual environment that is active.
fn active_python() -> Option<PathBuf> {
    let folder = std::env::var_os("VIRTUAL_ENV")?;
    let python = Path::new(&folder).join("bin/python");
    python.is_file().then_some(python)
}
