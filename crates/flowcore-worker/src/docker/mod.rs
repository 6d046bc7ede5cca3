//! Runs that are executed in containers of a Docker engine.

mod command;
mod container;
mod engine;
mod infrastructure;
mod size;

pub(crate) use infrastructure::Containers;
