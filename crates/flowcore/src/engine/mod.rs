//! The engine: what runs flows and tasks, and the types with which programs say what to run.
//!
//! The way of a task: a function that `#[task]` made gives a [`TaskCall`]; awaiting or submitting it makes a
//! `TaskExecution`, which waits for its arguments, looks for a finished run of an earlier attempt and for a cached
//! result, runs the body under the rules of [`orchestration`](crate::orchestration), keeps the result and journals each
//! state.

pub mod artifact;
pub(crate) mod asset;
pub(crate) mod attempt;
pub(crate) mod background;
pub(crate) mod blocking;
pub(crate) mod bounds;
pub(crate) mod cache_policy;
pub(crate) mod call_site;
pub(crate) mod calls;
pub(crate) mod cancel;
pub(crate) mod claim;
pub(crate) mod codec;
pub(crate) mod concurrency;
pub(crate) mod condition;
pub(crate) mod context;
pub(crate) mod control;
pub(crate) mod core;
pub(crate) mod counted;
pub mod current;
pub(crate) mod database_locks;
pub(crate) mod definition;
pub(crate) mod delay;
pub(crate) mod describe;
pub(crate) mod digest;
pub(crate) mod entry;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod executing;
pub(crate) mod expansion;
pub(crate) mod flow_call;
pub(crate) mod flow_end;
pub(crate) mod flow_engine;
pub(crate) mod flow_report;
pub(crate) mod future;
pub(crate) mod hooks;
pub(crate) mod input;
pub(crate) mod inputs;
pub(crate) mod insist;
#[cfg(feature = "testing")]
pub(crate) mod interference;
pub(crate) mod job;
pub(crate) mod journal;
#[cfg(feature = "logs")]
pub mod log_layer;
#[cfg(feature = "logs")]
mod log_targets;
pub(crate) mod main;
pub(crate) mod map_progress;
pub(crate) mod map_summary;
pub(crate) mod messages;
pub(crate) mod names;
pub(crate) mod new_run;
pub(crate) mod options;
pub(crate) mod outbox;
pub(crate) mod panics;
pub(crate) mod pause;
pub(crate) mod persist;
pub(crate) mod polled;
pub(crate) mod pool;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod retry;
pub(crate) mod run_deployment;
pub(crate) mod runner;
pub(crate) mod schema;
pub(crate) mod serving;
pub(crate) mod settled;
pub(crate) mod shutdown;
pub(crate) mod signals;
pub(crate) mod sleep;
pub(crate) mod slots;
#[cfg_attr(not(feature = "otel"), path = "spans_off.rs")]
pub(crate) mod spans;
pub(crate) mod stream;
pub(crate) mod subflow;
pub(crate) mod tag_limits;
pub(crate) mod tags;
mod task_attempt;
pub(crate) mod task_cache;
pub(crate) mod task_call;
pub(crate) mod task_end;
pub(crate) mod task_engine;
pub(crate) mod task_entry;
pub(crate) mod task_scope;
pub(crate) mod task_slots;
pub(crate) mod task_worker;
pub(crate) mod tickets;
pub(crate) mod transaction;
pub(crate) mod type_name;
pub(crate) mod upstream;
pub mod variable;
pub(crate) mod verdict;
pub(crate) mod yields;
