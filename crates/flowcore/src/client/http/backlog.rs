//! What waits on disk for a server that is away: lines in files, in order.
//!
//! A file takes some hundred lines and is removed when the server has them all, so that a process that takes over after a
//! kill begins with the first line that may be missing. What is in a file may therefore be sent twice: events have ids
//! and are taken once; of log lines those of one file may come twice if the process is killed in that moment.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::outbox::Outbox;
use crate::client::ServerError;

/// How many lines a file takes, and how many bytes. One file is sent at a time.
const LINES: usize = 500;
const BYTES: u64 = 1 << 20;

/// The files of one lane, oldest first.
pub(super) struct Backlog {
    outbox: Arc<Outbox>,
    /// The lane's folder in that of this process.
    name: &'static str,
    limit: u64,
    files: VecDeque<Waiting>,
    /// The last file, while lines are added to it.
    open: Option<File>,
    next: u64,
}

struct Waiting {
    path: PathBuf,
    lines: usize,
    bytes: u64,
}

impl Backlog {
    /// Begins with what an earlier process has left.
    pub(super) fn new(outbox: Arc<Outbox>, name: &'static str, limit: u64) -> Self {
        let mut backlog = Backlog { outbox, name, limit, files: VecDeque::new(), open: None, next: 0 };
        for path in backlog.outbox.left(name) {
            let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            backlog.next += 1;
            backlog.files.push_back(Waiting { path, lines: LINES, bytes });
        }
        backlog
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Puts lines behind all others: all of them or none.
    pub(super) fn append(&mut self, lines: &[String]) -> Result<(), ServerError> {
        let mut text = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        let size = text.len() as u64;
        if self.bytes().saturating_add(size) > self.limit {
            return Err(self.full());
        }
        self.write(&text, lines.len(), size).map_err(|error| self.not_kept(error.to_string()))
    }

    fn write(&mut self, text: &str, lines: usize, size: u64) -> std::io::Result<()> {
        let has_room = self.files.back().is_some_and(|last| last.lines < LINES && last.bytes < BYTES);
        if self.open.is_none() || !has_room {
            let folder = self.outbox.folder()?.join(self.name);
            fs::create_dir_all(&folder)?;
            let path = folder.join(format!("{:010}.jsonl", self.next));
            self.open = Some(File::create(&path)?);
            self.next += 1;
            self.files.push_back(Waiting { path, lines: 0, bytes: 0 });
        }
        if let (Some(file), Some(last)) = (&mut self.open, self.files.back_mut()) {
            let written = file.write_all(text.as_bytes());
            if let Err(error) = written {
                // What was written of it would be half a line in front of the next.
                let _ = file.set_len(last.bytes);
                self.open = None;
                return Err(error);
            }
            last.lines += lines;
            last.bytes += size;
        }
        Ok(())
    }

    /// Reads the oldest file. Nothing is added to it any more.
    pub(super) fn oldest(&mut self) -> Vec<String> {
        if self.files.len() == 1 {
            self.open = None;
        }
        let Some(file) = self.files.front() else { return Vec::new() };
        lines(&file.path)
    }

    /// Forgets the oldest file: the server has it.
    pub(super) fn sent(&mut self) {
        if let Some(file) = self.files.pop_front() {
            // One that stays is sent again by the next process.
            let _ = fs::remove_file(&file.path);
        }
    }

    fn full(&self) -> ServerError {
        self.not_kept(format!("there are {} bytes already, and no more than {} are allowed", self.bytes(), self.limit))
    }

    fn not_kept(&self, reason: String) -> ServerError {
        ServerError::NotKept { folder: self.place().to_owned(), reason }
    }

    /// Tells where the files are.
    pub(super) fn place(&self) -> &Path {
        self.outbox.place()
    }
}

/// Reads the lines of a file.
pub(super) fn lines(file: &Path) -> Vec<String> {
    let text = fs::read(file).unwrap_or_else(|error| {
        eprintln!("flowcore: {} cannot be read, and is not sent to the server: {error}", file.display());
        Vec::new()
    });
    let text = String::from_utf8_lossy(&text);
    // A process that was killed while it wrote has left half a line.
    let whole = |line: &&str| serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
    text.lines().filter(whole).map(str::to_owned).collect()
}
