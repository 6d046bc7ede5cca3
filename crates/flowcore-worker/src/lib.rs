//! Workers: they take the flow runs of a work pool as these are due, and have them executed.
//!
//! A [`Worker`] works on flowcore's server and on Prefect's alike. What executes a run is a process of its own group on the worker's
//! machine (the type `process`) or a container (`docker`, with the feature of that name): a program that is built with flowcore and
//! has the flow, or Python with Prefect.

mod bodies;
mod credentials;
#[cfg(feature = "docker")]
mod docker;
mod entrypoint;
mod environment;
mod health;
mod heartbeats;
mod infrastructure;
mod job;
mod kind;
mod known_pool;
mod logged;
mod one_run;
mod output;
pub mod placeholders;
mod pool;
mod pool_work;
mod process;
mod program;
mod pull;
mod python_flow;
pub mod steps;
mod template;
mod under_way;
mod worker;

pub use credentials::Credentials;
pub use entrypoint::{Entrypoint, EntrypointError};
pub use kind::Kind;
pub use program::{ProgramError, describe};
pub use python_flow::describe_python;
pub use worker::{Worker, WorkerError};
