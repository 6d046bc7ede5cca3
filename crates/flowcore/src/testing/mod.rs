//! Tests of flows: virtual time, injected failures, and crash tests. (Feature `testing`, for
//! `[dev-dependencies]`.)
//!
//! A [`TestEngine`] keeps everything in memory, in virtual time: a retry in an hour takes no time, and a test a few
//! milliseconds.
//!
//! ```
//! use std::time::Duration;
//!
//! use flowcore::testing::{TestEngine, fail, hang};
//! use flowcore::{Result, flow, task};
//!
//! #[task(retries = 3, retry_delay = 3600, timeout = 60)]
//! async fn fetch(url: String) -> Result<usize> {
//!     tracing::info!("fetching {url}");
//!     Ok(url.len())
//! }
//!
//! #[flow]
//! async fn total(urls: Vec<String>) -> Result<usize> {
//!     Ok(fetch::map(urls).await?.into_iter().sum())
//! }
//!
//! # /*
//! #[tokio::test]
//! # */
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> { a_flaky_service_is_asked_again().await }
//! async fn a_flaky_service_is_asked_again() -> Result<()> {
//!     let engine = TestEngine::new();
//!     engine.inject(fail("fetch", "connection reset").of_run("fetch-1").first(2));
//!     engine.inject(hang("fetch").of_run("fetch-0").nth(1));
//!
//!     let urls = ["a", "bc", "def"].map(str::to_owned).to_vec();
//!     assert_eq!(total(urls).on(&engine).await?, 6);
//!
//!     assert!(engine.elapsed() > Duration::from_secs(2 * 3600));
//!     assert_eq!(engine.executions("fetch"), 6);
//!     let states = engine.task_states("fetch-0").await;
//!     assert_eq!(states, ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]);
//!     assert_eq!(engine.task_run("fetch-1").await.times.run_count, 3);
//!     assert!(engine.log_messages().await.contains(&"fetching def".to_owned()));
//!     Ok(())
//! }
//! ```
//!
//! [`fail`], [`fail_with`], [`panic()`], [`hang`] and [`delay`] say what happens to a task; [`StoreFault`] says what happens to the
//! store:
//!
//! ```
//! use flowcore::testing::{StoreFault, TestEngine};
//! # use flowcore::{Result, flow};
//!
//! # #[flow]
//! # async fn nightly() -> Result<()> { Ok(()) }
//! #
//! # /*
//! #[tokio::test]
//! # */
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() { a_store_that_is_away_for_half_a_minute_is_waited_for().await }
//! async fn a_store_that_is_away_for_half_a_minute_is_waited_for() {
//!     let engine = TestEngine::new();
//!     engine.store().inject(StoreFault::of(["swap_flow_run", "record_task_runs"]).lasting(30));
//!     nightly().on(&engine).await.unwrap();
//!     assert!(engine.elapsed().as_secs() >= 30 && engine.store().failed() > 0);
//! }
//! ```
//!
//! # Crash tests
//!
//! [`crash_test`] kills a flow before and after each of its writes in turn and resumes it each time. What has to hold in the end
//! is said by the test. A failure says when the flow was killed, and how to do exactly that again.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! use flowcore::testing::crash_test;
//! use flowcore::{Result, flow, task};
//!
//! /// What is outside of the program, and goes on when it dies.
//! #[derive(Clone, Default)]
//! struct Bank(Arc<AtomicU32>);
//!
//! /// Tells the bank for which order it pays: asked twice, the bank pays once.
//! #[task]
//! async fn pay(order: u32, #[resource] bank: Bank) {
//!     bank.0.fetch_max(order, Ordering::Relaxed);
//! }
//!
//! #[task]
//! async fn confirm(order: u32) -> String {
//!     format!("order {order} is on its way")
//! }
//!
//! #[flow]
//! async fn deliver(number: u32, #[resource] bank: Bank) -> Result<String> {
//!     pay(number, bank).await?;
//!     Ok(confirm(number).await?)
//! }
//!
//! # /*
//! #[test]
//! # */
//! # fn main() { an_order_is_paid_for_wherever_it_crashes() }
//! fn an_order_is_paid_for_wherever_it_crashes() {
//!     let report = crash_test(Bank::default, |bank| deliver(7, bank.clone())).seeds(10).survives(async |after| {
//!         assert_eq!(after.world.0.load(Ordering::Relaxed), 7);
//!         assert!(after.task_run("confirm-0").await.state.is_completed());
//!         Ok(())
//!     });
//!     assert!(report.kills > 10);
//! }
//! ```
//!
//! A process is a runtime here, and killing it is dropping that: all of its tasks are gone at their awaits, and nothing
//! reaches the store any more. What that cannot show is what dies with a real process only: destructors run here and
//! `static`s keep their values, the thread of a plain function goes on to its end, and a database is not interrupted in the
//! middle of a write. A flow's parameters come from the test each time, instead of from the store. Writes to result storage
//! are no moments of their own: before the write that tells of a result, it is there. flowcore itself is shown to survive
//! `kill -9` by `cargo xtask prove crash` in its repository.

mod clock;
mod crash;
mod engine;
mod faulty_store;
mod injection;
mod looks;
mod occasion;

pub use crash::{Aftermath, CrashReport, CrashTest, crash_test};
pub use engine::TestEngine;
pub use faulty_store::{FaultyStore, StoreFault};
pub use injection::{Injection, delay, fail, fail_with, hang, panic};
