//! Telling the server that a worker is there.

use std::time::Duration;

use tokio::task::AbortHandle;

use crate::pool::PoolClient;

/// How often. A server takes a worker that has missed three for gone.
pub(crate) const INTERVAL: Duration = Duration::from_secs(15);

/// Tells it until this is dropped.
pub(crate) struct Heartbeats(AbortHandle);

impl Heartbeats {
    pub(crate) fn start(pool: PoolClient, worker: String) -> Self {
        let beating = tokio::spawn(async move {
            let mut failed = false;
            loop {
                tokio::time::sleep(INTERVAL).await;
                match pool.beat(&worker, INTERVAL).await {
                    Ok(()) => failed = false,
                    // The questions for runs tell that the server is away.
                    Err(error) if !std::mem::replace(&mut failed, true) => {
                        tracing::debug!(target: "flowcore", "the server does not hear of this worker: {error}");
                    }
                    Err(_) => {}
                }
            }
        });
        Heartbeats(beating.abort_handle())
    }
}

impl Drop for Heartbeats {
    fn drop(&mut self) {
        self.0.abort();
    }
}
