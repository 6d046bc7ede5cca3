//! The flow runs that this client's process executes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::model::{FlowRun, FlowRunId, ProcessId};

/// The flow runs that are executed, each with its name and its process.
#[derive(Default)]
pub(super) struct Held {
    runs: Mutex<HashMap<FlowRunId, HeldRun>>,
    /// When the server was asked last whether any of them is to end.
    asked: Mutex<Option<Instant>>,
}

/// A flow run that is executed.
#[derive(Clone)]
pub(super) struct HeldRun {
    pub(super) id: FlowRunId,
    pub(super) name: String,
    pub(super) process: ProcessId,
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, HashMap<FlowRunId, HeldRun>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, run: &FlowRun, process: ProcessId) {
        self.lock().insert(run.id, HeldRun { id: run.id, name: run.name.clone(), process });
    }

    pub(super) fn remove(&self, id: FlowRunId) -> Option<HeldRun> {
        self.lock().remove(&id)
    }

    /// Lists those of a process.
    pub(super) fn of(&self, process: ProcessId) -> Vec<HeldRun> {
        self.lock().values().filter(|run| run.process == process).cloned().collect()
    }

    /// Tells whether this much time has passed since it last said so.
    pub(super) fn is_due(&self, every: std::time::Duration) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let due = asked.is_none_or(|asked| asked.elapsed() >= every);
        if due {
            *asked = Some(Instant::now());
        }
        due
    }
}
