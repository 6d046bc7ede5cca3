//! The client of a server: [`HttpClient`], which talks to flowcore's server and to Prefect's alike.
//!
//! Flow runs are judged by the server, by requests. What task runs go through is decided in the engine, as everywhere, and
//! told by events; these and log lines go on a [`lane`] each, and wait on disk while the server is away ([`outbox`],
//! [`backlog`]). All of it happens on a thread of the client's own ([`thread`]).
//!
//! What flowcore knows and Prefect's API does not:
//!
//! - who executes a flow run, and how to start it again: labels of the run (`labels`);
//! - the digest of a task run's inputs: its dynamic key (`dynamic_key`);
//! - that a process has died: each keeps a locked folder, and the next one on the machine that finds it unlocked marks what
//!   that one has left (`abandoned`);
//! - that a task run's record is of an attempt that is over: such records are taken, as Prefect's server takes them.

mod abandoned;
mod api;
mod artifacts;
mod background;
mod backlog;
mod backoff;
mod bodies;
mod carriers;
mod client;
mod control;
mod dynamic_key;
mod events;
mod feed;
mod flow_runs;
mod frames;
mod held;
mod inner;
mod inputs;
mod labels;
mod lane;
mod limits;
mod options;
mod outbox;
mod reading;
mod server;
mod socket;
mod task_events;
mod thread;
mod tls;
mod variables;
mod why;

pub use client::HttpClient;
pub use options::HttpOptions;
