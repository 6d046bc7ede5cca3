//! Which task workers are connected to this server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flowcore::model::Timestamp;

/// The workers that are connected. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Workers(Arc<Mutex<BTreeMap<String, Worker>>>);

/// A task worker.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) task_keys: BTreeSet<String>,
    /// When something was heard of it last.
    pub(crate) heard: Timestamp,
    /// How many connections it has.
    connections: usize,
}

/// A connection of a worker's, which is noted until this is dropped.
pub(crate) struct Connected {
    workers: Workers,
    client_id: String,
}

impl Workers {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Worker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a connection.
    pub(crate) fn connect(&self, client_id: &str, task_keys: &[String], now: Timestamp) -> Connected {
        let mut workers = self.lock();
        let worker = workers.entry(client_id.to_owned()).or_insert_with(|| Worker {
            task_keys: BTreeSet::new(),
            heard: now,
            connections: 0,
        });
        worker.task_keys.extend(task_keys.iter().cloned());
        (worker.heard, worker.connections) = (now, worker.connections + 1);
        Connected { workers: self.clone(), client_id: client_id.to_owned() }
    }

    /// Lists the workers that serve one of these tasks, or all.
    pub(crate) fn list(&self, task_keys: &[String]) -> Vec<(String, Worker)> {
        let serves =
            |worker: &Worker| task_keys.is_empty() || task_keys.iter().any(|key| worker.task_keys.contains(key));
        self.lock()
            .iter()
            .filter(|(_, worker)| serves(worker))
            .map(|(id, worker)| (id.clone(), worker.clone()))
            .collect()
    }
}

impl Connected {
    /// Notes that something was heard of the worker.
    pub(crate) fn heard(&self, now: Timestamp) {
        if let Some(worker) = self.workers.lock().get_mut(&self.client_id) {
            worker.heard = now;
        }
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut workers = self.workers.lock();
        if let Some(worker) = workers.get_mut(&self.client_id) {
            worker.connections -= 1;
            if worker.connections == 0 {
                workers.remove(&self.client_id);
            }
        }
    }
}
