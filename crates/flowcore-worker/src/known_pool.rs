//! The pool of a worker as it was read last: its template, whether it is paused, and whether it is still the same.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flowcore::client::ClientError;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::bodies::Pool;
use crate::pool::PoolClient;

/// What is known of a pool.
pub(crate) struct KnownPool {
    pool: Mutex<Arc<Pool>>,
    /// Whether it has to be read before it is relied on: it was away, or is another one.
    is_stale: AtomicBool,
}

impl KnownPool {
    pub(crate) fn new(pool: Pool) -> Self {
        KnownPool { pool: Mutex::new(Arc::new(pool)), is_stale: AtomicBool::new(false) }
    }

    /// A pool of which nothing is known and that says nothing.
    pub(crate) fn none() -> Self {
        KnownPool::new(Pool { id: Uuid::nil(), kind: String::new(), base_job_template: Map::new(), is_paused: false })
    }

    pub(crate) fn now(&self) -> Arc<Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that it may be another one.
    pub(crate) fn doubt(&self) {
        self.is_stale.store(true, Ordering::Relaxed);
    }

    /// Reads it again if it may be another one.
    pub(crate) async fn be_sure(&self, client: &PoolClient) -> Result<(), ClientError> {
        if self.is_stale.load(Ordering::Relaxed) { self.read_again(client).await } else { Ok(()) }
    }

    /// Reads it again. One that is gone stays known as it was: it may be made again.
    pub(crate) async fn read_again(&self, client: &PoolClient) -> Result<(), ClientError> {
        let Some(mut found) = client.find().await? else {
            self.doubt();
            return Ok(());
        };
        let before = self.now();
        if found.kind != before.kind {
            // Its jobs are not for this worker.
            if !self.is_stale.swap(true, Ordering::Relaxed) {
                let (name, now, then) = (&client.pool, &found.kind, &before.kind);
                tracing::error!(
                    target: "flowcore",
                    "the work pool `{name}` is of the type `{now}` now, and this worker of the type `{then}`: start another worker"
                );
            }
            return Ok(());
        }
        if found.base_job_template.is_empty() {
            found.base_job_template = client.give_template(&found.kind).await?;
        }
        tell_changes(&client.pool, &before, &found);
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
        self.is_stale.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Tells whether its runs may be taken: it is what the worker was started for.
    pub(crate) fn is_sure(&self) -> bool {
        !self.is_stale.load(Ordering::Relaxed)
    }
}

fn tell_changes(name: &str, before: &Pool, now: &Pool) {
    if before.id != now.id {
        tracing::info!(target: "flowcore", "the work pool `{name}` was made anew");
    }
    let template = |pool: &Pool| Value::Object(pool.base_job_template.clone());
    if template(before) != template(now) {
        tracing::info!(target: "flowcore", "the work pool `{name}` has another job template: it is for runs from now on");
    }
    match (before.is_paused, now.is_paused) {
        (false, true) => {
            tracing::warn!(target: "flowcore", "the work pool `{name}` is paused: its runs are taken when it is resumed");
        }
        (true, false) => tracing::info!(target: "flowcore", "the work pool `{name}` is resumed"),
        _ => {}
    }
}
