//! What a server does unasked: each service looks now and then whether something is due, and does it.
//!
//! A turn of a service has no input and may be taken at any time, any number of times, and in several servers on one database
//! at once: what it writes has a unique key, or is written only if the row is still as it was seen.

mod cancellation_cleanup;
mod late_runs;
mod moving;
mod pause_expirations;
mod pulse;
mod repossessor;
mod retention;
mod scheduler;
mod service;
mod zombies;

pub(crate) use pulse::Pulse;
pub(crate) use retention::Retention;
pub(crate) use service::{Running, begin};
pub use service::{ServiceInfo, services};
