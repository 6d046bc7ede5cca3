//! Workflow orchestration for Rust.

pub mod client;
pub mod clock;
pub mod model;
pub mod orchestration;
pub mod settings;
pub mod store;
