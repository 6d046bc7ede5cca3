//! Locks on keys between all processes that share a database: each is a limit of one slot, made when it is first wanted and
//! gone with its last holder.
//!
//! So they have what slots have: first come first served, free when their process has died, and noticed in other processes
//! within 25 ms. Only who was wrongly taken for dead can lose one, and is told so before it writes under the key.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::concurrency::{ask, holder};
use super::context::Scope;
use super::process::Process;
use super::tickets::{NotTaken, Ticket, Tickets};
use crate::client::Client;
use crate::clock::Clock;
use crate::model::LOCK;
use crate::results::{HeldKey, LockManager, ResultError};

/// The locks of an engine in its client's store.
pub(crate) struct DatabaseLocks {
    pub(crate) client: Arc<dyn Client>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) process: Arc<Process>,
    pub(crate) tickets: Tickets,
}

#[async_trait]
impl LockManager for DatabaseLocks {
    async fn acquire(&self, key: &str) -> Result<Box<dyn HeldKey>, ResultError> {
        // Any text may be a key, however long.
        let name = format!("{LOCK}{}", blake3::hash(key.as_bytes()).to_hex());
        let holder = holder(&Scope::current());
        let ask = ask(&self.process, &*self.clock, vec![name.clone()], 1, holder).await.map_err(failed)?;
        let ticket = self.tickets.take(ask, || ()).await.map_err(|error| match error {
            NotTaken::Refused(refusal) => failed(refusal),
            NotTaken::Failed(error) => failed(error),
        })?;
        Ok(Box::new(HeldRow { client: self.client.clone(), name, ticket }))
    }
}

impl fmt::Debug for DatabaseLocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseLocks").finish_non_exhaustive()
    }
}

/// A lock's lease.
struct HeldRow {
    client: Arc<dyn Client>,
    name: String,
    /// Gives the lease back when dropped.
    ticket: Ticket,
}

#[async_trait]
impl HeldKey for HeldRow {
    async fn is_held(&self) -> Result<bool, ResultError> {
        let stands = self.client.occupancy(std::slice::from_ref(&self.name)).await.map_err(failed)?;
        Ok(stands.leases.iter().any(|lease| lease.id == self.ticket.id()))
    }
}

fn failed(error: impl fmt::Display) -> ResultError {
    ResultError::Lock { place: "the database".to_owned(), reason: error.to_string() }
}
