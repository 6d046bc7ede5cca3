//! Workflow orchestration for Rust: write `#[task]` and `#[flow]` on functions, and get retries, timeouts, caching, kept
//! results, the history of states, logs and resumption after a crash, in your own process.
//!
//! # Tasks and flows
//!
//! A task is a function whose calls are recorded, one run each; a flow is a function that calls tasks, and whose runs can
//! be resumed. Calling one makes a call, which does nothing until it is awaited or submitted, and on which options can be
//! set for this time.
//!
//! ```
//! use flowcore::{Engine, Result, flow, task};
//!
//! #[task(retries = 3, retry_delay = exponential(1, 60), timeout = 30)]
//! async fn fetch(url: String) -> Result<String> {
//!     Ok(format!("the page at {url}"))
//! }
//!
//! #[flow]
//! async fn lengths(urls: Vec<String>) -> Result<Vec<usize>> {
//!     let mut lengths = Vec::new();
//!     for url in urls {
//!         lengths.push(fetch(url).retries(5).await?.len());
//!     }
//!     Ok(lengths)
//! }
//!
//! #[flowcore::main]
//! async fn main() -> Result<()> {
//!     // Without `.on(..)` it runs on the process's own engine, which the settings describe.
//!     let lengths = lengths(vec!["a".to_owned()]).on(&Engine::memory()).await?;
//!     assert_eq!(lengths, [13]);
//!     Ok(())
//! }
//! ```
//!
//! Functions may be plain: then they run on the blocking pool, where a timeout ends their run but cannot stop their thread
//! (they can ask [`current::is_cancelled`]); a retry waits for it.
//! They may return any `Result` with a standard error, or no `Result` at all. Arguments are data that serde can write;
//! what is not data (a pool, a client) is marked with `#[resource]`. What can be said in the attributes is listed at
//! [`macro@task`] and [`macro@flow`]; it can be said again for one call.
//!
//! A [`TaskRunner`] says where tasks run: `#[flow(task_runner = thread_pool("cpu", 4))]` runs what the flow submits on four threads
//! of their own, and `task_runner` on a task runs that one there. A task that waits for a thread is not RUNNING yet.
//!
//! # Futures
//!
//! `submit` starts a run beside what follows and gives its [`TaskFuture`]. A future is accepted wherever its result is: the
//! call that gets it starts when it has completed, and that is how the edges of the graph are known. A failed run fails
//! what needs its result, unless [`TaskFuture::allow_failure`] says otherwise.
//!
//! ```
//! use flowcore::{Engine, Outcome, Result, each, flow, task, unmapped};
//!
//! #[task]
//! async fn half(number: u32, by: u32) -> Result<u32> {
//!     number.is_multiple_of(by).then_some(number / by).ok_or_else(|| flowcore::Error::msg("it is odd"))
//! }
//!
//! #[task]
//! async fn total(numbers: Vec<Outcome<u32>>) -> u32 {
//!     numbers.into_iter().filter_map(|number| number.result.ok()).sum()
//! }
//!
//! #[flow(task_limit = 16)]
//! async fn halves() -> Result<u32> {
//!     let halves = half::map(each(1..=10), unmapped(2)).submit();
//!     Ok(total(halves.allow_failure()).await?)
//! }
//!
//! #[flowcore::main]
//! async fn main() -> Result<()> {
//!     assert_eq!(halves().on(&Engine::memory()).await?, 15);
//!     Ok(())
//! }
//! ```
//!
//! A flow waits for what it has submitted before it ends. A flow that is called in a flow is a subflow, with a run of its
//! own. [`as_completed`] gives runs in the order in which they end, [`wait`] waits for some time, and `return_state` gives
//! the final state instead of an error.
//!
//! A map has one run for each value, or with [`summary`](MapCall::summary) one for all that counts them.
//!
//! # Streams
//!
//! A task that yields has a parameter `#[yields] lines: Yields<Line>`, to which it sends its values. Its caller takes them from a
//! [`TaskStream`] while it runs ([`StreamCall`] has an example): a bounded number waits between the two, and the task with
//! them. The run's result is the list of all values, kept when the function has returned as any other result is. So a resumed
//! run or a cached call gives the same values again without executing the task; one that was interrupted in the middle yields
//! from the beginning. A retry goes on behind what the caller has got already.
//!
//! # Caching
//!
//! A task with a [`CachePolicy`] is not executed when the result of its key is known, from whichever run and process; its
//! run is then Completed with the name Cached. Nothing is cached by default.
//!
//! ```
//! use flowcore::{Engine, Result, flow, task};
//!
//! #[task(cache = INPUTS + TASK_SOURCE - "verbose", cache_expiration = 3600)]
//! async fn square(number: u64, verbose: bool) -> u64 {
//!     if verbose {
//!         tracing::info!(number, "computing");
//!     }
//!     number * number
//! }
//!
//! #[flow]
//! async fn squares() -> Result<()> {
//!     square(12u64, true).await?;
//!     let again = square(12u64, false).return_state().await;
//!     assert_eq!(again.state.map(|state| state.name.into_owned()).as_deref(), Some("Cached"));
//!     assert_eq!(again.result?, 144);
//!     Ok(())
//! }
//!
//! #[flowcore::main]
//! async fn main() -> Result<()> {
//!     Ok(squares().on(&Engine::memory()).await?)
//! }
//! ```
//!
//! # Transactions
//!
//! Tasks that are called in the block of a [`transaction()`] are committed together or undone together: if something in the
//! block fails, the `on_rollback` hooks of the tasks that have completed are called, the last first, and their runs show
//! RolledBack. With a key a transaction is committed once, whichever run and process it is in.
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! use flowcore::{Engine, Error, Result, TransactionEvent, flow, task, transaction};
//!
//! static SEATS: AtomicU32 = AtomicU32::new(10);
//!
//! #[task(on_rollback = give_back)]
//! async fn book(seats: u32) -> u32 {
//!     SEATS.fetch_sub(seats, Ordering::Relaxed) - seats
//! }
//!
//! async fn give_back(event: TransactionEvent) -> Result<()> {
//!     SEATS.fetch_add(event.argument("seats")?, Ordering::Relaxed);
//!     Ok(())
//! }
//!
//! #[task]
//! async fn pay(card: String) -> Result<()> {
//!     Err(Error::msg(format!("{card} is not accepted")))
//! }
//!
//! #[flow]
//! async fn trip() -> Result<()> {
//!     let booked = transaction().run(async |_| {
//!         assert_eq!(book(4u32).await?, 6);
//!         Ok(pay("this card").await?)
//!     });
//!     booked.await
//! }
//!
//! #[flowcore::main]
//! async fn main() -> Result<()> {
//!     assert!(trip().on(&Engine::memory()).await.is_err());
//!     assert_eq!(SEATS.load(Ordering::Relaxed), 10);
//!     Ok(())
//! }
//! ```
//!
//! # Resumption
//!
//! A flow run can be executed again under the same id when it has failed, was cancelled, or its process has died: by
//! `flowcore flow-run retry ID`, or by [`execute_flow_run`]. Its function runs from the beginning, and calls that have
//! completed before give their kept results at once. A call is recognized by its task and its arguments, in whatever
//! order calls are made.
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! use flowcore::model::FlowRunFilter;
//! use flowcore::{Durability, Engine, Error, Result, execute_flow_run, flow, task};
//!
//! static PAYMENTS: AtomicU32 = AtomicU32::new(0);
//! static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
//!
//! /// Returns when its completion is committed: from then on it is not executed again.
//! #[task(durability = Committed)]
//! async fn pay(amount: u32) -> u32 {
//!     PAYMENTS.fetch_add(1, Ordering::Relaxed) + amount
//! }
//!
//! #[flow]
//! async fn order() -> Result<()> {
//!     pay(10u32).await?;
//!     match ATTEMPTS.fetch_add(1, Ordering::Relaxed) {
//!         0 => Err(Error::msg("the printer is out of paper")),
//!         _ => Ok(()),
//!     }
//! }
//!
//! #[flowcore::main]
//! async fn main() -> Result<()> {
//!     let engine = Engine::memory();
//!     assert!(order().on(&engine).await.is_err());
//!     let runs = engine.client().flow_runs(&FlowRunFilter::default()).await?;
//!     execute_flow_run(&engine, runs[0].id).await?;
//!     assert_eq!(PAYMENTS.load(Ordering::Relaxed), 1);
//!     Ok(())
//! }
//! ```
//!
//! Programs need `#[flowcore::main]`, or a call of [`init`] first in `main`, to be started for this by the command.
//! [`Durability`] says what a crash can cost.
//!
//! # Waiting, and ending
//!
//! A flow waits for people with [`pause`] in its process, or with [`suspend`] without one; whoever resumes it can
//! [tell it something](Pause::for_input). [`sleep_for`] survives a restart, and [`receive_input`] waits for what
//! [`send_input`] sends from other runs. [`cancel_flow_run`] ends a run wherever it is executed, [`resume_flow_run`] lets a
//! paused one go on; the command does the same with `flow-run cancel` and `flow-run resume`.
//!
//! # Inside a service
//!
//! A program that flows are only a part of calls [`init`] itself, [without signals](Init::without_signals) if it handles them,
//! and ends with [`Engine::shutdown`], which waits for the runs.
//!
//! # Inside a run
//!
//! [`current`] tells ids, names, parameters, tags, the attempt and addresses in the user interface, also in what
//! [`current::spawn`] starts. [`tags()`] gives tags to all runs that a piece of code makes. A task with [assets](Asset) tells what
//! it has made outside of the program, and from what. `tracing` events inside a run are kept with it, with
//! their fields (feature [`logs`]). [`artifact`] keeps what people are to see, in versions by
//! key, and [`event()`] tells of what has happened.
//!
//! # Concurrency limits
//!
//! [`concurrency`] holds slots of a limit that all processes of a database share, [`rate_limit`] keeps to a rate, and task runs
//! with limited tags wait before they run. Limits are made by `flowcore concurrency create`.
//!
//! # Variables
//!
//! [`variable`] reads and sets values under names that all programs of a database share, and that people change by
//! `flowcore variable set`.
//!
//! # Tests
//!
//! [`Engine::memory`] keeps everything in memory, each one for itself: tests need no folder and do not meet each other.
//!
//! ```
//! use flowcore::model::TaskRunFilter;
//! use flowcore::{Engine, Result, StateType, flow, task};
//!
//! #[task]
//! async fn double(number: u32) -> u32 {
//!     2 * number
//! }
//!
//! #[flow]
//! async fn doubled(number: u32) -> Result<u32> {
//!     Ok(double(number).await?)
//! }
//!
//! # /*
//! #[tokio::test]
//! # */
//! # #[tokio::main]
//! # async fn main() -> Result<()> { numbers_are_doubled().await }
//! async fn numbers_are_doubled() -> Result<()> {
//!     let engine = Engine::memory();
//!     let outcome = doubled(4u32).on(&engine).return_state().await;
//!     assert_eq!(outcome.result?, 8);
//!     let runs = engine.client().task_runs(&TaskRunFilter::default()).await?;
//!     assert_eq!(runs[0].name, "double-0");
//!     assert_eq!(runs[0].state.kind, StateType::Completed);
//!     Ok(())
//! }
//! ```
//!
//! With the feature `testing` there are engines with virtual time and injected failures, and crash tests: see the module
//! `testing`. [`EngineParts`] puts an engine together from other parts, such as a [`Clock`](clock::Clock) of the test's own.
//!
//! # Settings and features
//!
//! The process's own engine is made from [`Settings`](settings::Settings), which are read from `FLOWCORE_` variables,
//! from `flowcore.toml` and from profiles. The features are `macros`, `schema`, `sqlite`, `results`, `logs` and
//! `settings-files` (on by default), `otel`, `postgres`, `s3`, `msgpack`, `compression` and `testing`.

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod client;
pub mod clock;
pub mod connect;
mod engine;
pub mod model;
pub mod orchestration;
pub mod results;
pub mod settings;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod wire;

#[cfg(feature = "macros")]
pub use flowcore_macros::{flow, main, task};

pub use engine::artifact;
pub use engine::asset::{Asset, AssetError, add_asset_metadata};
pub use engine::background::Background;
pub use engine::cache_policy::{CacheContext, CachePolicy};
pub use engine::call_site::NoThread;
pub use engine::concurrency::{
    ConcurrencyCall, ConcurrencyError, ConcurrencyGuard, LimitNames, RateLimitCall, concurrency, rate_limit,
};
pub use engine::control::{ControlError, Resume, cancel_flow_run, resume_flow_run};
pub use engine::core::{Engine, EngineError, EngineParts, Limits};
pub use engine::current;
pub use engine::definition::{
    FlowDefinition, ParameterError, Parameters, RegistryError, Site, TaskDefinition, find_flow, flows,
};
pub use engine::delay::{DelayCall, DelayedTask};
pub use engine::describe::{DESCRIBE, DESCRIBES_ITSELF, Description, FlowDescription};
pub use engine::error::{BoxError, Error, Result, RunError};
pub use engine::event::{EventError, NewEvent, event};
pub use engine::flow_call::{AnyFlowCall, FlowCall};
pub use engine::future::{AsCompleted, Outcome, TaskFuture, TaskFutures, Waited, as_completed, wait};
pub use engine::hooks::{Hook, HookEvent};
pub use engine::input::{Input, MapInput, each, unmapped};
#[cfg(feature = "logs")]
pub use engine::log_layer as logs;
pub use engine::main::{Init, init};
pub use engine::map_summary::{MapError, MapFailed, MapSummary};
pub use engine::messages::{MessageError, Received, Receiver, SendInput, receive_input, send_input};
pub use engine::names::made_up as made_up_name;
pub use engine::options::{Durability, FlowOptions, TaskOptions};
pub use engine::pause::{Pause, PauseError, pause, suspend};
pub use engine::program::{EXECUTE, execute_flow_run, provide};
pub use engine::retry::{RetryDelay, Seconds};
pub use engine::run_deployment::{DeploymentRun, run_deployment};
pub use engine::runner::TaskRunner;
pub use engine::serving::{Collision, Deployment, Listed, Runner, SERVE, Schedule, Serve, ServeOrder, Work, serve};
pub use engine::shutdown::Shutdown;
pub use engine::sleep::{sleep_for, sleep_until};
pub use engine::stream::{StreamCall, TaskStream};
pub use engine::tags::{WithTags, tags};
pub use engine::task_call::{MapCall, TaskCall};
pub use engine::task_worker::{MakesCalls, TaskWorker};
pub use engine::transaction::{
    CommitMode, HookResult, Isolation, Keyed, Transaction, TransactionCall, TransactionEvent, TransactionHook, Unkeyed,
    transaction,
};
pub use engine::variable;
pub use engine::yields::{StreamClosed, Yields};
pub use model::{State, StateType};
/// What makes the JSON schemas of types: for `#[schemars(crate = "flowcore::schemars")]` beside the derive.
#[cfg(feature = "schema")]
pub use schemars::{self, JsonSchema};

/// The examples of the project's README, compiled with those of the documentation.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
