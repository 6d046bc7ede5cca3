//! `/work_pools/{name}/workers/connect`: a worker and the server on one line, in place of heartbeats and reads over HTTP.
//!
//! Who connects says who it is and what it can ([`setup`]). It is told of its pool as it stands, and again whenever that
//! changes, and tells from time to time that it is there ([`session`]). What is said has the form of [`frames`]. Messages
//! about what is to be cleaned up are not delivered: who asks for them is told so, as the protocol provides for.

mod frames;
mod session;
mod setup;

pub(super) use session::open;
