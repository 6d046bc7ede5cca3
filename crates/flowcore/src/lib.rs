//! Workflow orchestration for Rust.

pub mod client;
pub mod clock;
pub mod connect;
pub mod model;
pub mod orchestration;
pub mod settings;
pub mod store;
