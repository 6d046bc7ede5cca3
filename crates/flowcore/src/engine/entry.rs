//! The journal's entry of a task run: the run as it stands, and how much of its history is recorded.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{State, TaskRun, TaskRunRecord};

/// A task run on its way to the store: the run as it stands, and its states since it was made.
pub(crate) struct Entry {
    /// Whether the entry is in the queue.
    queued: AtomicBool,
    inner: Mutex<Inner>,
}

struct Inner {
    run: TaskRun,
    /// The states before `run.state`, since this process took the run. What is recorded is emptied.
    states: Vec<State>,
    /// How many states the history has, `run.state` among them.
    history_len: i32,
    /// How many of them are recorded.
    recorded: i32,
}

impl Entry {
    /// Makes the entry of a run whose history has so many states, the last of which is its own; so many are recorded.
    pub(crate) fn new(run: TaskRun, history_len: i32, recorded: i32) -> Arc<Self> {
        // Room for the two states that most runs leave behind them.
        let states = Vec::with_capacity(2);
        Arc::new(Entry {
            queued: AtomicBool::new(false),
            inner: Mutex::new(Inner { run, states, history_len, recorded }),
        })
    }

    /// Makes the entry of a run that is never recorded: as if it were in the queue for ever, with nothing new.
    pub(crate) fn unrecorded(run: TaskRun) -> Arc<Self> {
        let inner = Inner { run, states: Vec::new(), history_len: 0, recorded: i32::MAX };
        Arc::new(Entry { queued: AtomicBool::new(true), inner: Mutex::new(inner) })
    }

    /// Makes the entry of a run of an earlier attempt, all of whose states are recorded.
    pub(crate) fn adopted(run: TaskRun, states: usize) -> Arc<Self> {
        let history_len = i32::try_from(states).unwrap_or(i32::MAX);
        Entry::new(run, history_len, history_len)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that it is in the queue; tells whether it was not.
    pub(super) fn queue(&self) -> bool {
        !self.queued.swap(true, Ordering::AcqRel)
    }

    /// Notes that it is in the queue no more.
    pub(super) fn unqueue(&self) {
        self.queued.store(false, Ordering::Release);
    }

    /// Looks at the run.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&TaskRun) -> T) -> T {
        look(&self.lock().run)
    }

    /// Changes the run otherwise than by a state.
    pub(crate) fn change(&self, change: impl FnOnce(&mut TaskRun)) {
        change(&mut self.lock().run);
    }

    /// Lets the run enter a state.
    pub(super) fn enter(&self, state: State) {
        let mut inner = self.lock();
        let Inner { run, states, history_len, recorded } = &mut *inner;
        let left = run.enter(state);
        if *recorded < *history_len {
            states.push(left);
        }
        *history_len += 1;
    }

    /// Gives what is new, or none when nothing is.
    pub(super) fn record(&self) -> Option<TaskRunRecord> {
        let inner = self.lock();
        let Inner { run, states, history_len, recorded } = &*inner;
        let new = usize::try_from(history_len - recorded).ok().filter(|new| *new > 0)?;
        let mut new_states = Vec::with_capacity(new);
        new_states.extend_from_slice(&states[states.len().saturating_sub(new - 1)..]);
        new_states.push(run.state.clone());
        Some(TaskRunRecord { run: run.clone(), states: new_states, history_len: *history_len })
    }

    /// Notes that the history is recorded up to this length.
    pub(super) fn recorded(&self, history_len: i32) {
        let mut inner = self.lock();
        inner.recorded = inner.recorded.max(history_len);
        // What was entered since is still to be recorded; the newest of it is in the run itself.
        let left = usize::try_from(inner.history_len - inner.recorded).unwrap_or_default().saturating_sub(1);
        let done = inner.states.len().saturating_sub(left);
        inner.states.drain(..done);
    }
}
