//! Workflow orchestration for Rust: write `#[task]` and `#[flow]` on functions, and get retries, timeouts, caching, kept
//! results, the history of states, logs and resumption after a crash, in your own process.

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

#[cfg(feature = "macros")]
pub use flowcore_macros::{flow, main, task};

pub use engine::artifact;
pub use engine::cache_policy::{CacheContext, CachePolicy};
pub use engine::core::{Engine, EngineError, EngineParts, Limits};
pub use engine::current;
pub use engine::definition::{
    FlowDefinition, ParameterError, Parameters, RegistryError, Site, TaskDefinition, find_flow, flows,
};
pub use engine::error::{BoxError, Error, Result, RunError};
pub use engine::flow_call::{AnyFlowCall, FlowCall};
pub use engine::future::{AsCompleted, Outcome, TaskFuture, TaskFutures, Waited, as_completed, wait};
pub use engine::hooks::{Hook, HookEvent};
pub use engine::input::{Input, MapInput, each, unmapped};
#[cfg(feature = "logs")]
pub use engine::log_layer as logs;
pub use engine::main::init;
pub use engine::options::{Durability, FlowOptions, TaskOptions};
pub use engine::program::{EXECUTE, execute_flow_run, provide};
pub use engine::retry::{RetryDelay, Seconds};
pub use engine::task_call::{MapCall, TaskCall};
pub use model::{State, StateType};
