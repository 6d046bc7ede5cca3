//! `/work_pools/{name}/workers/connect`: a worker and the server on one line, in place of heartbeats and reads over HTTP.
//!
//! Who connects says who it is and what it can ([`setup`]). It is told of its pool as it stands, and again whenever that
//! changes, and tells from time to time that it is there ([`session`]). Who offers to is told what runs have left behind that is to
//! be torn down ([`hands`]). What is said has the form of [`frames`].

mod frames;
mod hands;
mod session;
mod setup;

pub(super) use session::open;
