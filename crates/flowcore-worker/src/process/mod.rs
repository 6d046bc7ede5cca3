//! Runs that are executed by processes on this machine.

mod control;
mod group;
mod infrastructure;
mod python;
mod written;

pub(crate) use infrastructure::Processes;
