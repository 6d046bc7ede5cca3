//! Concurrency limits as guards: [`concurrency`] and [`rate_limit`], inside and outside of runs.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use super::attempt::expired;
use super::call_site::{CallSite, NoThread, block_on};
use super::context::Scope;
use super::core::{Engine, EngineError};
use super::process::Process;
use super::program;
use super::tickets::{NotTaken, Ticket};
use crate::client::ClientError;
use crate::clock::Clock;
use crate::model::{SlotAsk, SlotHolder, SlotId, SlotRefusal};

/// Takes slots of a concurrency limit, and waits for them while others have them, first come first served. The slots are
/// held until the guard is dropped.
///
/// Limits belong to the database: all processes that share it keep to them together. They are made by `flowcore concurrency
/// create`, or by [`LimitClient::create_limit`](crate::client::LimitClient::create_limit). A limit that does not exist
/// limits nothing, unless [`strict`](ConcurrencyCall::strict) says that it has to. When a process dies, its slots are free.
///
/// Of several limits (`concurrency(["db", "api"], 1)`) the slots are taken together. Whoever holds slots and asks for
/// more can wait for itself, or for another one that does the same the other way round: ask for all at once.
///
/// ```
/// use flowcore::orchestration::NewLimit;
/// use flowcore::{Engine, Result, concurrency, flow};
///
/// #[flow]
/// async fn load() -> Result<()> {
///     let _slots = concurrency("db", 2).await?;
///     // At most two such flows are here at once, as the limit is 4.
///     Ok(())
/// }
///
/// #[flowcore::main]
/// async fn main() -> Result<()> {
///     let engine = Engine::memory();
///     engine.client().create_limit(NewLimit::new("db", 4)).await?;
///     Ok(load().on(&engine).await?)
/// }
/// ```
///
/// A limit whose slots decay frees them with the time: there the guard's end frees nothing.
pub fn concurrency(limits: impl Into<LimitNames>, slots: u32) -> ConcurrencyCall {
    ConcurrencyCall(Call::new(limits.into(), slots, false))
}

/// Waits until slots of a rate limit are free, and uses them up: they become free again with the time.
///
/// A rate limit is a concurrency limit whose slots decay, so many in a second. Up to `limit` of them may be used at once
/// after a pause; then as many as decay. A limit that does not exist limits nothing, unless
/// [`strict`](RateLimitCall::strict) says that it has to.
///
/// ```
/// use flowcore::orchestration::NewLimit;
/// use flowcore::{Engine, Result, rate_limit, task};
///
/// #[task]
/// async fn fetch(url: String) -> Result<String> {
///     rate_limit("api", 1).await?;
///     Ok(format!("the page at {url}"))
/// }
///
/// #[flowcore::main]
/// async fn main() -> Result<()> {
///     let engine = Engine::memory();
///     let limit = NewLimit { slot_decay_per_second: 50.0, ..NewLimit::new("api", 5) };
///     engine.client().create_limit(limit).await?;
///     # #[flowcore::flow]
///     # async fn fetch_one() -> Result<()> {
///     fetch("a".to_owned()).await?;
///     # Ok(())
///     # }
///     # fetch_one().on(&engine).await?;
///     Ok(())
/// }
/// ```
pub fn rate_limit(limits: impl Into<LimitNames>, slots: u32) -> RateLimitCall {
    RateLimitCall(Call::new(limits.into(), slots, true))
}

/// The names of one or several limits: a text, or an array or vector of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitNames(Vec<String>);

impl From<&str> for LimitNames {
    fn from(name: &str) -> Self {
        LimitNames(vec![name.to_owned()])
    }
}

impl From<String> for LimitNames {
    fn from(name: String) -> Self {
        LimitNames(vec![name])
    }
}

impl<const N: usize> From<[&str; N]> for LimitNames {
    fn from(names: [&str; N]) -> Self {
        LimitNames(names.map(str::to_owned).into())
    }
}

impl From<Vec<String>> for LimitNames {
    fn from(names: Vec<String>) -> Self {
        LimitNames(names)
    }
}

/// Why slots of concurrency limits were not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConcurrencyError {
    /// They were not free in time.
    #[error(
        "{slots} slots of {limits} were not free within {timeout:?}; `flowcore concurrency inspect` lists who has them"
    )]
    TimedOut {
        /// The limits' names.
        limits: String,
        /// How many were wanted of each.
        slots: u32,
        /// For how long.
        timeout: Duration,
    },
    /// The run around was asked to end.
    #[error("the run was asked to end while it waited for slots of {limits}")]
    Cancelled {
        /// The limits' names.
        limits: String,
    },
    /// They can never be.
    #[error(transparent)]
    Refused(#[from] SlotRefusal),
    /// What keeps limits failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is no engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No thread could be had for waiting.
    #[error(transparent)]
    Thread(#[from] NoThread),
}

/// Slots of concurrency limits that are held. Dropping it gives them back soon, without blocking.
#[must_use = "the slots are given back when the guard is dropped"]
pub struct ConcurrencyGuard(Option<Ticket>);

impl ConcurrencyGuard {
    /// Gives the slots back, and returns when others can have them.
    ///
    /// # Errors
    ///
    /// The store failed. It is tried again in the background.
    pub async fn release(self) -> Result<(), ConcurrencyError> {
        match self.0 {
            Some(ticket) => Ok(ticket.give_back().await?),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ConcurrencyGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyGuard").finish_non_exhaustive()
    }
}

/// A call of [`concurrency`] that has not begun: awaiting it takes the slots.
#[must_use = "nothing is taken until the call is awaited"]
pub struct ConcurrencyCall(Call);

/// A call of [`rate_limit`] that has not begun: awaiting it waits for its time.
#[must_use = "nothing is waited for until the call is awaited"]
pub struct RateLimitCall(Call);

/// Writes the options that both kinds of call have.
macro_rules! options {
    ($Call:ident -> $Output:ty, $finish:expr) => {
        impl $Call {
            /// Gives up with [`ConcurrencyError::TimedOut`] when the slots are not free within this time.
            pub fn timeout(mut self, timeout: Duration) -> Self {
                self.0.timeout = Some(timeout);
                self
            }

            /// Fails with [`SlotRefusal::Missing`] when a limit does not exist.
            pub fn strict(mut self) -> Self {
                self.0.strict = true;
                self
            }

            /// Uses this engine's limits, outside of runs.
            pub fn on(mut self, engine: &Engine) -> Self {
                self.0.site.set_engine(engine);
                self
            }

            /// Blocks this thread meanwhile, for plain functions.
            ///
            /// # Errors
            ///
            /// As when it is awaited; or no thread could be had for waiting.
            pub fn blocking(self) -> Result<$Output, ConcurrencyError> {
                Ok($finish(block_on(self.0.take())??))
            }
        }

        impl IntoFuture for $Call {
            type Output = Result<$Output, ConcurrencyError>;
            type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

            fn into_future(self) -> Self::IntoFuture {
                let taken = self.0.take();
                Box::pin(async move { Ok($finish(taken.await?)) })
            }
        }
    };
}

options!(ConcurrencyCall -> ConcurrencyGuard, ConcurrencyGuard);
options!(RateLimitCall -> (), |ticket: Option<Ticket>| {
    if let Some(ticket) = ticket {
        ticket.leave();
    }
});

struct Call {
    limits: Vec<String>,
    slots: u32,
    rate: bool,
    strict: bool,
    timeout: Option<Duration>,
    site: CallSite,
}

impl Call {
    fn new(limits: LimitNames, slots: u32, rate: bool) -> Self {
        let mut limits = limits.0;
        limits.sort_unstable();
        limits.dedup();
        Call { limits, slots, rate, strict: false, timeout: None, site: CallSite::here() }
    }

    fn named(&self) -> String {
        let names: Vec<String> = self.limits.iter().map(|name| format!("`{name}`")).collect();
        format!("the concurrency limit{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
    }

    async fn take(self) -> Result<Option<Ticket>, ConcurrencyError> {
        let engine = self.site.engine().await?;
        if self.slots == 0 || self.limits.is_empty() {
            return Ok(None);
        }
        let ask = SlotAsk {
            strict: self.strict,
            rate: self.rate,
            ..ask(&engine.0.process, &*engine.0.clock, self.limits.clone(), self.slots, self.holder()).await?
        };
        let clock = engine.0.clock.clone();
        let taken = tokio::select! {
            biased;
            taken = engine.0.tickets.take(ask, || ()) => taken,
            () = async { match self.site.scope.cancel() { Some(cancel) => cancel.requested().await, None => std::future::pending().await } } => {
                return Err(ConcurrencyError::Cancelled { limits: self.named() });
            }
            timeout = expired(self.timeout, &*clock) => {
                return Err(ConcurrencyError::TimedOut { limits: self.named(), slots: self.slots, timeout });
            }
        };
        match taken {
            Ok(ticket) => Ok(Some(ticket)),
            Err(NotTaken::Refused(refusal)) => Err(refusal.into()),
            Err(NotTaken::Failed(error)) => Err(error.into()),
        }
    }

    fn holder(&self) -> SlotHolder {
        holder(&self.site.scope)
    }
}

/// Describes the runs around the code, or the program.
pub(crate) fn holder(scope: &Scope) -> SlotHolder {
    let name = match (scope.task(), scope.flow()) {
        (Some(task), Some(flow)) => format!("{} of {}", task.name(), flow.name),
        (Some(task), None) => task.name(),
        (None, Some(flow)) => flow.name.clone(),
        (None, None) => {
            let program = program::current().and_then(|program| Some(program.executable.file_name()?.to_owned()));
            program.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
        }
    };
    SlotHolder { flow_run_id: scope.flow().map(|flow| flow.id), task_run_id: scope.task().map(|task| task.id), name }
}

/// Makes an ask of this process.
pub(crate) async fn ask(
    process: &Process,
    clock: &dyn Clock,
    limits: Vec<String>,
    slots: u32,
    holder: SlotHolder,
) -> Result<SlotAsk, ClientError> {
    let process_id = Some(process.id().await?);
    let (id, due) = (SlotId(clock.uuid()), clock.now());
    Ok(SlotAsk { id, limits, slots, holder, process_id, due, expires: None, strict: false, rate: false })
}
