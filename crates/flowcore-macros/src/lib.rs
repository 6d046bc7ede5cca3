//! The attribute macros of flowcore: `#[flow]`, `#[task]` and `#[flowcore::main]`.
//!
//! Use them through `flowcore`, which documents them with examples. A macro works in three steps that do not mix:
//! `function` reads the function and refuses what cannot be one, `options` reads the attribute and checks its
//! values, `expand` writes the code. Mistakes are collected and reported together, each at its place; after mistakes
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
/// awaiting the call runs the task, `.submit()` starts it. `fetch::map(..)` calls it once for each of many values,
/// `fetch::fetch(..)` is the function itself, and `fetch::definition()` tells of the task. A plain function runs on the
/// blocking pool, unless a task runner is set.
///
/// Arguments implement `Serialize` and `Clone`; the result `Serialize`, `DeserializeOwned` and `Clone`, or only `Clone` with
/// `persist_result = false`. Parameters marked with `#[resource]` are handles (pools, clients): they are cloned for each
/// attempt and are no part of the recorded arguments. There are at most 12 of each kind.
///
/// A parameter `#[yields] lines: Yields<Line>` is what the task sends values to while it runs. Callers do not give it: the function
/// returns a `StreamCall<Line>`, whose `.stream()` gives the values as they come. It returns nothing itself, or a `Result<()>`.
///
/// # Options
///
/// All are optional. A time is a number of seconds or a `Duration`; words in capitals and the functions named here need no
/// import. Each option but `description` has a setter of the same name on `TaskCall`, which holds for that call.
///
/// | option | meaning | unless said |
/// | --- | --- | --- |
/// | `name = "fetch page"` | what people call the task | the function's name |
/// | `description = ".."` | what it is for | the function's documentation |
/// | `version = "1.2"` | the version that runs are marked with | none |
/// | `tags = ["net"]` | tags of its runs, beside those of the flow | none |
/// | `retries = 3` | how often a failed run is tried again | 0 |
/// | `retry_delay = [1, 10]` | the wait before each retry, one time or a list whose last is repeated, or `exponential(base, cap)` | at once |
/// | `retry_jitter = 0.5` | each wait is drawn up to this fraction longer | 0 |
/// | `retry_if = \|error\| ..` | tries again only after errors that the predicate accepts | all but `Error::retriable(false)` |
/// | `timeout = 30` | ends an attempt that takes longer, as TimedOut; the thread of a plain function runs on (see `flowcore::current::is_cancelled`), and a retry waits for it | no limit |
/// | `cache = INPUTS + TASK_SOURCE` | what has to be equal for two calls to share a result: `INPUTS`, `TASK_SOURCE`, `RUN_ID`, `FLOW_PARAMETERS`, `DEFAULT`, `NO_CACHE` or a `CachePolicy` | `NO_CACHE` |
/// | `cache_expiration = 3600` | how long a cached result is valid | for ever |
/// | `refresh_cache = true` | runs the task even if its result is known, and caches the new one | false |
/// | `persist_result = true` | `true`: the result is always in result storage; `false`: it is not kept | kept for resumption, in the run's row while small |
/// | `result_storage = my_storage()` | where results are stored | the engine's |
/// | `result_storage_key = "report-{day}"` | the key a result is stored under: a template | the run's id |
/// | `serializer = Serializer::MSGPACK` | how stored results are written | JSON |
/// | `durability = Committed` | `Batched` or `Committed`: whether the task returns before or after its completion is committed | `Batched` |
/// | `task_runner = thread_pool("cpu", 4)` | where the function runs: `current_runtime()`, `blocking_pool(limit)`, `thread_pool(name, threads)` or a `TaskRunner` | the flow's if submitted; the current runtime |
/// | `task_run_name = "fetch {url}"` | the name of runs: a template | the task's name and a number |
/// | `on_running = hook` | calls a function of a `HookEvent`, or a list of such, when user code starts | none |
/// | `on_completion = hook` | when the run has completed | none |
/// | `on_failure = [one, two]` | when it has failed for good | none |
/// | `on_commit = hook` | calls a function of a `TransactionEvent`, or a list of such, when the transaction commits that the task has completed in | none |
/// | `on_rollback = hook` | when that is rolled back | none |
/// | `assets = ["s3://lake/{day}.parquet"]` | what it makes outside of the program: keys that are templates, or `Asset`s; its end is told as an event of each | none |
/// | `asset_deps = ["postgres://shop/orders"]` | what it makes it from, beside the assets of the runs whose results it gets | none |
/// | `materialized_by = "dbt"` | the tool that makes them | none |
///
/// Templates fill in `{parameter}`, `{task_name}`, `{flow_name}`, `{flow_run_id}` and `{flow_run_name}`; `{{` and `}}` are braces.
#[proc_macro_attribute]
pub fn task(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::Task, arguments.into(), item.into()).into()
}

/// Makes a flow of a function.
///
/// `async fn report(day: String) -> Result<Report>` becomes `fn report(day: impl Into<Input<String>>) ->
/// FlowCall<Report>`, and the flow is entered into the registry, from which runs are started by name. Called inside a flow
/// it is a subflow.
///
/// Parameters implement `Serialize`, `DeserializeOwned` and `Clone`: a run that is executed again reads them back. One that is
/// marked with `#[default(value)]` may be left out of stored parameters. Parameters marked with `#[resource]` are handles: a
/// run that is started by name takes them from what the program has provided (`flowcore::provide`).
///
/// A flow that returns a `State`, or a list of states, says by it how its run ends.
///
/// # Options
///
/// All are optional, and written as those of a task. Each but `description` has a setter of the same name on `FlowCall`; with
/// another `name`, the call's run belongs to the flow of that name.
///
/// | option | meaning | unless said |
/// | --- | --- | --- |
/// | `name = "daily-report"` | the flow's name, unique in the program | the function's name with dashes |
/// | `description = ".."` | what it is for | the function's documentation |
/// | `version = "1.2"` | the version that runs are marked with | none |
/// | `tags = ["daily"]` | tags of the flow, its runs and their tasks | none |
/// | `retries = 1` | how often a failed run is tried again; completed tasks are not | 0 |
/// | `retry_delay = 60` | the wait before each retry, as for tasks | at once |
/// | `retry_jitter = 0.5` | each wait is drawn up to this fraction longer | 0 |
/// | `retry_if = \|error\| ..` | tries again only after errors that the predicate accepts | all but `Error::retriable(false)` |
/// | `timeout = 3600` | ends an attempt that takes longer, as TimedOut, and asks its tasks to end | no limit |
/// | `persist_result = true` | as for tasks | kept, in the run's row while small |
/// | `result_storage = my_storage()` | where the flow's own result is stored | the engine's |
/// | `result_storage_key = "report-{day}"` | the key it is stored under: a template | the run's id |
/// | `serializer = Serializer::MSGPACK` | how it is written there | JSON |
/// | `flow_run_name = "report for {day}"` | the name of runs: a template | a made-up one |
/// | `task_limit = 16` | how many submitted tasks of a run may run at once, at each depth of nesting | the setting, 256 |
/// | `task_runner = thread_pool("cpu", 4)` | where submitted tasks run that have no runner of their own | the current runtime, plain functions on its blocking pool |
/// | `on_running = hook` | calls a function of a `HookEvent`, or a list of such, when an attempt starts | none |
/// | `on_completion = hook` | when the run has completed | none |
/// | `on_failure = hook` | when it has failed for good | none |
/// | `on_cancellation = hook` | when it was cancelled | none |
/// | `on_crashed = hook` | when a program that has the flow finds the run's process dead | none |
///
/// Templates fill in `{parameter}`, `{flow_name}` and `{flow_run_id}`, that of the key `{flow_run_name}` as well.
#[proc_macro_attribute]
pub fn flow(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::Flow, arguments.into(), item.into()).into()
}

/// Runs an async `main` on a runtime with several threads, prepared by `flowcore::init`, and leaves nothing behind when it
/// returns: what was recorded is committed first.
///
/// A program with this attribute can be started by `flowcore flow-run retry` to execute one stored run instead of its
/// `main`. Log lines are printed unless a `tracing` subscriber was installed before. The first Ctrl-C asks runs to end,
/// the second leaves at once.
///
/// `worker_threads = 4` sets the number of threads; by default it is that of the cores.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    main_attribute::expand(arguments.into(), item.into()).into()
}
