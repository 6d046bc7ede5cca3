//! Cache entries of tasks in a transaction: written when it commits, and until then known to its own tasks only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::handle::Transaction;
use crate::engine::error::Result;
use crate::model::{StateData, Timestamp};
use crate::results::{CachedCall, KeyGuard, Serializer, Storage};

/// A cache entry that waits for the commit.
pub(crate) struct CacheEntry {
    pub(crate) key: String,
    pub(crate) storage: Storage,
    pub(crate) serializer: Serializer,
    pub(crate) payload: Vec<u8>,
    pub(crate) expiration: Option<Timestamp>,
    pub(crate) call: CachedCall,
}

impl CacheEntry {
    /// Writes the entry, for everybody to see.
    pub(super) async fn write(&self) -> Result<()> {
        let (payload, call) = (self.payload.clone(), self.call.clone());
        self.storage.write_cached(&self.key, self.serializer, payload, self.expiration, Some(call)).await?;
        Ok(())
    }
}

/// What the tasks of an outermost transaction and of those inside it have to cache, by key.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Held>>>>);

/// A key of the cache in a transaction. Its mutex is held while a task of an isolated policy computes the result.
#[derive(Default)]
pub(crate) struct Held {
    /// Keeps the tasks of others from computing the key until the transaction ends.
    guard: Option<Arc<KeyGuard>>,
    /// What was computed, with the data of its Completed state.
    entry: Option<(Arc<CacheEntry>, Option<StateData>)>,
    /// The transaction that took the key last: with it the entry goes.
    owner: Option<Transaction>,
}

/// A task's place at a key.
pub(crate) struct Place {
    key: Arc<tokio::sync::Mutex<Held>>,
    /// Held by the tasks of an isolated policy.
    turn: Option<OwnedMutexGuard<Held>>,
}

impl Shelf {
    /// Finds the place at a key. With `isolated` it waits until no other task of the transaction computes it.
    pub(crate) async fn place(&self, key: &str, isolated: bool) -> Place {
        let key = {
            let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            keys.entry(key.to_owned()).or_default().clone()
        };
        let turn = if isolated { Some(key.clone().lock_owned().await) } else { None };
        Place { key, turn }
    }

    /// Makes sure that the locks on what was computed are held still.
    pub(super) async fn check(&self) -> Result<()> {
        let keys: Vec<_> = self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for key in keys {
            // What is being computed now belongs to no commit yet.
            let guard = key.try_lock().ok().and_then(|held| held.entry.as_ref().and(held.guard.clone()));
            if let Some(guard) = guard {
                guard.check().await?;
            }
        }
        Ok(())
    }

    /// Lets go of what these transactions have taken, as they have ended.
    pub(super) fn release(&self, ended: &[Transaction]) {
        let keys: Vec<_> = self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for key in keys {
            // Whoever computes a key now has taken it for a transaction that goes on.
            if let Ok(mut held) = key.try_lock()
                && held.owner.as_ref().is_some_and(|owner| ended.iter().any(|ended| ended.is(owner)))
            {
                *held = Held::default();
            }
        }
    }
}

impl Place {
    fn with<T>(&mut self, look: impl FnOnce(&mut Held) -> T) -> Option<T> {
        match &mut self.turn {
            Some(turn) => Some(look(turn)),
            // Somebody computes it under an isolated policy.
            None => self.key.try_lock().ok().map(|mut held| look(&mut held)),
        }
    }

    /// Gives what a task of the transaction has computed.
    pub(crate) fn entry(&mut self) -> Option<(Arc<CacheEntry>, Option<StateData>)> {
        self.with(|held| held.entry.clone()).flatten()
    }

    /// Tells whether the key is to be locked against the tasks of others.
    pub(crate) fn wants_guard(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.guard.is_none())
    }

    /// Keeps the lock until the transaction ends.
    pub(crate) fn guard(&mut self, guard: KeyGuard, owner: &Transaction) {
        self.with(|held| (held.guard, held.owner) = (Some(Arc::new(guard)), Some(owner.clone())));
    }

    /// Gives the lock back: nothing is to be computed.
    pub(crate) fn unguard(&mut self) {
        self.with(|held| held.guard = None);
    }

    /// Puts an entry on the shelf.
    pub(crate) fn put(mut self, entry: Arc<CacheEntry>, data: Option<StateData>, owner: &Transaction) {
        self.with(|held| (held.entry, held.owner) = (Some((entry, data)), Some(owner.clone())));
    }
}
