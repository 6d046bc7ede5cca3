//! The folder in which a process keeps what its server is to get: `FLOWCORE_HOME/outbox/SERVER/PROCESS`.
//!
//! A process holds the lock of its folder. What a dead one has left is taken over by the next process that begins: its
//! lines are moved in front of that one's own, and its flow runs are remembered as abandoned.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use super::options::HttpOptions;
use crate::model::{FlowRunId, ProcessId};

const LOCK: &str = "lock";

/// The folders of the two lanes.
pub(super) const EVENTS: &str = "events";
pub(super) const LOGS: &str = "logs";

/// Flow runs that this process executes, and those of processes that have died: empty files named by
/// the run and the process.
const RUNS: &str = "runs";
const ABANDONED: &str = "abandoned";

/// A process's folder. It is made when something is put into it.
pub(super) struct Outbox {
    /// Where the folders of all processes with this server are.
    server: PathBuf,
    place: PathBuf,
    lock: Mutex<Option<File>>,
}

impl Outbox {
    /// Finds the place, and takes over what dead processes have left.
    pub(super) fn open(options: &HttpOptions, process: Uuid) -> io::Result<Self> {
        let server = blake3::hash(options.url.as_bytes()).to_hex();
        let server = options.home.join("outbox").join(&server[..16]);
        let outbox = Outbox { place: server.join(process.to_string()), server, lock: Mutex::default() };
        for left in children(&outbox.server) {
            outbox.take_over(&left)?;
        }
        Ok(outbox)
    }

    /// Tells where the folder is or would be.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// Gives the folder, made and locked.
    pub(super) fn folder(&self) -> io::Result<&Path> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_none() {
            fs::create_dir_all(&self.server)?;
            // Locked before it has its name, so that nobody takes it for one that was left.
            let new = self.server.join(format!(".{}", self.place.file_name().unwrap_or_default().to_string_lossy()));
            fs::create_dir_all(&new)?;
            let file = File::create(new.join(LOCK))?;
            file.lock()?;
            fs::rename(&new, &self.place)?;
            *lock = Some(file);
        }
        Ok(&self.place)
    }

    /// Lists the files that a lane begins with, oldest first.
    pub(super) fn left(&self, lane: &str) -> Vec<PathBuf> {
        children(&self.place.join(lane))
    }

    fn take_over(&self, left: &Path) -> io::Result<()> {
        let is_hidden = left.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let Ok(lock) = File::open(left.join(LOCK)) else { return Ok(()) };
        if is_hidden || lock.try_lock().is_err() {
            return Ok(());
        }
        let folder = self.folder()?;
        for lane in [EVENTS, LOGS] {
            let target = folder.join(lane);
            fs::create_dir_all(&target)?;
            for (number, file) in (children(&target).len()..).zip(children(&left.join(lane))) {
                fs::rename(file, target.join(format!("{number:010}.jsonl")))?;
            }
        }
        let target = folder.join(ABANDONED);
        fs::create_dir_all(&target)?;
        for runs in [ABANDONED, RUNS] {
            for file in children(&left.join(runs)) {
                fs::rename(&file, target.join(file.file_name().unwrap_or_default()))?;
            }
        }
        fs::remove_dir_all(left)
    }

    /// Remembers that this process executes a flow run.
    pub(super) fn hold(&self, run: FlowRunId, process: ProcessId) -> io::Result<()> {
        let folder = self.folder()?.join(RUNS);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(file_name(run, process)), [])
    }

    /// Remembers that it does no more.
    pub(super) fn let_go(&self, run: FlowRunId, process: ProcessId) {
        // One that stays is looked at by the next process, which finds that the run has ended.
        let _ = fs::remove_file(self.place.join(RUNS).join(file_name(run, process)));
    }

    /// Lists the flow runs of processes that have died, each with its process.
    pub(super) fn abandoned(&self) -> Vec<(FlowRunId, ProcessId)> {
        let read = |path: PathBuf| {
            let name = path.file_name()?.to_str()?.to_owned();
            let (run, process) = name.split_once('_')?;
            Some((run.parse().ok()?, process.parse().ok()?))
        };
        children(&self.place.join(ABANDONED)).into_iter().filter_map(read).collect()
    }

    /// Forgets an abandoned flow run: the server knows what became of it.
    pub(super) fn buried(&self, run: FlowRunId, process: ProcessId) {
        let _ = fs::remove_file(self.place.join(ABANDONED).join(file_name(run, process)));
    }

    /// Removes the folder if nothing is in it that anybody needs.
    pub(super) fn close(&self) {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let is_empty = [EVENTS, LOGS, RUNS, ABANDONED].iter().all(|part| children(&self.place.join(part)).is_empty());
        if is_empty && lock.take().is_some() {
            let _ = fs::remove_dir_all(&self.place);
        }
    }
}

fn file_name(run: FlowRunId, process: ProcessId) -> String {
    format!("{run}_{process}")
}

/// Lists what is in a folder, in the order of the names; nothing if there is no such folder.
fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut children: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    children.sort();
    children
}
