//! Where everything is put together: a store, the rules over it, a storage for results, an engine.
//!
//! This is the one module that knows all layers. Programs seldom need it: the process's own engine is made here when the
//! first run wants it, and [`Engine::connect`] makes another. Tools that only read use [`client`].

use std::sync::{Arc, OnceLock};

use crate::client::{Client, ClientError, ServerError};
#[cfg(feature = "client")]
use crate::client::{HttpClient, HttpOptions};
use crate::clock::{Clock, SystemClock};
use crate::engine::background::Background;
use crate::engine::core::{DefaultEngine, Engine, EngineError, EngineParts, Limits};
use crate::engine::definition::flow_of;
use crate::engine::flow_report::event_of;
use crate::engine::hooks::Hook;
use crate::engine::process::LockProbe;
pub use crate::engine::program::command;
use crate::model::{FlowRun, LogLevel};
use crate::orchestration::{Orchestrator, Probe};
use crate::results::{KeyLocks, ResultError, Storage};
#[cfg(not(feature = "client"))]
use crate::settings::redact_url;
use crate::settings::{LockPlace, Settings, SettingsError};
use crate::store::memory::MemoryStore;
use crate::store::{self, StoreError};

/// Says why flowcore could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The result storage cannot be used.
    #[error(transparent)]
    Results(#[from] ResultError),
    /// What was left by dead processes cannot be looked at.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Gives a client of the server that the settings name, or else opens the database that they name, with the rules over it.
/// For tools: where the server is away they hear so soon, while the runs of an [`engine`] wait for it.
pub async fn client(settings: &Settings) -> Result<Arc<dyn Client>, ConnectError> {
    match &settings.api.url {
        Some(url) => server(settings, url, For::Tools),
        None => database(settings).await,
    }
}

async fn database(settings: &Settings) -> Result<Arc<dyn Client>, ConnectError> {
    let store = store::connect(&settings.store_url()).await?;
    Ok(Arc::new(Orchestrator::new(store, Arc::new(SystemClock))))
}

/// Who waits for a server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Tools,
    Runs,
}

#[cfg(feature = "client")]
fn server(settings: &Settings, url: &str, whom: For) -> Result<Arc<dyn Client>, ConnectError> {
    let options = HttpOptions {
        url: url.to_owned(),
        key: settings.api.key.clone(),
        auth_string: settings.api.auth_string.clone(),
        home: settings.home.clone(),
        outbox_limit: settings.api.outbox_limit,
        patience: if whom == For::Runs { HttpOptions::FOR_RUNS } else { HttpOptions::FOR_COMMANDS },
    };
    Ok(Arc::new(HttpClient::new(options, Arc::new(SystemClock)).map_err(ClientError::from)?))
}

#[cfg(not(feature = "client"))]
fn server(_: &Settings, url: &str, _: For) -> Result<Arc<dyn Client>, ConnectError> {
    let reason = format!(
        "FLOWCORE_API_URL or PREFECT_API_URL is {}, and flowcore was built without its feature `client`: turn that on in \
         Cargo.toml, or leave the variable out to record runs in a database",
        redact_url(url)
    );
    Err(ClientError::from(ServerError::NotStarted(reason)).into())
}

/// Gives what tells whether a process of this host is alive.
pub fn probe() -> impl Probe {
    LockProbe
}

/// Makes an engine as the settings say, marks runs whose process has died as Crashed and says how to resume them.
pub async fn engine(settings: &Settings) -> Result<Engine, ConnectError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let client = match &settings.api.url {
        Some(_) if settings.lock_place() == LockPlace::Database => {
            let reason = "FLOWCORE_LOCK_MANAGER is DATABASE, and runs are reported to a server, whose database is not ours to \
                          lock in: leave one of the two variables out";
            return Err(ClientError::from(ServerError::NotStarted(reason.to_owned())).into());
        }
        Some(url) => server(settings, url, For::Runs)?,
        None => database(settings).await?,
    };
    let engine = Engine::new(EngineParts {
        storage: Storage::from_url(&settings.result_storage, &settings.s3)?,
        locks: match settings.lock_place() {
            LockPlace::Folder => Some(KeyLocks::in_folder(settings.home.join("locks"))),
            LockPlace::Database => None,
        },
        limits: Limits { inline_result: settings.inline_result_limit, tasks: settings.task_limit },
        ui_url: settings.ui_url.clone(),
        // Who looks for the runs of dead processes does not see those in memory.
        process_folder: (settings.api.url.is_some() || !settings.database_url.starts_with("memory"))
            .then(|| settings.home.join("processes")),
        client: client.clone(),
        clock,
        background: Background::default(),
    });
    for run in client.crash_abandoned_runs(&probe()).await? {
        tell_crashed(&run).await;
    }
    Ok(engine)
}

/// Says how to resume a run whose process has died, and calls its flow's hooks if the flow is in this program.
async fn tell_crashed(run: &FlowRun) {
    if run.state.is_suspended() {
        tracing::warn!(
            target: "flowcore",
            "the process of flow run '{}' of flow '{}' has died while it was paused. It goes on with: {} flow-run resume {}",
            run.name, run.flow_name, command(), run.id
        );
        return;
    }
    tracing::warn!(
        target: "flowcore",
        "flow run '{}' of flow '{}' was interrupted: its process has died. Resume it with: {} flow-run retry {}",
        run.name, run.flow_name, command(), run.id
    );
    if let Ok(flow) = flow_of(run) {
        Hook::call_all(&flow.options.on_crashed, &event_of(run, &run.state)).await;
    }
}

/// Warns through `tracing`, or on standard error where nobody listens to that.
fn warn(warning: &str) {
    if tracing::level_filters::LevelFilter::current() == tracing::level_filters::LevelFilter::OFF {
        eprintln!("flowcore: warning: {warning}");
    } else {
        tracing::warn!(target: "flowcore", "{warning}");
    }
}

impl Engine {
    /// Makes an engine that keeps everything in memory: for tests, and for programs that need no history.
    pub fn memory() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Engine::new(EngineParts {
            client: Arc::new(Orchestrator::new(Arc::new(MemoryStore::new()), clock.clone())),
            clock,
            storage: Storage::memory(),
            locks: Some(KeyLocks::memory()),
            limits: Limits::default(),
            ui_url: None,
            process_folder: None,
            background: Background::default(),
        })
    }

    /// Makes an engine as the settings say.
    ///
    /// # Errors
    ///
    /// The database or the result storage cannot be used.
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        engine(settings).await
    }
}

inventory::submit! {
    DefaultEngine {
        // What is wrong with the settings is reported when the engine is made.
        log_extra_targets: || own_settings().as_ref().map_or(&[], |settings| &settings.log_extra_targets),
        log_level: || own_settings().as_ref().map_or(LogLevel::Info, |settings| settings.log_level),
        make: || Box::pin(async {
            let settings = own_settings().as_ref().map_err(|error| EngineError(error.to_string()))?;
            settings.warnings().iter().for_each(|warning| warn(&warning.to_string()));
            engine(settings).await.map_err(|error| EngineError(error.to_string()))
        }),
    }
}

/// Gives the process's own settings, which are read once.
fn own_settings() -> &'static Result<Settings, SettingsError> {
    static SETTINGS: OnceLock<Result<Settings, SettingsError>> = OnceLock::new();
    SETTINGS.get_or_init(Settings::load)
}
