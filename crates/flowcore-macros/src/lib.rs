//! The attribute macros of flowcore: `#[flow]`, `#[task]` and `#[flowcore::main]`.
//!
//! Use them through `flowcore`, which documents them with examples. A macro works in three steps that do not mix:
//! [`function`] reads the function and refuses what cannot be one, [`options`] reads the attribute and checks its
//! values, [`expand`] writes the code. Mistakes are collected and reported together, each at its place; after mistakes
//! in the options alone the function is expanded with the others, so that its callers do not fail too.

mod documentation;
mod errors;
mod expand;
mod function;
mod kind;
mod main_attribute;
mod options;
mod source_hash;

use kind::Kind;
use proc_macro::TokenStream;

/// Makes a task of a function.
///
/// `async fn fetch(url: String) -> Result<Page>` becomes `fn fetch(url: impl Into<Input<String>>) -> TaskCall<Page>`:
/// awaiting the call runs the task, `.submit()` starts it. `fetch::map(..)` calls it once for each of many values.
/// A plain function runs on the blocking pool.
///
/// Parameters marked with `#[resource]` are handles (pools, clients): they are cloned for each attempt and are no part
/// of the recorded arguments.
///
/// The options are, all optional: `name`, `description`, `version`, `tags`, `retries`, `retry_delay`, `retry_jitter`,
/// `retry_if`, `timeout`, `cache`, `cache_expiration`, `refresh_cache`, `persist_result`, `result_storage`,
/// `result_storage_key`, `serializer`, `durability`, `task_run_name`, `on_running`, `on_completion`, `on_failure`. They
/// are the setters of `TaskOptions`, where each is described. `cache` may name `INPUTS`, `TASK_SOURCE`, `RUN_ID`,
/// `FLOW_PARAMETERS`, `DEFAULT` and `NO_CACHE`, `retry_delay` may call `exponential`, and `durability` may name
/// `Batched` and `Committed`, without an import.
#[proc_macro_attribute]
pub fn task(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::Task, arguments.into(), item.into()).into()
}

/// Makes a flow of a function.
///
/// `async fn report(day: String) -> Result<Report>` becomes `fn report(day: impl Into<Input<String>>) ->
/// FlowCall<Report>`, and the flow is entered into the registry, from which runs are started by name.
///
/// A parameter marked with `#[default(value)]` may be left out of stored parameters. Parameters marked with
/// `#[resource]` are handles: a run that is started by name takes them from what the program has provided.
///
/// The options are, all optional: `name`, `description`, `version`, `tags`, `retries`, `retry_delay`, `retry_jitter`,
/// `retry_if`, `timeout`, `persist_result`, `result_storage`, `result_storage_key`, `serializer`, `flow_run_name`,
/// `task_limit`, `on_running`, `on_completion`, `on_failure`, `on_cancellation`, `on_crashed`. They are the setters of
/// `FlowOptions`, where each is described.
#[proc_macro_attribute]
pub fn flow(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::Flow, arguments.into(), item.into()).into()
}

/// Runs an async `main` on a runtime with several threads, and leaves nothing behind when it returns: what was recorded
/// is committed first.
///
/// `worker_threads = 4` sets the number of threads; by default it is that of the cores.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    main_attribute::expand(arguments.into(), item.into()).into()
}
