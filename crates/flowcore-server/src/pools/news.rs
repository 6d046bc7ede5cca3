//! For which pools there is news, for the workers that are connected.

use tokio::sync::broadcast::{self, Receiver, Sender};
use uuid::Uuid;

/// How much news a listener may be behind before it has to look for itself.
const MOST_BEHIND: usize = 64;

/// Announces pools. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PoolNews(Sender<Uuid>);

impl Default for PoolNews {
    fn default() -> Self {
        PoolNews(broadcast::channel(MOST_BEHIND).0)
    }
}

impl PoolNews {
    /// Says that there is news of a pool, once that is committed.
    pub(crate) fn announce(&self, pool: Uuid) {
        // Nobody may listen, which is as well.
        drop(self.0.send(pool));
    }

    /// Begins to listen.
    pub(crate) fn listen(&self) -> Receiver<Uuid> {
        self.0.subscribe()
    }
}
