//! The threads of a task runner: at most so many at once, and work for them, first come first served.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use super::panics::Panicked;

/// How long a thread waits for more work before it ends: long enough not to start one for each task of a sequence.
const KEEP: Duration = Duration::from_secs(10);

/// Work for one of the threads.
pub(crate) struct Work {
    /// The runtime that it belongs to.
    pub(crate) runtime: Handle,
    pub(crate) run: Box<dyn FnOnce() + Send>,
}

/// A handle on the threads. When the last one is dropped, they end with their work.
pub(crate) struct Pool(Arc<Threads>);

/// The threads, and what waits for them.
pub(crate) struct Threads {
    kind: Kind,
    limit: usize,
    state: Mutex<State>,
    news: Condvar,
}

/// Where the threads come from.
enum Kind {
    /// They are started when they are needed, under this name.
    Own(String),
    /// They are those of the runtimes' blocking pools.
    Blocking,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Work>,
    /// How many threads there are.
    threads: usize,
    /// How many of them wait for work.
    idle: usize,
    /// Whether nobody is to wait for more work.
    closed: bool,
    /// Whether free places are being given away.
    filling: bool,
}

impl Pool {
    /// Makes a pool of threads of this name.
    pub(crate) fn own(name: String, limit: usize) -> Self {
        Self::of(Kind::Own(name), limit)
    }

    /// Makes a pool that uses so many threads of the blocking pool at once.
    pub(crate) fn blocking(limit: usize) -> Self {
        Self::of(Kind::Blocking, limit)
    }

    fn of(kind: Kind, limit: usize) -> Self {
        let (state, news) = (Mutex::default(), Condvar::new());
        // Without a thread nothing would ever run.
        Pool(Arc::new(Threads { kind, limit: limit.max(1), state, news }))
    }

    pub(crate) fn threads(&self) -> &Arc<Threads> {
        &self.0
    }

    /// Tells the name of its threads; none for those of the blocking pool.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::Own(name) => Some(name),
            Kind::Blocking => None,
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.0.limit
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.news.notify_all();
    }
}

impl Threads {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs something on a thread, as soon as one is free.
    pub(crate) fn execute(self: &Arc<Self>, work: Work) {
        let mut state = self.lock();
        state.queue.push_back(work);
        match &self.kind {
            Kind::Blocking => {
                drop(state);
                self.fill();
            }
            Kind::Own(name) if state.queue.len() > state.idle && state.threads < self.limit => {
                state.threads += 1;
                drop(state);
                self.start(name);
            }
            Kind::Own(_) => self.news.notify_one(),
        }
    }

    /// Starts a thread, which is counted already.
    fn start(self: &Arc<Self>, name: &str) {
        let threads = self.clone();
        if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(move || threads.work()) {
            tracing::warn!(target: "flowcore", "no thread `{name}` could be started; what it was for runs on the blocking pool: {error}");
            self.lock().threads -= 1;
            self.fill();
        }
    }

    /// Works until there has been nothing to do for a while.
    fn work(&self) {
        while let Some(work) = self.next() {
            run(work);
        }
    }

    /// Waits for something to do. Behind none, the thread is not counted any more.
    fn next(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if let Some(work) = state.queue.pop_front() {
                return Some(work);
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            let (woken, waited) = self.news.wait_timeout(state, KEEP).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.queue.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        None
    }

    /// Gives free places among the threads to what waits, on the blocking pools of the runtimes that it belongs to.
    fn fill(self: &Arc<Self>) {
        let mut state = self.lock();
        // A runtime that is shutting down drops what it is given at once, and its place within this very call: then the
        // loop that is running already goes on, instead of one inside the other.
        if state.filling {
            return;
        }
        while state.threads < self.limit
            && let Some(work) = state.queue.pop_front()
        {
            state.threads += 1;
            state.filling = true;
            drop(state);
            let place = Place(self.clone());
            work.runtime.clone().spawn_blocking(move || {
                run(work);
                drop(place);
            });
            state = self.lock();
        }
        state.filling = false;
    }
}

/// A place among the threads of blocking pools; given on when dropped.
struct Place(Arc<Threads>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().threads -= 1;
        self.0.fill();
    }
}

/// Runs work. What panics in it is caught there; a destructor that does so anyway must not end the thread.
fn run(work: Work) {
    if let Err(panicked) = Panicked::catch(work.run) {
        tracing::error!(target: "flowcore", "{}", panicked.say("what a task has left behind"));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::cell::RefCell;
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    thread_local! {
        /// Dropped when its thread ends.
        static END: RefCell<Option<Sender<()>>> = const { RefCell::new(None) };
    }

    const DEADLINE: Duration = Duration::from_secs(5);

    fn work(run: impl FnOnce() + Send + 'static) -> Work {
        Work { runtime: Handle::current(), run: Box::new(run) }
    }

    #[tokio::test]
    async fn threads_end_with_the_last_handle_behind_their_work() {
        let pool = Pool::own("short".into(), 1);
        let ((end, ended), (go, gone), (done, last)) = (channel::<()>(), channel::<()>(), channel());
        pool.threads().execute(work(move || {
            END.set(Some(end));
            gone.recv_timeout(DEADLINE).unwrap();
        }));
        pool.threads().execute(work(move || done.send(()).unwrap()));
        drop(pool);
        go.send(()).unwrap();
        last.recv_timeout(DEADLINE).unwrap();
        // The sender is dropped with the thread: sooner than one that waits for more work.
        assert_eq!(ended.recv_timeout(DEADLINE), Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
    }

    #[tokio::test]
    async fn a_panic_costs_no_thread() {
        for pool in [Pool::own("panics".into(), 1), Pool::blocking(1)] {
            let (done, last) = channel();
            pool.threads().execute(work(|| panic!("in a destructor")));
            pool.threads().execute(work(move || done.send(()).unwrap()));
            last.recv_timeout(DEADLINE).unwrap();
        }
    }

    #[test]
    fn what_a_runtime_takes_with_it_does_not_hold_up_others() {
        let pool = Pool::blocking(1);
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (ending, staying) = (runtime(), runtime());
        let gone = ending.handle().clone();
        ending.shutdown_background();
        for _ in 0..10_000 {
            pool.threads().execute(Work { runtime: gone.clone(), run: Box::new(|| unreachable!("it has gone")) });
        }
        let (done, last) = channel();
        let run = Box::new(move || done.send(()).unwrap());
        pool.threads().execute(Work { runtime: staying.handle().clone(), run });
        last.recv_timeout(DEADLINE).unwrap();
    }
}
