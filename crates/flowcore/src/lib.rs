//! Workflow orchestration for Rust.

pub mod clock;
pub mod model;
pub mod results;
pub mod store;
