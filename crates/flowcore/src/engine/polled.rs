//! A future that is polled on the threads of a task runner: whenever it is woken, it is work for one of them. While it
//! waits it has no thread, so that tasks which wait for each other cannot take all threads for themselves.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use tokio::runtime::Handle;

use super::pool::{Threads, Work};

type Body = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) struct Polled {
    threads: Arc<Threads>,
    /// What it runs in, beside the threads.
    runtime: Handle,
    stage: Mutex<Stage>,
}

enum Stage {
    /// It waits to be woken.
    Waiting(Body),
    /// It waits for a thread.
    Queued(Body),
    /// A thread polls it.
    Polling { woken: bool, aborted: bool },
    /// It has come to its end, or was aborted.
    Over,
}

impl Polled {
    /// Makes one that is to be [polled](Polled::poll) by who has a thread for it.
    pub(crate) fn new(threads: Arc<Threads>, body: Body) -> Arc<Self> {
        Arc::new(Polled { threads, runtime: Handle::current(), stage: Mutex::new(Stage::Queued(body)) })
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls the future on the present thread, unless it is over.
    pub(crate) fn poll(self: Arc<Self>) {
        let mut body = {
            let mut stage = self.lock();
            match std::mem::replace(&mut *stage, Stage::Polling { woken: false, aborted: false }) {
                Stage::Queued(body) => body,
                other => {
                    *stage = other;
                    return;
                }
            }
        };
        let waker = Waker::from(self.clone());
        let is_ready = {
            let _entered = self.runtime.enter();
            body.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        };
        let (mut over, mut queued) = (None, false);
        {
            let mut stage = self.lock();
            let polled = std::mem::replace(&mut *stage, Stage::Over);
            match polled {
                Stage::Polling { woken, aborted: false } if !is_ready => {
                    queued = woken;
                    *stage = if woken { Stage::Queued(body) } else { Stage::Waiting(body) };
                }
                _ => over = Some(body),
            }
        }
        // Outside of the lock, as its destructors are the user's.
        drop(over);
        if queued {
            self.queue();
        }
    }

    /// Drops the future: at once, or when the thread that polls it has come back from it.
    pub(crate) fn abort(&self) {
        let mut stage = self.lock();
        let aborted = match &mut *stage {
            Stage::Polling { aborted, .. } => {
                *aborted = true;
                return;
            }
            other => std::mem::replace(other, Stage::Over),
        };
        drop(stage);
        drop(aborted);
    }

    fn queue(self: Arc<Self>) {
        let runtime = self.runtime.clone();
        self.threads.clone().execute(Work { runtime, run: Box::new(move || self.poll()) });
    }
}

impl Wake for Polled {
    fn wake(self: Arc<Self>) {
        {
            let mut stage = self.lock();
            match std::mem::replace(&mut *stage, Stage::Over) {
                Stage::Waiting(body) => *stage = Stage::Queued(body),
                Stage::Polling { aborted, .. } => {
                    *stage = Stage::Polling { woken: true, aborted };
                    return;
                }
                other => {
                    *stage = other;
                    return;
                }
            }
        }
        self.queue();
    }
}
