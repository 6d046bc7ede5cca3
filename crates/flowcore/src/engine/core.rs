//! The engine: what flows and tasks run on.

use std::fmt;
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::background::Background;
use super::cancel::Cancel;
use super::counted::Counted;
use super::database_locks::DatabaseLocks;
use super::event::Early;
use super::executing::Executing;
#[cfg(feature = "testing")]
use super::interference::Interference;
use super::journal::Journal;
use super::outbox::Outbox;
use super::process::Process;
use super::tag_limits::TagLimits;
use super::tickets::Tickets;
use crate::client::{Client, ClientError};
use crate::clock::Clock;
use crate::model::{Event, LogLevel, LogLine, State, StateId, StateType};
use crate::results::{KeyLocks, Storage};

/// What flows and tasks run on: a client that keeps runs, a storage for results, a clock.
///
/// Programs usually have one, made from the settings when it is first needed. Tests make their own:
/// `Engine::memory()`, and `flow_call.on(&engine)`. Cheap to clone.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Core>);

pub(crate) struct Core {
    pub(crate) client: Arc<dyn Client>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) storage: Storage,
    pub(crate) locks: KeyLocks,
    pub(crate) limits: Limits,
    pub(crate) journal: Journal,
    pub(crate) logs: Outbox<LogLine>,
    pub(crate) events: Outbox<Event>,
    pub(crate) process: Arc<Process>,
    pub(crate) tickets: Tickets,
    pub(crate) tag_limits: TagLimits,
    pub(crate) executing: Executing,
    pub(crate) ui_url: Option<String>,
    /// All flow runs, from before they are made until their calls return.
    pub(crate) runs: Counted,
    pub(crate) background: Background,
    /// What comes in front of the functions of tasks.
    #[cfg(feature = "testing")]
    pub(crate) interference: Option<Arc<dyn Interference>>,
    /// Asks every run on this engine to end.
    pub(crate) cancel: Cancel,
}

/// The sizes that an engine keeps to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Results up to this many bytes are kept in the run's own row, larger ones in result storage.
    pub inline_result: u64,
    /// How many submitted tasks of one flow run may run at once.
    pub tasks: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { inline_result: 16 * 1024, tasks: 256 }
    }
}

/// What an engine is made of.
pub struct EngineParts {
    /// Keeps runs.
    pub client: Arc<dyn Client>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Keeps results that are too large for a run's row, and cached ones.
    pub storage: Storage,
    /// Keeps two runs from computing one key at once. Without any, the client's store does, for all processes that share it.
    pub locks: Option<KeyLocks>,
    /// The sizes to keep to.
    pub limits: Limits,
    /// Where people look at runs: the address of a user interface, if there is one.
    pub ui_url: Option<String>,
    /// The folder for this process's proof of life. Without one its death is noticed only when its lease has expired,
    /// after a minute.
    pub process_folder: Option<std::path::PathBuf>,
    /// Where it does what goes on beside its runs.
    pub background: Background,
}

impl Core {
    fn new(parts: EngineParts) -> Self {
        let EngineParts { client, clock, background, .. } = parts;
        let tickets = Tickets::new(client.clone(), clock.clone(), background.clone());
        let process = Process::new(parts.process_folder, client.clone(), clock.clone(), background.clone());
        let process = Arc::new(process);
        let locks = parts.locks.unwrap_or_else(|| {
            let (client, clock, process, tickets) = (client.clone(), clock.clone(), process.clone(), tickets.clone());
            KeyLocks::managed(Arc::new(DatabaseLocks { client, clock, process, tickets }))
        });
        Core {
            journal: Journal::new(client.clone(), background.clone()),
            logs: Outbox::new(client.clone(), background.clone()),
            events: Outbox::new(client.clone(), background.clone()),
            tickets,
            tag_limits: TagLimits::new(client.clone()),
            executing: Executing::new(client.clone(), background.clone()),
            process,
            ui_url: parts.ui_url.map(|url| url.trim_end_matches('/').to_owned()),
            client,
            clock,
            storage: parts.storage,
            locks,
            limits: parts.limits,
            runs: Counted::default(),
            background,
            #[cfg(feature = "testing")]
            interference: None,
            cancel: Cancel::new(),
        }
    }
}

impl Engine {
    /// Puts an engine together.
    pub fn new(parts: EngineParts) -> Self {
        Engine(Arc::new(Core::new(parts)))
    }

    /// Puts an engine together in which something comes in front of the functions of tasks.
    #[cfg(feature = "testing")]
    pub(crate) fn with_interference(parts: EngineParts, interference: Arc<dyn Interference>) -> Self {
        Engine(Arc::new(Core { interference: Some(interference), ..Core::new(parts) }))
    }

    /// Gives the client, for reading what runs have left.
    pub fn client(&self) -> &Arc<dyn Client> {
        &self.0.client
    }

    /// Asks every run on this engine to end, as the first Ctrl-C does.
    pub fn cancel_all(&self) {
        self.0.cancel.cancel();
    }

    /// Commits everything, gives up the process's lease and closes the store. Runs that have not ended become Crashed
    /// with the next look for abandoned ones; [`shutdown`](Engine::shutdown) waits for them first.
    pub async fn close(&self) -> Result<(), ClientError> {
        self.flush().await?;
        self.0.process.release().await?;
        self.0.client.close().await
    }

    /// Commits the task runs, events and log lines that there have been so far.
    pub async fn flush(&self) -> Result<(), ClientError> {
        if Engine::made().is_some_and(|own| Arc::ptr_eq(&own.0, &self.0)) {
            Early::give_to(self);
        }
        self.0.journal.commit().await?;
        self.0.events.flush().await?;
        self.0.logs.flush().await
    }

    pub(crate) fn state(&self, kind: StateType) -> State {
        let now = self.0.clock.now();
        State::new(kind, StateId(self.0.clock.uuid_at(now)), now)
    }

    /// Gives the process's own engine, made from the settings when it is first asked for.
    pub async fn default() -> Result<Engine, EngineError> {
        DEFAULT
            .get_or_try_init(|| async {
                match inventory::iter::<DefaultEngine>.into_iter().next() {
                    Some(default) => (default.make)().await,
                    None => Err(EngineError("flowcore was built without a way to connect".into())),
                }
            })
            .await
            .cloned()
    }
}

/// The process's own engine.
static DEFAULT: OnceCell<Engine> = OnceCell::const_new();

impl Engine {
    /// Gives the process's own engine if it has been made.
    pub(crate) fn made() -> Option<Engine> {
        DEFAULT.get().cloned()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("storage", &self.0.storage).finish_non_exhaustive()
    }
}

/// How the process's own engine is. The composition root submits it, so that the engine need not know it.
pub(crate) struct DefaultEngine {
    /// Makes it.
    pub(crate) make: fn() -> MakingEngine,
    /// Gives the crates and targets whose log lines are kept beside those of the program.
    #[cfg_attr(not(feature = "logs"), expect(dead_code, reason = "only log lines have a target"))]
    pub(crate) log_extra_targets: fn() -> &'static [String],
    /// Gives the level of log lines that are kept and printed.
    #[cfg_attr(not(feature = "logs"), expect(dead_code, reason = "only log lines have a level"))]
    pub(crate) log_level: fn() -> LogLevel,
}

pub(crate) type MakingEngine = std::pin::Pin<Box<dyn Future<Output = Result<Engine, EngineError>> + Send>>;

inventory::collect!(DefaultEngine);

/// Says why the process's own engine could not be made.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(pub(crate) String);
