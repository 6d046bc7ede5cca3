//! What a worker notes of its processes on the disk, for the next worker of this machine if it is killed.
//!
//! Each worker has a folder of its own below `workers` of its home, named after its process. In it are a file for each run and the
//! folders that runs are executed in. What is in the folder of a worker that is dead is taken over or swept, by one worker at a
//! time. A system that does not tell when a process began has no notes: a number alone could be anybody's.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use flowcore::model::FlowRunId;
use serde::{Deserialize, Serialize};

use super::identity::Identity;

/// A process that executes a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) run: FlowRunId,
    /// The name of the worker that started it.
    pub(super) worker: String,
    /// The API that the run belongs to.
    pub(super) api_url: String,
    /// The process, which leads a group of its own.
    pub(super) process: Identity,
    /// The folder that goes with the run.
    pub(super) folder: Option<PathBuf>,
}

/// A note on the disk.
#[derive(Debug)]
pub(super) struct Kept(PathBuf);

impl Kept {
    /// Takes it away, since the process has ended.
    pub(super) fn forget(self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(target: "flowcore", "a note of a process is left in {}: {error}", self.0.display());
        }
    }
}

/// The notes of a worker.
#[derive(Debug)]
pub(super) struct Notes {
    /// The folder of all workers.
    all: PathBuf,
    /// The one of this worker.
    own: PathBuf,
    machine: String,
    worker: String,
    api_url: String,
}

impl Drop for Notes {
    fn drop(&mut self) {
        // Only an empty one can be removed.
        let _ = fs::remove_dir(&self.own);
    }
}

impl Notes {
    /// Makes the folder of this worker. None: the system does not tell enough of processes.
    pub(super) fn begin(home: &Path, machine: &str, worker: &str, api_url: &str) -> io::Result<Option<Self>> {
        let Some(process) = Identity::own() else { return Ok(None) };
        let all = home.join("workers");
        let own = all.join(format!("{}@{}@{machine}", process.pid, process.begun));
        fs::create_dir_all(&own)?;
        let (machine, worker, api_url) = (machine.to_owned(), worker.to_owned(), api_url.to_owned());
        Ok(Some(Notes { all, own, machine, worker, api_url }))
    }

    /// Where folders of runs belong.
    pub(super) fn folder(&self) -> &Path {
        &self.own
    }

    /// Notes a process that was started.
    pub(super) fn keep(&self, run: FlowRunId, pid: u32, folder: Option<&Path>) -> io::Result<Option<Kept>> {
        // One that has ended already needs no note.
        let Some(process) = i32::try_from(pid).ok().and_then(Identity::of) else { return Ok(None) };
        let (worker, api_url, folder) = (self.worker.clone(), self.api_url.clone(), folder.map(Path::to_owned));
        let note = Note { run, worker, api_url, process, folder };
        let (path, fresh) = (self.own.join(format!("{run}.json")), self.own.join(format!("{run}.new")));
        fs::write(&fresh, serde_json::to_vec(&note)?)?;
        fs::rename(&fresh, &path)?;
        Ok(Some(Kept(path)))
    }

    /// Takes over the processes of workers that are dead, as far as they belong to the same API, and removes what the others have left
    /// on the disk.
    pub(super) fn orphans(&self) -> io::Result<Vec<(Note, Kept)>> {
        // One worker at a time: nobody may miss the note of a folder because it is just being moved.
        let lock = File::options().create(true).append(true).open(self.all.join("lock"))?;
        lock.lock()?;
        let (mut orphans, mut in_use, mut dead) = (Vec::new(), HashSet::new(), Vec::new());
        for folder in fs::read_dir(&self.all)? {
            let folder = folder?.path();
            let Some((process, machine)) = folder.file_name().and_then(|name| owner(name.to_str()?)) else { continue };
            // Of another machine nothing is known.
            if machine != self.machine {
                continue;
            }
            let lives = process.lives();
            for note in notes_in(&folder)? {
                let (path, note) = note;
                in_use.extend(note.folder.clone());
                if !lives {
                    dead.push((path, note));
                }
            }
        }
        for (path, note) in dead {
            if note.process.lives() {
                if note.api_url == self.api_url {
                    let own = self.own.join(format!("{}.json", note.run));
                    fs::rename(&path, &own)?;
                    orphans.push((note, Kept(own)));
                }
            } else {
                super::group::end_rest(&note.process);
                if let Some(folder) = &note.folder {
                    in_use.remove(folder);
                    remove(folder);
                }
                Kept(path).forget();
            }
        }
        self.sweep(&in_use)?;
        Ok(orphans)
    }

    /// Removes what dead workers have left that no process uses.
    fn sweep(&self, in_use: &HashSet<PathBuf>) -> io::Result<()> {
        for folder in fs::read_dir(&self.all)? {
            let folder = folder?.path();
            let owner = folder.file_name().and_then(|name| owner(name.to_str()?));
            if owner.is_none_or(|(process, machine)| machine != self.machine || process.lives()) {
                continue;
            }
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() && !in_use.contains(&path) {
                    remove(&path);
                }
            }
            let _ = fs::remove_dir(&folder);
        }
        Ok(())
    }
}

/// Removes a folder with all that is in it.
pub(super) fn remove(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(target: "flowcore", "a run's files are left in {}: {error}", folder.display());
        }
        _ => {}
    }
}

/// Reads from a folder's name whose it is: the process, and the machine.
fn owner(name: &str) -> Option<(Identity, &str)> {
    let mut parts = name.splitn(3, '@');
    let (pid, begun, machine) = (parts.next()?, parts.next()?, parts.next()?);
    Some((Identity { pid: pid.parse().ok()?, begun: begun.to_owned() }, machine))
}

fn notes_in(folder: &Path) -> io::Result<Vec<(PathBuf, Note)>> {
    let mut notes = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        // A worker that lives may just have removed it.
        let Ok(text) = fs::read(&path) else { continue };
        match serde_json::from_slice(&text) {
            Ok(note) => notes.push((path, note)),
            Err(error) => tracing::warn!(target: "flowcore", "{} cannot be read: {error}", path.display()),
        }
    }
    Ok(notes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::process::{Command, Stdio};

    use uuid::Uuid;

    use super::*;

    const API: &str = "http://127.0.0.1:4200/api";

    /// Gives the notes of a worker that has died, as far as others can tell.
    fn of_the_dead(home: &Path) -> Notes {
        let mut notes = Notes::begin(home, "here", "first", API).unwrap().unwrap();
        let dead = home.join("workers").join("1@never-1@here");
        fs::rename(&notes.own, &dead).unwrap();
        notes.own = dead;
        notes
    }

    #[test]
    fn what_the_dead_have_left_is_taken_over_once_or_swept() {
        let home = tempfile::tempdir().unwrap();
        let first = of_the_dead(home.path());
        let mut process = Command::new("sleep").arg("100").stdin(Stdio::null()).spawn().unwrap();
        let (used, left, lost) =
            (first.folder().join("used"), first.folder().join("left"), first.folder().join("lost"));
        [&used, &left, &lost].iter().for_each(|folder| fs::create_dir(folder).unwrap());
        let [lives, ended] = [(); 2].map(|()| FlowRunId(Uuid::now_v7()));
        first.keep(lives, process.id(), Some(&used)).unwrap().unwrap();
        let mut short = Command::new("sleep").arg("100").stdin(Stdio::null()).spawn().unwrap();
        first.keep(ended, short.id(), Some(&left)).unwrap().unwrap();
        short.kill().unwrap();
        short.wait().unwrap();

        let other_api = Notes::begin(home.path(), "here", "other", "http://elsewhere").unwrap().unwrap();
        assert!(other_api.orphans().unwrap().is_empty());
        let elsewhere = Notes::begin(home.path(), "there", "other", API).unwrap().unwrap();
        assert!(elsewhere.orphans().unwrap().is_empty());
        let second = Notes::begin(home.path(), "here", "second", API).unwrap().unwrap();
        let mut orphans = second.orphans().unwrap();
        let (note, kept) = orphans.pop().unwrap();
        assert!(orphans.is_empty() && note.run == lives && note.worker == "first");
        assert!(used.is_dir() && !left.exists() && !lost.exists(), "only what is used is left");
        assert!(second.orphans().unwrap().is_empty(), "it is taken over");
        process.kill().unwrap();
        process.wait().unwrap();
        kept.forget();
        remove(&used);
        assert!(second.orphans().unwrap().is_empty());
        assert!(!first.folder().exists(), "nothing is left of the dead");
    }
}
