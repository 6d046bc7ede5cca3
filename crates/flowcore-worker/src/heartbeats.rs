//! Telling the server that a worker is there, and that its runs are executed; and hearing what has become of the pool.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use flowcore::model::FlowRunId;
use flowcore::wire::CLAIM;
use serde_json::json;
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::known_pool::KnownPool;
use crate::pool::PoolClient;
use crate::under_way::UnderWay;

/// How often. A server takes a worker that has missed three for gone.
pub(crate) const INTERVAL: Duration = Duration::from_secs(15);

/// Tells it until this is dropped.
pub(crate) struct Heartbeats(AbortHandle);

impl Heartbeats {
    pub(crate) fn start(pool: PoolClient, known: Arc<KnownPool>, worker: String, under_way: Arc<UnderWay>) -> Self {
        let beating = tokio::spawn(async move {
            let mut failed = false;
            loop {
                tokio::time::sleep(INTERVAL).await;
                alive(&pool, &under_way.ids()).await;
                let told = async {
                    pool.beat(&worker, INTERVAL).await?;
                    known.read_again(&pool).await
                };
                match told.await {
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

/// Tells that runs are executed. What executes them says so as well, but later or less often: Python takes seconds to start,
/// and a container's image may have to be pulled.
pub(crate) async fn alive(pool: &PoolClient, runs: &[FlowRunId]) {
    if runs.is_empty() {
        return;
    }
    let now = Utc::now();
    let word = |id: &FlowRunId| {
        json!({
            "id": Uuid::now_v7(),
            "occurred": now,
            "event": "prefect.flow-run.heartbeat",
            "resource": {"prefect.resource.id": format!("prefect.flow-run.{id}")},
            "payload": {"flowcore.expires": now + CLAIM},
        })
    };
    if let Err(error) = pool.tell(&runs.iter().map(word).collect::<Vec<_>>()).await {
        tracing::debug!(target: "flowcore", "the server does not hear of runs: {error}");
    }
}
