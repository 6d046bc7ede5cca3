//! What the expansions of the macros name. Not for users: it may change with any version.

pub use std::assert;
pub use std::concat;
pub use std::convert::Into;
pub use std::file;
pub use std::future::Future;
pub use std::line;
pub use std::marker::Send;
pub use std::module_path;
pub use std::option::Option::{self, None, Some};
pub use std::result::Result::{self, Err, Ok};
pub use std::string::String;
pub use std::sync::LazyLock;

pub use inventory;
pub use serde_json;

pub use crate::engine::blocking::blocking;
pub use crate::engine::bounds::Fallible;
pub use crate::engine::codec::Codec;
pub use crate::engine::definition::{
    FlowDefinition, FlowRegistration, ParameterError, Parameters, Site, TaskDefinition,
};
pub use crate::engine::error::Error;
pub use crate::engine::expansion::{
    AnyResult, Calls, NotResult, ReturnType, Unchecked, argument, handle, hook, not_kept, parameter, parameter_or,
    transaction_hook,
};
pub use crate::engine::flow_call::{AnyFlowCall, FlowCall};
pub use crate::engine::input::{Input, MapInput};
#[cfg(feature = "macros")]
pub use crate::engine::main::block_on_main;
pub use crate::engine::options::{FlowOptions, TaskOptions};
pub use crate::engine::program::resource;
pub use crate::engine::schema::{ParameterSchema, SchemaFallback, SchemaProbe, parameters_schema};
pub use crate::engine::serving::Deployment;
pub use crate::engine::stream::StreamCall;
pub use crate::engine::task_call::{MapCall, TaskCall};
pub use crate::engine::yields::{YieldTo, Yielded, yielding};

/// The names that `cache = ...` and `retry_delay = ...` may use without importing them.
pub mod option_names {
    pub use crate::engine::cache_policy::CachePolicy;
    pub use crate::engine::options::Durability;
    pub use crate::engine::options::Durability::{Batched, Committed};
    pub use crate::engine::retry::RetryDelay;
    use crate::engine::retry::Seconds;
    pub use crate::engine::runner::TaskRunner;

    /// See [`CachePolicy::INPUTS`].
    pub const INPUTS: CachePolicy = CachePolicy::INPUTS;
    /// See [`CachePolicy::TASK_SOURCE`].
    pub const TASK_SOURCE: CachePolicy = CachePolicy::TASK_SOURCE;
    /// See [`CachePolicy::RUN_ID`].
    pub const RUN_ID: CachePolicy = CachePolicy::RUN_ID;
    /// See [`CachePolicy::FLOW_PARAMETERS`].
    pub const FLOW_PARAMETERS: CachePolicy = CachePolicy::FLOW_PARAMETERS;
    /// See [`CachePolicy::DEFAULT`].
    pub const DEFAULT: CachePolicy = CachePolicy::DEFAULT;
    /// See [`CachePolicy::NO_CACHE`].
    pub const NO_CACHE: CachePolicy = CachePolicy::NO_CACHE;

    /// See [`TaskRunner::current_runtime`].
    pub fn current_runtime() -> TaskRunner {
        TaskRunner::current_runtime()
    }

    /// See [`TaskRunner::blocking_pool`].
    pub fn blocking_pool(limit: usize) -> TaskRunner {
        TaskRunner::blocking_pool(limit)
    }

    /// See [`TaskRunner::thread_pool`].
    pub fn thread_pool(name: impl Into<String>, threads: usize) -> TaskRunner {
        TaskRunner::thread_pool(name, threads)
    }

    /// See [`RetryDelay::exponential`].
    pub fn exponential(base: impl Into<Seconds>, cap: impl Into<Seconds>) -> RetryDelay {
        RetryDelay::exponential(base, cap)
    }
}
