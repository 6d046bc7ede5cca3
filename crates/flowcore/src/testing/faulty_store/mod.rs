//! A store that fails when it is told to.

mod delegates;
mod fault;
mod store;

pub use fault::StoreFault;
pub use store::FaultyStore;
