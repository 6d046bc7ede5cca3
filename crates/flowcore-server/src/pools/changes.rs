//! Which pools have changed, for the workers that are connected.

use tokio::sync::broadcast::{self, Receiver, Sender};
use uuid::Uuid;

/// How many changes a listener may be behind before it has to look for itself.
const MOST_BEHIND: usize = 64;

/// Announces the pools that have changed, or are gone. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ChangedPools(Sender<Uuid>);

impl Default for ChangedPools {
    fn default() -> Self {
        ChangedPools(broadcast::channel(MOST_BEHIND).0)
    }
}

impl ChangedPools {
    /// Says that a pool has changed, once that is committed. Changes that workers do not go by need not be told.
    pub(crate) fn announce(&self, pool: Uuid) {
        // Nobody may listen, which is as well.
        drop(self.0.send(pool));
    }

    /// Begins to listen.
    pub(crate) fn listen(&self) -> Receiver<Uuid> {
        self.0.subscribe()
    }
}
