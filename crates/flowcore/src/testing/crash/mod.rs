//! Crash tests: a flow is killed before and after each of its writes in turn, and resumed.

mod aftermath;
mod death;
mod plan;
mod process;
mod report;
mod test;

pub use aftermath::Aftermath;
pub(super) use death::Death;
pub use report::CrashReport;
pub use test::{CrashTest, crash_test};
