//! Runs that are executed by processes on this machine.

mod control;
mod group;
mod identity;
mod infrastructure;
mod notes;
mod orphan;
mod python;
mod written;

pub(crate) use infrastructure::Processes;
