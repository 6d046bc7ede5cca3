//! What can be said of a task or a flow: in its attribute, and again for one call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::asset::Asset;
use super::cache_policy::CachePolicy;
use super::codec::Codec;
use super::core::Engine;
use super::error::Error;
use super::hooks::Hook;
use super::persist::Keeping;
use super::retry::RetryDelay;
use super::runner::TaskRunner;
use super::transaction::TransactionHook;
use crate::model::RetryPolicy;
use crate::results::{Serializer, Storage};

/// When a task's completion counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The task goes on at once and its record is committed within milliseconds, always before the flow run ends. A
    /// kill loses at most what the last batch held, and that is then executed again.
    #[default]
    Batched,
    /// The task returns when its completion is committed. Tasks that end together share one commit.
    Committed,
}

/// A predicate on the error of a failed attempt.
pub(crate) type RetryIf = Arc<dyn Fn(&Error) -> bool + Send + Sync>;

/// What can be said of tasks and of flows alike.
#[derive(Clone, Default)]
pub(crate) struct CommonOptions {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) retries: u32,
    pub(crate) retry_delay: RetryDelay,
    pub(crate) retry_jitter: Option<f64>,
    pub(crate) retry_if: Option<RetryIf>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) persist_result: Option<bool>,
    pub(crate) result_storage: Option<Storage>,
    pub(crate) result_storage_key: Option<String>,
    pub(crate) serializer: Option<Serializer>,
    pub(crate) on_running: Vec<Hook>,
    pub(crate) on_completion: Vec<Hook>,
    pub(crate) on_failure: Vec<Hook>,
}

impl CommonOptions {
    pub(crate) fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy {
            retries: Some(self.retries),
            retry_delay: self.retry_delay.seconds().to_vec(),
            retry_jitter: self.retry_jitter,
        }
    }

    /// Tells whether trying again can help after this error.
    pub(crate) fn is_retriable(&self, error: &Error) -> bool {
        error.is_retriable() && self.retry_if.as_ref().is_none_or(|accepts| accepts(error))
    }

    /// Tells how a result is kept.
    pub(crate) fn keeping<'a>(&'a self, engine: &'a Engine, codec: Option<Codec>) -> Keeping<'a> {
        Keeping {
            engine,
            codec,
            persist: self.persist_result,
            storage: self.result_storage.as_ref(),
            serializer: self.serializer,
        }
    }
}

/// What can be said of a task.
#[derive(Clone, Default)]
#[must_use = "options say nothing until they are given to a definition"]
#[non_exhaustive]
pub struct TaskOptions {
    pub(crate) common: CommonOptions,
    pub(crate) cache: CachePolicy,
    pub(crate) cache_expiration: Option<Duration>,
    pub(crate) refresh_cache: bool,
    pub(crate) durability: Durability,
    pub(crate) task_runner: Option<TaskRunner>,
    pub(crate) task_run_name: Option<String>,
    pub(crate) on_commit: Vec<TransactionHook>,
    pub(crate) on_rollback: Vec<TransactionHook>,
    pub(crate) assets: Vec<Asset>,
    pub(crate) asset_deps: Vec<Asset>,
    pub(crate) materialized_by: Option<String>,
}

/// What can be said of a flow.
#[derive(Clone, Default)]
#[must_use = "options say nothing until they are given to a definition"]
#[non_exhaustive]
pub struct FlowOptions {
    pub(crate) common: CommonOptions,
    pub(crate) flow_run_name: Option<String>,
    pub(crate) task_limit: Option<usize>,
    pub(crate) task_runner: Option<TaskRunner>,
    pub(crate) on_cancellation: Vec<Hook>,
    pub(crate) on_crashed: Vec<Hook>,
}

/// Writes the setters that `$of` shares with its calls: `self.$options()` gives the options to write to.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty),*) |$options:ident| $set:expr;)+) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $($argument: $kind),*) -> Self {
            let $options = self.options_mut();
            $set;
            self
        }
    )+};
}

/// Setters of what tasks and flows have in common.
macro_rules! common_setters {
    () => {
        $crate::engine::options::setters! {
            /// Sets the name; runs belong to the task or flow of that name.
            name(name: impl Into<String>) |options| options.common.name = Some(name.into());
            /// Sets the version that runs are marked with.
            version(version: impl Into<String>) |options| options.common.version = Some(version.into());
            /// Adds tags.
            tags(tags: impl IntoIterator<Item = impl Into<String>>)
                |options| options.common.tags.extend(tags.into_iter().map(Into::into));
            /// Sets how often a failed run is tried again.
            retries(retries: u32) |options| options.common.retries = retries;
            /// Sets the wait before each retry: seconds or a [`Duration`](std::time::Duration), one or a list whose
            /// last is repeated, or [`RetryDelay::exponential`](crate::RetryDelay::exponential).
            retry_delay(delay: impl Into<$crate::engine::retry::RetryDelay>) |options| options.common.retry_delay = delay.into();
            /// Draws each wait up to this fraction longer: with 0.5 a wait of 10 s lasts from 10 to 15 s.
            retry_jitter(fraction: f64) |options| options.common.retry_jitter = Some(fraction);
            /// Tries again only after errors that the predicate accepts.
            retry_if(accepts: impl Fn(&$crate::engine::error::Error) -> bool + Send + Sync + 'static)
                |options| options.common.retry_if = Some(std::sync::Arc::new(accepts));
            /// Ends an attempt that takes longer, in seconds or as a [`Duration`](std::time::Duration), as TimedOut.
            timeout(timeout: impl Into<$crate::engine::retry::Seconds>) |options| options.common.timeout = Some(timeout.into().duration());
            /// Says whether the result is kept. Unsaid, it is kept for resumption; with true always in result storage;
            /// with false not at all, and then it need not be serializable.
            persist_result(persist: bool) |options| options.common.persist_result = Some(persist);
            /// Sets where results are stored.
            result_storage(storage: $crate::results::Storage) |options| options.common.result_storage = Some(storage);
            /// Sets the key that the result is stored under: a template over the parameters, such as `report-{day}`.
            result_storage_key(template: impl Into<String>)
                |options| options.common.result_storage_key = Some(template.into());
            /// Sets how stored results are written.
            serializer(serializer: $crate::results::Serializer) |options| options.common.serializer = Some(serializer);
            /// Calls the hook when user code starts.
            on_running(hook: impl Into<$crate::engine::hooks::Hook>) |options| options.common.on_running.push(hook.into());
            /// Calls the hook when the run has completed.
            on_completion(hook: impl Into<$crate::engine::hooks::Hook>) |options| options.common.on_completion.push(hook.into());
            /// Calls the hook when the run has failed for good.
            on_failure(hook: impl Into<$crate::engine::hooks::Hook>) |options| options.common.on_failure.push(hook.into());
        }
    };
}

/// Setters that only definitions have: on a call they could have no effect.
macro_rules! definition_setters {
    () => {
        $crate::engine::options::setters! {
            /// Sets the description; by default it is the function's documentation.
            description(description: impl Into<String>) |options| options.common.description = Some(description.into());
        }
    };
}

/// Setters of tasks and their calls.
macro_rules! task_setters {
    () => {
        $crate::engine::options::common_setters!();
        $crate::engine::options::setters! {
            /// Sets what has to be equal for two calls to share one result.
            cache(policy: $crate::engine::cache_policy::CachePolicy) |options| options.cache = policy;
            /// Sets how long a cached result is valid, in seconds or as a [`Duration`](std::time::Duration).
            cache_expiration(expiration: impl Into<$crate::engine::retry::Seconds>)
                |options| options.cache_expiration = Some(expiration.into().duration());
            /// Runs the task even if its result is cached or known from an earlier attempt, and caches the new result.
            refresh_cache(refresh: bool) |options| options.refresh_cache = refresh;
            /// Sets when the task's completion counts as done.
            durability(durability: $crate::engine::options::Durability) |options| options.durability = durability;
            /// Sets where the task runs, whether it is awaited or submitted.
            task_runner(runner: $crate::engine::runner::TaskRunner) |options| options.task_runner = Some(runner);
            /// Sets the name of runs: a template over the parameters, such as `fetch {url}`.
            task_run_name(template: impl Into<String>) |options| options.task_run_name = Some(template.into());
            /// Calls the hook when the [`transaction`](fn@crate::transaction) commits that the task has completed in. If it
            /// fails, the transaction is rolled back. Outside of one it is called when the task has completed.
            on_commit(hook: impl Into<$crate::engine::transaction::TransactionHook>) |options| options.on_commit.push(hook.into());
            /// Calls the hook when the [`transaction`](fn@crate::transaction) is rolled back that the task has completed in.
            on_rollback(hook: impl Into<$crate::engine::transaction::TransactionHook>) |options| options.on_rollback.push(hook.into());
            /// Sets the [assets](crate::Asset) that the task materializes. Its end is told of as an event of each, in a
            /// [`transaction`](fn@crate::transaction) when that commits.
            assets(assets: impl IntoIterator<Item = impl Into<$crate::engine::asset::Asset>>)
                |options| options.assets = assets.into_iter().map(Into::into).collect();
            /// Sets the [assets](crate::Asset) that the task depends on beside those of the runs whose results it gets.
            asset_deps(assets: impl IntoIterator<Item = impl Into<$crate::engine::asset::Asset>>)
                |options| options.asset_deps = assets.into_iter().map(Into::into).collect();
            /// Sets the tool that materializes the assets.
            materialized_by(tool: impl Into<String>) |options| options.materialized_by = Some(tool.into());
        }
    };
}

/// Setters of flows and their calls.
macro_rules! flow_setters {
    () => {
        $crate::engine::options::common_setters!();
        $crate::engine::options::setters! {
            /// Sets the name of runs: a template over the parameters, such as `report for {day}`.
            flow_run_name(template: impl Into<String>) |options| options.flow_run_name = Some(template.into());
            /// Sets how many submitted tasks of one run may run at once.
            task_limit(limit: usize) |options| options.task_limit = Some(limit);
            /// Sets where submitted tasks run that have no runner of their own.
            task_runner(runner: $crate::engine::runner::TaskRunner) |options| options.task_runner = Some(runner);
            /// Calls the hook when the run was cancelled.
            on_cancellation(hook: impl Into<$crate::engine::hooks::Hook>) |options| options.on_cancellation.push(hook.into());
            /// Calls the hook when the run crashed and its process is still there to say so.
            on_crashed(hook: impl Into<$crate::engine::hooks::Hook>) |options| options.on_crashed.push(hook.into());
        }
    };
}

pub(crate) use {common_setters, flow_setters, setters, task_setters};

impl TaskOptions {
    /// Makes options that say nothing.
    pub fn new() -> Self {
        Self::default()
    }

    fn options_mut(&mut self) -> &mut Self {
        self
    }

    definition_setters!();
    task_setters!();
}

impl FlowOptions {
    /// Makes options that say nothing.
    pub fn new() -> Self {
        Self::default()
    }

    fn options_mut(&mut self) -> &mut Self {
        self
    }

    definition_setters!();
    flow_setters!();
}

impl fmt::Debug for TaskOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskOptions")
            .field("name", &self.common.name)
            .field("retries", &self.common.retries)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FlowOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowOptions")
            .field("name", &self.common.name)
            .field("retries", &self.common.retries)
            .finish_non_exhaustive()
    }
}
