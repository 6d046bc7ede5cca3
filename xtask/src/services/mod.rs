//! The programs that tests need beside Rust.
//!
//! A service is one file with an implementation of [`Service`](service::Service), and one row in `set.rs`. It runs
//! under a *keeper*: this program once more, as a child in a process group of its own (see `keeper.rs`), so that the
//! service ends however the command ends.

mod account;
mod keeper;
mod package;
mod port;
mod postgres;
mod python;
mod redis;
mod scratch;
mod service;
mod set;

pub(crate) use keeper::{KEEP, keep};
pub(crate) use set::Services;
