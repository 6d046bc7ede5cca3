//! Deployments of this program's flows: what they are, making them known to a server, and executing the runs that are due.

mod body;
mod children;
mod deployment;
mod due;
mod order;
mod register;
mod runner;
mod schedule;
mod serve;

pub(in crate::engine) use schedule::set;

pub use deployment::{Collision, Deployment};
pub use order::{SERVE, ServeOrder};
pub use runner::{Listed, Runner, Work};
pub use schedule::Schedule;
pub use serve::{Serve, serve};
