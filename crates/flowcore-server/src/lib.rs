//! A workflow server that speaks Prefect 3's API: flows in Rust report to it, and Prefect's own clients cannot tell it
//! from Prefect's server.
//!
//! It is the same orchestration as inside a program ([`flowcore::orchestration`]) over the same tables
//! ([`flowcore::store`]), with HTTP in front: a handler reads a request, makes one call, and writes the answer. What the
//! bodies mean is in [`flowcore::wire`].
//!
//! ```no_run
//! # async fn example() -> Result<(), flowcore_server::ServerError> {
//! let server = flowcore_server::Server::open("sqlite:///var/lib/flowcore/flowcore.db").await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:4200").await?;
//! server.serve(listener, async { drop(tokio::signal::ctrl_c().await) }).await
//! # }
//! ```

mod access;
mod api;
mod artifacts;
mod automations;
mod background;
mod blocks;
mod cached_task_runs;
mod config;
mod deployments;
mod docs;
mod encryption;
mod error;
mod events;
mod extract;
mod filter;
mod flow_run_inputs;
mod foreman;
mod heartbeats;
mod json_schema;
mod leases;
mod live;
mod moving;
mod pools;
mod purge;
mod recorder;
mod result_artifacts;
mod routes;
pub mod schedules;
mod schemas;
mod server;
mod services;
mod state;
mod subflows;
mod task_slots;
mod teardowns;
mod turned_away;
mod usual_occupancy;
mod validation;
mod variables;
mod why;
mod ws;

pub use encryption::{KeyError, KeySource};
pub use events::NewEvent;
pub use server::{Server, ServerError};
pub use services::{ServiceInfo, services};
