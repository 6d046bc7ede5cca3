//! Locks between processes by locked files in a folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;

use super::{HeldKey, LockManager};
use crate::results::ResultError;

/// The first pause while another process holds a key; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// The longest pause, which is how late a waiter may notice that a key has become free.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// A folder with a locked file for each key that is held.
#[derive(Debug)]
pub(super) struct FolderLocks {
    folder: PathBuf,
}

impl FolderLocks {
    pub(super) fn new(folder: PathBuf) -> Self {
        FolderLocks { folder }
    }
}

#[async_trait]
impl LockManager for FolderLocks {
    async fn acquire(&self, key: &str) -> Result<Box<dyn HeldKey>, ResultError> {
        Ok(Box::new(lock_file(&self.folder, key).await?))
    }
}

/// A locked file, which is removed when it is released so that keys of the past leave nothing behind.
#[derive(Debug)]
pub(super) struct LockedFile {
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

/// The operating system takes it from nobody who lives.
impl HeldKey for LockedFile {}

/// Takes the lock that all processes share. Of this process only the first in the key's queue comes here.
///
/// It tries again and again rather than waiting inside the operating system: such a wait would need a thread for every
/// key, and could not be given up when the task that waits is cancelled.
async fn lock_file(folder: &Path, key: &str) -> Result<LockedFile, ResultError> {
    let path = folder.join(format!("{}.lock", blake3::hash(key.as_bytes()).to_hex()));
    let failed = |reason: String| ResultError::Lock {
        place: folder.to_string_lossy().into_owned(),
        reason: format!("{reason}; check that the folder may be written"),
    };
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
pub(super) fn try_lock(path: PathBuf) -> io::Result<Option<LockedFile>> {
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
