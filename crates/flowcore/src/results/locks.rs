//! Mutual exclusion per key, so that two runs do not compute the result of one cache key twice, and that serializable
//! transactions of one key do not run at once.

mod folder;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::OwnedMutexGuard;

use super::ResultError;
use folder::FolderLocks;

/// Locks on keys of the cache and of transactions: within this process, between all that use the same folder, or between all
/// that have the same [`LockManager`]. Clones share their locks.
///
/// Tasks of one process that share a `KeyLocks` get a key in the order in which they asked. Between processes, or
/// between two `KeyLocks` on one folder, there is no order.
#[derive(Clone, Debug)]
pub struct KeyLocks {
    queues: Arc<Queues>,
    manager: Option<Arc<dyn LockManager>>,
}

/// Keeps other processes from a key: by files in a folder, by rows of a database, or by whatever else they share.
#[async_trait]
pub trait LockManager: fmt::Debug + Send + Sync {
    /// Waits until no other process holds the key, and holds it until what it returns is dropped, or until this process has
    /// died. One [`KeyLocks`] asks for a key only when it does not hold it. Dropping the future gives up the place.
    ///
    /// # Errors
    /// When the lock cannot be taken for another reason than that somebody holds it.
    async fn acquire(&self, key: &str) -> Result<Box<dyn HeldKey>, ResultError>;
}

/// Holds a key among processes until it is dropped.
#[async_trait]
pub trait HeldKey: Send + Sync {
    /// Tells whether the key is held still. A manager that takes it away from a process which it believes to be dead says no
    /// if the process was not.
    ///
    /// # Errors
    /// When that cannot be told.
    async fn is_held(&self) -> Result<bool, ResultError> {
        Ok(true)
    }
}

/// Who holds or waits for a key in this process.
#[derive(Debug, Default)]
struct Queues(Mutex<HashMap<Arc<str>, Queue>>);

#[derive(Debug, Default)]
struct Queue {
    /// How many hold the key or wait for it. At none the queue is removed.
    places: usize,
    /// The mutex of tokio, which lets waiters in by the order of their asking.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Holds a key until it is dropped.
#[must_use = "the key is released as soon as the guard is dropped"]
pub struct KeyGuard {
    // Dropped in this order: the next of this process must find the key free, and the queue stays until the turn is over.
    held: Option<Box<dyn HeldKey>>,
    _turn: OwnedMutexGuard<()>,
    place: Place,
}

impl KeyLocks {
    /// Makes locks for this process alone.
    pub fn memory() -> Self {
        Self { queues: Arc::default(), manager: None }
    }

    /// Makes locks that all processes share which use this folder. It is created when the first key is taken.
    ///
    /// A lock belongs to the process that took it: the operating system releases it when the process ends, however it
    /// ends.
    pub fn in_folder(path: impl Into<PathBuf>) -> Self {
        Self::managed(Arc::new(FolderLocks::new(path.into())))
    }

    /// Makes locks that all processes share which have the same manager.
    pub fn managed(manager: Arc<dyn LockManager>) -> Self {
        Self { queues: Arc::default(), manager: Some(manager) }
    }

    /// Waits until nobody else holds the key, and holds it from then on. Dropping the future gives up the place.
    ///
    /// # Errors
    /// When a file in the folder cannot be made or locked, or the manager says so.
    pub async fn acquire(&self, key: &str) -> Result<KeyGuard, ResultError> {
        let (place, turn) = Place::enter(&self.queues, key);
        let turn = turn.lock_owned().await;
        let held = match &self.manager {
            Some(manager) => Some(manager.acquire(key).await?),
            None => None,
        };
        Ok(KeyGuard { held, _turn: turn, place })
    }
}

impl KeyGuard {
    /// Makes sure that the key is held still, before what was done under it is written for others to see.
    ///
    /// # Errors
    /// [`ResultError::LockLost`] when another process may have it, as this one was taken for dead; or that cannot be told.
    pub async fn check(&self) -> Result<(), ResultError> {
        match &self.held {
            Some(held) if !held.is_held().await? => Err(ResultError::LockLost { key: self.place.key.to_string() }),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for KeyGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyGuard")
    }
}

/// A place in a key's queue. The last one to leave removes the queue.
#[derive(Debug)]
struct Place {
    queues: Arc<Queues>,
    key: Arc<str>,
}

impl Place {
    /// Goes to the end of the queue: returns the place and the mutex to wait for.
    fn enter(queues: &Arc<Queues>, key: &str) -> (Self, Arc<tokio::sync::Mutex<()>>) {
        let key: Arc<str> = Arc::from(key);
        let mut map = queues.lock();
        let queue = map.entry(Arc::clone(&key)).or_default();
        queue.places += 1;
        let turn = Arc::clone(&queue.turn);
        drop(map);
        (Self { queues: Arc::clone(queues), key }, turn)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut map = self.queues.lock();
        if let Some(queue) = map.get_mut(&self.key) {
            queue.places -= 1;
            if queue.places == 0 {
                map.remove(&self.key);
            }
        }
    }
}

impl Queues {
    /// Locks the map. Nothing that runs under the lock can leave it half changed.
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
