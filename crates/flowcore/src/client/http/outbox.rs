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
use crate::model::{FlowRunId, ProcessId, TaskRunId};

const LOCK: &str = "lock";

/// The folders of the two lanes.
pub(super) const EVENTS: &str = "events";
pub(super) const LOGS: &str = "logs";

/// Flow runs that this process executes, and those of processes that have died: empty files named by
/// the run and the process.
const RUNS: &str = "runs";
const ABANDONED: &str = "abandoned";

/// The same of deferred task runs: empty files named by the run.
const TASKS: &str = "tasks";
const ABANDONED_TASKS: &str = "abandoned-tasks";

/// What a process has left that has died. Nobody else takes it over meanwhile.
pub(super) struct Left {
    place: PathBuf,
    _lock: File,
}

impl Left {
    /// Lists the files of a lane, oldest first.
    pub(super) fn files(&self, lane: &str) -> Vec<PathBuf> {
        children(&self.place.join(lane))
    }
}

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
        for left in outbox.left_behind() {
            let folder = outbox.folder()?;
            for lane in [EVENTS, LOGS] {
                let target = folder.join(lane);
                fs::create_dir_all(&target)?;
                for (number, file) in (children(&target).len()..).zip(left.files(lane)) {
                    fs::rename(file, target.join(format!("{number:010}.jsonl")))?;
                }
            }
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

    /// Finds what processes have left that have died.
    pub(super) fn left_behind(&self) -> Vec<Left> {
        let left = |place: PathBuf| {
            let is_hidden = place.file_name()?.to_string_lossy().starts_with('.');
            let lock = File::open(place.join(LOCK)).ok().filter(|_| !is_hidden)?;
            lock.try_lock().is_ok().then_some(Left { place, _lock: lock })
        };
        children(&self.server).into_iter().filter_map(left).collect()
    }

    /// Takes over which runs a dead process had, and removes its folder. Its lines are taken over already.
    pub(super) fn take_over(&self, left: &Left) -> io::Result<()> {
        let folder = self.folder()?;
        for (target, parts) in [(ABANDONED, [ABANDONED, RUNS]), (ABANDONED_TASKS, [ABANDONED_TASKS, TASKS])] {
            let target = folder.join(target);
            fs::create_dir_all(&target)?;
            for file in parts.iter().flat_map(|part| left.files(part)) {
                fs::rename(&file, target.join(file.file_name().unwrap_or_default()))?;
            }
        }
        fs::remove_dir_all(&left.place)
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

    /// Remembers that this process has a deferred task run.
    pub(super) fn hold_task(&self, run: TaskRunId) -> io::Result<()> {
        let folder = self.folder()?.join(TASKS);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(run.to_string()), [])
    }

    /// Remembers that it has it no more.
    pub(super) fn let_go_task(&self, run: TaskRunId) {
        // One that stays is looked at by another process, which finds that the run has ended.
        let _ = fs::remove_file(self.place.join(TASKS).join(run.to_string()));
    }

    /// Lists the deferred task runs of processes that have died.
    pub(super) fn abandoned_tasks(&self) -> Vec<TaskRunId> {
        let read = |path: PathBuf| path.file_name()?.to_str()?.parse().ok().map(TaskRunId);
        children(&self.place.join(ABANDONED_TASKS)).into_iter().filter_map(read).collect()
    }

    /// Forgets an abandoned task run: it waits for a worker again, or has ended.
    pub(super) fn bury_task(&self, run: TaskRunId) {
        let _ = fs::remove_file(self.place.join(ABANDONED_TASKS).join(run.to_string()));
    }

    /// Removes the folder if nothing is in it that anybody needs.
    pub(super) fn close(&self) {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = [EVENTS, LOGS, RUNS, ABANDONED, TASKS, ABANDONED_TASKS];
        let is_empty = parts.iter().all(|part| children(&self.place.join(part)).is_empty());
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
