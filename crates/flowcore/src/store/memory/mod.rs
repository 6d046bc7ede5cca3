//! A store in memory: for tests, and for runs that need not outlive their process.
//!
//! It keeps what the databases keep, under one lock that is never held across a wait, so that every call is atomic.

mod artifacts;
mod inputs;
mod limits;
mod select;
mod store;
mod tables;
mod variables;

pub use store::MemoryStore;
