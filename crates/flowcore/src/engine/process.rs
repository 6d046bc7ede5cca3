//! This process's proof of life: a locked file, and a lease in the store for those who cannot look at the file.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::background::Background;
use crate::client::{Client, ClientError};
use crate::clock::Clock;
use crate::model::{ProcessId, ProcessLease};
use crate::orchestration::{Liveness, Probe};

/// How long a lease is believed where the lock cannot be looked at.
const BELIEVED: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// How often it is renewed: three renewals may be missed before anybody doubts.
const RENEWED: Duration = Duration::from_secs(15);

/// The process's identity, and its lease once it executes runs.
pub(crate) struct Process {
    id: ProcessId,
    folder: Option<PathBuf>,
    client: Arc<dyn Client>,
    clock: Arc<dyn Clock>,
    background: Background,
    held: OnceCell<Arc<Held>>,
}

struct Held {
    lease: ProcessLease,
    /// The operating system unlocks it when the process ends, however it ends. Without one the lease alone counts.
    file: Option<File>,
}

impl Process {
    pub(crate) fn new(
        folder: Option<PathBuf>,
        client: Arc<dyn Client>,
        clock: Arc<dyn Clock>,
        background: Background,
    ) -> Self {
        Process { id: ProcessId(clock.uuid()), folder, client, clock, background, held: OnceCell::new() }
    }

    /// Gives the process's id, with its lease in the store: runs may be executed under it.
    pub(crate) async fn id(&self) -> Result<ProcessId, ClientError> {
        self.held.get_or_try_init(|| self.hold()).await?;
        Ok(self.id)
    }

    async fn hold(&self) -> Result<Arc<Held>, ClientError> {
        let path = self.folder.as_ref().map(|folder| folder.join(format!("{}.lock", self.id)));
        let file = match &path {
            None => None,
            Some(path) => {
                let file = lock(path);
                let failed =
                    |error: std::io::Error| ClientError::ProcessFile { path: path.clone(), reason: error.to_string() };
                Some(file.map_err(failed)?)
            }
        };
        let now = self.clock.now();
        let lease = ProcessLease {
            id: self.id,
            pid: std::process::id(),
            host: host(),
            lock_file: path.unwrap_or_default().to_string_lossy().into_owned(),
            started: now,
            expires: now + BELIEVED,
        };
        self.client.put_process(lease.clone()).await?;
        let held = Arc::new(Held { lease, file });
        if !self.background.is_alone() {
            self.renew(Arc::downgrade(&held));
        }
        Ok(held)
    }

    /// Renews the lease in the background until it is given up.
    fn renew(&self, held: std::sync::Weak<Held>) {
        let (client, clock) = (self.client.clone(), self.clock.clone());
        self.background.run(async move {
            loop {
                tokio::time::sleep(RENEWED).await;
                let Some(held) = held.upgrade() else { return };
                let lease = ProcessLease { expires: clock.now() + BELIEVED, ..held.lease.clone() };
                if let Err(error) = client.put_process(lease).await {
                    tracing::warn!(target: "flowcore", "the process's lease could not be renewed: {error}");
                }
            }
        });
    }

    /// Gives the lease up: the process executes nothing any more.
    pub(crate) async fn release(&self) -> Result<(), ClientError> {
        if let Some(held) = self.held.get() {
            self.client.remove_process(held.lease.id).await?;
            if let Some(file) = &held.file {
                // A file that is left behind is harmless: its lock goes with the process.
                let _ = std::fs::remove_file(&held.lease.lock_file);
                let _ = file.unlock();
            }
        }
        Ok(())
    }
}

fn lock(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = File::create(path)?;
    file.lock()?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

/// Names this host, so that a lock is looked at only where its file is.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .map_or_else(|| "localhost".into(), |name| name.trim().to_owned())
}

/// Looks at the lock files of processes of this host.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LockProbe;

impl Probe for LockProbe {
    fn look(&self, lease: &ProcessLease) -> Liveness {
        if lease.host != host() {
            return Liveness::Unknown;
        }
        // Shared, so that two who look at once do not take each other for the process.
        match File::open(&lease.lock_file).map(|file| file.try_lock_shared()) {
            Ok(Ok(())) => Liveness::Dead,
            Ok(Err(TryLockError::WouldBlock)) => Liveness::Alive,
            Ok(Err(TryLockError::Error(_))) => Liveness::Unknown,
            // Two hosts may have one name: without the file only time tells.
            Err(_) => Liveness::Unknown,
        }
    }

    fn bury(&self, lease: &ProcessLease) {
        if lease.host == host() {
            // Nobody needs it any more; that it could not be removed changes nothing.
            let _ = std::fs::remove_file(&lease.lock_file);
        }
    }
}
