//! The runs that a worker has executed, and what ends them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flowcore::model::FlowRunId;
use tokio::sync::{Notify, watch};

use crate::infrastructure::Stop;

/// The runs under way.
#[derive(Default)]
pub(crate) struct UnderWay {
    runs: Mutex<HashMap<FlowRunId, watch::Sender<Option<Stop>>>>,
    /// Tells that one has ended.
    ended: Notify,
}

/// A run's place among those under way, given up when dropped.
pub(crate) struct Place {
    all: Arc<UnderWay>,
    id: FlowRunId,
    /// Says when it is to end.
    pub(crate) stop: watch::Receiver<Option<Stop>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.lock().remove(&self.id);
        self.all.ended.notify_waiters();
    }
}

impl UnderWay {
    fn lock(&self) -> MutexGuard<'_, HashMap<FlowRunId, watch::Sender<Option<Stop>>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a run up. None: it is under way already.
    pub(crate) fn begin(self: &Arc<Self>, id: FlowRunId) -> Option<Place> {
        let (sender, stop) = watch::channel(None);
        let mut runs = self.lock();
        if runs.contains_key(&id) {
            return None;
        }
        runs.insert(id, sender);
        Some(Place { all: self.clone(), id, stop })
    }

    pub(crate) fn has(&self, id: FlowRunId) -> bool {
        self.lock().contains_key(&id)
    }

    pub(crate) fn ids(&self) -> Vec<FlowRunId> {
        self.lock().keys().copied().collect()
    }

    /// Asks one to end, since it is cancelled.
    pub(crate) fn cancel(&self, id: FlowRunId) {
        if let Some(stop) = self.lock().get(&id) {
            stop.send_replace(Some(Stop::Cancelled));
        }
    }

    /// Asks all to end that were not asked before.
    pub(crate) fn hurry(&self) {
        for stop in self.lock().values() {
            stop.send_if_modified(|why| {
                let is_first = why.is_none();
                why.get_or_insert(Stop::Hurry);
                is_first
            });
        }
    }

    /// Waits until none is left.
    pub(crate) async fn all_ended(&self) {
        loop {
            // Before the look, so that no end between is missed.
            let mut ended = std::pin::pin!(self.ended.notified());
            ended.as_mut().enable();
            if self.lock().is_empty() {
                return;
            }
            ended.await;
        }
    }
}
