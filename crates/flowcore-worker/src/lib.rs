//! Workers: they take the flow runs of a work pool as these are due, and start the programs that execute them.
//!
//! A [`Worker`] works on flowcore's server and on Prefect's alike. What it starts is a process of its own group (the type
//! `process`): a program that is built with flowcore and has the flow, or Python with Prefect.

mod bodies;
mod entrypoint;
mod heartbeats;
mod job;
mod output;
mod pool;
mod process;
mod program;
mod steps;
mod template;
mod worker;

pub use entrypoint::{Entrypoint, EntrypointError};
pub use program::{ProgramError, describe};
pub use worker::{Worker, WorkerError};
