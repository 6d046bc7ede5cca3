//! Background tasks: runs that wait until a task worker executes them.
//!
//! A client makes a task run in SCHEDULED and says that it is deferred. Workers that are connected get one such run at a
//! time. Which worker has got which run is a row ([`Delivery`]), so that several servers on one database give each run to
//! one worker; it is renewed while the worker is there, and the run goes to another one when it has gone.

mod deliveries;
mod delivery;
mod workers;

pub(crate) use deliveries::Deliveries;
pub(crate) use workers::Workers;
