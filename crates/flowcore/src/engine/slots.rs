//! How many submitted tasks of a flow run at once: the others wait in a queue as calls, which are small, and become
//! running tasks one by one. So a map of 100,000 needs the memory of 100,000 calls and of a few hundred tasks.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::context::Scope;
use super::counted::One;
use super::settled::Promise;
use super::task_call::Call;
use super::task_engine::TaskExecution;
use super::transaction::Inside;

/// A submitted call that is ready to run.
pub(crate) struct Submitted {
    pub(crate) scope: Scope,
    pub(crate) call: Call,
    pub(crate) promise: Promise,
    /// Its place among its flow's children, given back when it ends.
    pub(crate) child: One,
    /// Its place in the transaction around it.
    pub(crate) inside: Option<Inside>,
}

/// The slots at one depth of nesting, and who waits for them, first come first served.
#[derive(Clone)]
pub(crate) struct Slots(Arc<Mutex<State>>);

struct State {
    free: usize,
    waiting: VecDeque<Submitted>,
}

thread_local! {
    /// Whether this thread is starting tasks further up its stack.
    static STARTING: Cell<bool> = const { Cell::new(false) };
}

impl Slots {
    pub(crate) fn new(limit: usize) -> Self {
        Slots(Arc::new(Mutex::new(State { free: limit, waiting: VecDeque::new() })))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a call as soon as there is a slot.
    pub(crate) fn submit(&self, submitted: Submitted) {
        self.lock().waiting.push_back(submitted);
        self.start();
    }

    /// Starts tasks while there are slots.
    fn start(&self) {
        // A runtime that is shutting down drops what is spawned at once, which frees the slot within this very call:
        // then the loop that is running already goes on, instead of one inside the other for each waiting call.
        if STARTING.replace(true) {
            return;
        }
        while let Some(next) = self.take() {
            let slot = Slot(self.clone());
            tokio::spawn(async move {
                let Submitted { scope, call, promise, child, inside } = next;
                promise.settle(TaskExecution::run(scope, call, Some(&promise)).await);
                drop((slot, inside, child));
            });
        }
        STARTING.set(false);
    }

    fn take(&self) -> Option<Submitted> {
        let mut state = self.lock();
        let left = state.free.checked_sub(1)?;
        let next = state.waiting.pop_front()?;
        state.free = left;
        Some(next)
    }
}

/// A slot that is taken; given back when dropped.
struct Slot(Slots);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.lock().free += 1;
        self.0.start();
    }
}
