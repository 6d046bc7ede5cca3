//! A process whose worker has died: another worker watches it, though it is no child of it.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::Signal;
use tokio::sync::watch;

use super::group::{end_rest, signal_group};
use super::identity::Identity;
use super::infrastructure::host;
use super::notes::{Kept, Note, remove};
use super::written::Written;
use crate::infrastructure::{Ended, Execution, Stop, asked};
use crate::output::Output;

/// How often it is looked whether it is there.
const LOOK: Duration = Duration::from_millis(250);

/// A process that executes a run for a worker that is gone.
pub(super) struct Orphan {
    process: Identity,
    folder: Option<PathBuf>,
    note: Kept,
}

impl Orphan {
    pub(super) fn new(note: Note, kept: Kept) -> Self {
        Orphan { process: note.process, folder: note.folder, note: kept }
    }

    async fn gone(&self) {
        while self.process.lives() {
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[async_trait]
impl Execution for Orphan {
    fn id(&self) -> String {
        format!("{}:{}", host(), self.process.pid)
    }

    async fn ended(
        self: Box<Self>,
        output: Output,
        mut stop: watch::Receiver<Option<Stop>>,
        grace: Duration,
    ) -> Result<Ended, String> {
        let (end, is_over) = watch::channel(false);
        // What it wrote before is in the log already, or was for the one that has died.
        let [stdout, stderr] = [1, 2].map(|number| Written::of(self.process.pid, number));
        let kept = stdout.map(|written| tokio::spawn(output.clone().keep(written.follow(is_over.clone()))));
        let passed = stderr.map(|written| tokio::spawn(output.pass_on(written.follow(is_over))));
        let stopped = tokio::select! {
            () = self.gone() => None,
            why = asked(&mut stop) => {
                signal_group(&self.process, Signal::TERM);
                if tokio::time::timeout(grace, self.gone()).await.is_err() {
                    signal_group(&self.process, Signal::KILL);
                    self.gone().await;
                }
                Some(why)
            }
        };
        end_rest(&self.process);
        end.send_replace(true);
        if let Some(kept) = kept {
            let _ = kept.await;
        }
        let complaints = match passed {
            Some(passed) => passed.await.unwrap_or_default(),
            None => String::new(),
        };
        if let Some(folder) = &self.folder {
            remove(folder);
            // The dead worker's, once nothing is left in it.
            if let Some(of_the_dead) = folder.parent() {
                let _ = std::fs::remove_dir(of_the_dead);
            }
        }
        self.note.forget();
        let how = "a status that is not known, since its worker had died before it".to_owned();
        Ok(Ended { what: "process", how, is_success: false, stopped, complaints })
    }
}
