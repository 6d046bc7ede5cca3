//! Deleting what is left of deleted flows, behind the answer.

use std::sync::Arc;

use flowcore::store::{ServerStore, StoreError};

/// Deletes the runs of deleted flows, in short transactions between which everybody else has a turn. It may go on several
/// times at once. What a server that ends leaves over, the next one goes on with.
pub(crate) fn begin(store: Arc<dyn ServerStore>) {
    tokio::spawn(async move {
        loop {
            match store.purge_flows().await {
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) | Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::error!(target: "flowcore_server", "runs of deleted flows are left: {error}");
                    return;
                }
            }
        }
    });
}
