//! Mutual exclusion per cache key, so that two runs do not compute the result of one key twice.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use super::ResultError;

/// The first pause while another process holds a key; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// The longest pause, which is how late a waiter may notice that a key has become free.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Locks on cache keys, within this process or between all that use the same folder. Clones share their locks.
///
/// Tasks of one process that share a `KeyLocks` get a key in the order in which they asked. Between processes, or
/// between two `KeyLocks` on one folder, there is no order.
#[derive(Clone, Debug)]
pub struct KeyLocks {
    queues: Arc<Queues>,
    folder: Option<Arc<Path>>,
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
#[derive(Debug)]
#[must_use = "the key is released as soon as the guard is dropped"]
pub struct KeyGuard {
    // Dropped in this order: the next of this process must find the file free, and the queue stays until the turn is over.
    _file: Option<LockedFile>,
    _turn: OwnedMutexGuard<()>,
    _place: Place,
}

impl KeyLocks {
    /// Makes locks for this process alone.
    pub fn memory() -> Self {
        Self { queues: Arc::default(), folder: None }
    }

    /// Makes locks that all processes share which use this folder. It is created when the first key is taken.
    ///
    /// A lock belongs to the process that took it: the operating system releases it when the process ends, however it
    /// ends.
    pub fn in_folder(path: impl Into<PathBuf>) -> Self {
        Self { queues: Arc::default(), folder: Some(Arc::from(path.into())) }
    }

    /// Waits until nobody else holds the key, and holds it from then on. Dropping the future gives up the place.
    ///
    /// # Errors
    /// When a file in the folder cannot be made or locked.
    pub async fn acquire(&self, key: &str) -> Result<KeyGuard, ResultError> {
        let (place, turn) = Place::enter(&self.queues, key);
        let turn = turn.lock_owned().await;
        let file = match &self.folder {
            Some(folder) => Some(lock_file(folder, key).await?),
            None => None,
        };
        Ok(KeyGuard { _file: file, _turn: turn, _place: place })
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

/// A locked file, which is removed when it is released so that keys of the past leave nothing behind.
#[derive(Debug)]
struct LockedFile {
    path: PathBuf,
    _file: File,
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // While the lock is still held, so that nobody else's file is removed. A file that stays does no harm. Elsewhere
        // than on Unix there is no telling a removed file from its successor, so there files stay.
        if cfg!(unix) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Takes the lock that all processes share. Of this process only the first in the key's queue comes here.
///
/// It tries again and again rather than waiting inside the operating system: such a wait would need a thread for every
/// key, and could not be given up when the task that waits is cancelled.
async fn lock_file(folder: &Arc<Path>, key: &str) -> Result<LockedFile, ResultError> {
    let path = folder.join(format!("{}.lock", blake3::hash(key.as_bytes()).to_hex()));
    let failed = |reason: String| ResultError::Lock { folder: folder.to_string_lossy().into_owned(), reason };
    let mut pause = FIRST_PAUSE;
    loop {
        let path = path.clone();
        // On a thread where a slow disk or a network's folder does not hold up other tasks.
        let attempt = tokio::task::spawn_blocking(move || try_lock(path)).await;
        match attempt.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))? {
            Some(file) => return Ok(file),
            None => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Locks the file unless somebody else has.
fn try_lock(path: PathBuf) -> io::Result<Option<LockedFile>> {
    let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let file = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            open()?
        }
        opened => opened?,
    };
    match file.try_lock() {
        Ok(()) if is_at(&file, &path)? => Ok(Some(LockedFile { path, _file: file })),
        // Whoever held it removed it between the two steps above: this lock is on a file that nobody else will find.
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Tells whether the path still leads to this file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let held = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(found) => Ok((held.dev(), held.ino()) == (found.dev(), found.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Files are never removed here, so that the path leads to this file still.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests;
