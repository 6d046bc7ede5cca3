//! Runs that are executed by processes on this machine.

mod control;
mod group;
mod infrastructure;
mod python;

pub(crate) use infrastructure::Processes;
