//! The file by which commands find a server: the server holds its lock as long as it lives, however it ends.

use std::fs::{self, File, TryLockError};
use std::io::{Seek, Write};
use std::path::PathBuf;

use flowcore::settings::Settings;
use serde::{Deserialize, Serialize};

/// What is known of a running server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Running {
    /// The number of its process.
    pub(super) process: u32,
    /// Where its API is.
    pub(super) api: String,
}

fn path(settings: &Settings) -> PathBuf {
    settings.home.join("server.json")
}

/// Finds the server that runs with this home folder.
pub(super) fn find(settings: &Settings) -> Option<Running> {
    let path = path(settings);
    let file = File::open(&path).ok()?;
    // Who gets the lock is alone: whoever wrote the file is gone.
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => serde_json::from_str(&fs::read_to_string(path).ok()?).ok(),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

/// Tells others of this server, until what is returned is dropped. `None` if another one runs with this home folder, or
/// nothing can be written there; then this one is not found.
pub(super) fn tell(settings: &Settings, running: &Running) -> Option<File> {
    fs::create_dir_all(&settings.home).ok()?;
    let mut file = File::options().create(true).truncate(false).read(true).write(true).open(path(settings)).ok()?;
    file.try_lock().ok()?;
    file.set_len(0).ok()?;
    file.rewind().ok()?;
    file.write_all(&serde_json::to_vec(running).ok()?).ok()?;
    Some(file)
}
