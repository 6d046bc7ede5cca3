//! The one writer: takes what has queued up and commits it as one transaction.
//!
//! Whoever finds the writer idle becomes the writer. For SQLite that happens in the caller's own poll, spinning for up
//! to [`SPIN`]: the connection's thread answers after some 15 us when it is awaited so, and after 50 us when this
//! thread sleeps meanwhile, which is 30,000 single commits a second against 15,000. What takes longer goes on in a
//! task of its own, so that a caller that gives up takes nobody's change with it.
//!
//! A store may be used from several runtimes, and any of them may end at any time. So there is no task while there is
//! nothing to write; and work whose runtime ends is left where another caller finds it and goes on with it, since it
//! needs nothing of a runtime but to be polled. Only when nobody waits for it any more is it rolled back.

use std::collections::VecDeque;
use std::future::Future;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};

use crate::store::StoreError;

use super::batch::{Batch, Entry};
use super::driver::{Connection, Source};
use super::turn::{Turn, write_all};

/// How long a small batch is awaited by polling.
const SPIN: Duration = Duration::from_micros(50);

/// Batches of more rows are not awaited by polling: they take longer than [`SPIN`] at any rate.
const SPIN_ROWS: usize = 8;

/// A batch is closed when it has this many rows or changes, so that none waits for more than about 50 ms of others.
const BATCH_ROWS: usize = 4096;
const BATCH_CHANGES: usize = 512;

/// Polling takes a processor from the thread that it waits for when there is only one.
static SPINS: LazyLock<bool> = LazyLock::new(|| available_parallelism().is_ok_and(|processors| processors.get() > 1));

/// The writer of a database.
pub(super) struct Writer {
    shared: Arc<Shared>,
}

/// What the writer, its callers and whoever drives it share.
pub(super) struct Shared {
    pub(super) source: Source,
    /// The runtime that connections belong to, or none: they work from any.
    home: Option<Handle>,
    queue: Mutex<Queue>,
    /// Tells callers that work was left by a runtime that ended.
    left: Notify,
}

/// What waits to be written, and who is writing.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) waiting: VecDeque<Batch>,
    /// The connection, while nobody is writing.
    pub(super) connection: Option<Connection>,
    pub(super) work: Work,
    /// Numbers the turns, so that one that was abandoned does not end the next.
    pub(super) turn: u64,
    /// How many callers wait for their answers.
    callers: usize,
    closed: bool,
}

/// Where the writing stands.
#[derive(Default)]
pub(super) enum Work {
    /// There is nothing to write.
    #[default]
    Idle,
    /// A driver has it.
    Driven,
    /// The runtime of its driver has ended.
    Left(Writing),
}

/// What a caller has to do for its change.
enum CallersPart {
    /// Somebody is writing, and will come to it.
    Wait,
    /// Begin to write; the turn has this number.
    Begin(u64),
    /// Go on with what a runtime left that has ended.
    GoOn(Writing),
}

/// The writer at work: takes batches until none is left.
pub(super) type Writing = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Writer {
    /// Makes a writer that begins with this connection.
    pub(super) fn new(source: Source, connection: Connection, home: Option<Handle>) -> Self {
        let queue = Queue { connection: Some(connection), ..Queue::default() };
        Writer { shared: Arc::new(Shared { source, home, queue: Mutex::new(queue), left: Notify::new() }) }
    }

    /// Writes a change and returns its answer once it is committed.
    pub(super) async fn submit<C, A>(
        &self,
        kind: fn(&mut Batch) -> &mut Vec<Entry<C, A>>,
        change: C,
        rows: usize,
    ) -> Result<A, StoreError> {
        let shared = &self.shared;
        let (reply, mut answer) = oneshot::channel();
        // Before the change is in the queue: whoever leaves it from then on is heard.
        let mut left = pin!(shared.left.notified());
        let part = shared.lock().add(kind, Entry::new(change, reply), rows)?;
        let _caller = Caller { shared };
        match part {
            CallersPart::Wait => {}
            CallersPart::Begin(number) => {
                let turn = Turn::new(shared.clone(), number);
                shared.drive(Box::pin(write_all(turn)), rows).await;
            }
            CallersPart::GoOn(writing) => shared.drive(writing, usize::MAX).await,
        }
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer.map_err(|_| StoreError::Closed)?,
                () = &mut left => {
                    left.set(shared.left.notified());
                    let taken = shared.lock().take_over();
                    if let Some(writing) = taken {
                        shared.drive(writing, usize::MAX).await;
                    }
                }
            }
        }
    }

    /// Commits what is under way, refuses everything after, and gives up the connection.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        match self.submit(|batch| &mut batch.flushes, (), 0).await {
            Err(StoreError::Closed) => return Ok(()),
            other => other?,
        }
        let connection = {
            let mut queue = self.shared.lock();
            queue.closed = true;
            queue.connection.take()
        };
        match connection {
            Some(connection) => Ok(connection.close().await?),
            None => Ok(()),
        }
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with the writing: here while it is quick, else in a task. Cancellation cannot hit between, since there
    /// is no await until the task is spawned.
    async fn drive(self: &Arc<Self>, writing: Writing, rows: usize) {
        let mut driver = Driver { shared: self.clone(), writing: Some(writing) };
        match &self.home {
            Some(home) => drop(home.spawn(driver)),
            None if rows <= SPIN_ROWS && *SPINS && spin(&mut driver) => {}
            None => match Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(driver)),
                Err(_) => driver.await,
            },
        }
    }
}

impl Queue {
    /// Adds a change, and tells its caller's part.
    fn add<C, A>(
        &mut self,
        kind: fn(&mut Batch) -> &mut Vec<Entry<C, A>>,
        entry: Entry<C, A>,
        rows: usize,
    ) -> Result<CallersPart, StoreError> {
        if self.closed {
            return Err(StoreError::Closed);
        }
        if self.waiting.back().is_none_or(|batch| batch.rows + rows > BATCH_ROWS || batch.changes >= BATCH_CHANGES) {
            self.waiting.push_back(Batch::default());
        }
        if let Some(batch) = self.waiting.back_mut() {
            kind(batch).push(entry);
            batch.changes += 1;
            batch.rows += rows;
        }
        self.callers += 1;
        Ok(match mem::replace(&mut self.work, Work::Driven) {
            Work::Driven => CallersPart::Wait,
            Work::Left(writing) => CallersPart::GoOn(writing),
            Work::Idle => {
                self.turn += 1;
                CallersPart::Begin(self.turn)
            }
        })
    }

    /// Takes what a runtime left that has ended, if nobody else was faster.
    fn take_over(&mut self) -> Option<Writing> {
        match mem::replace(&mut self.work, Work::Driven) {
            Work::Left(writing) => Some(writing),
            other => {
                self.work = other;
                None
            }
        }
    }

    /// Gives up work and changes that nobody waits for. What is returned is dropped without the lock, which it takes.
    pub(super) fn abandon(&mut self) -> VecDeque<Batch> {
        self.work = Work::Idle;
        self.turn += 1;
        mem::take(&mut self.waiting)
    }
}

/// Counts a caller while it waits.
struct Caller<'s> {
    shared: &'s Shared,
}

impl Drop for Caller<'_> {
    /// The last caller gives up work that nobody drives: an open transaction must not keep other processes waiting.
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.callers -= 1;
        if queue.callers == 0
            && let Some(writing) = queue.take_over()
        {
            let changes = queue.abandon();
            drop(queue);
            drop((writing, changes));
        }
    }
}

/// Polls the writing, and leaves it to others when it is dropped before its end.
struct Driver {
    shared: Arc<Shared>,
    writing: Option<Writing>,
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Taken out meanwhile: what panics is not left to others.
        let Some(mut writing) = self.writing.take() else { return Poll::Ready(()) };
        let poll = writing.as_mut().poll(context);
        if poll.is_pending() {
            self.writing = Some(writing);
        }
        poll
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(writing) = self.writing.take() {
            let mut queue = self.shared.lock();
            if queue.callers > 0 {
                queue.work = Work::Left(writing);
                drop(queue);
                self.shared.left.notify_waiters();
            } else {
                let changes = queue.abandon();
                drop(queue);
                drop((writing, changes));
            }
        }
    }
}

/// Polls until the future is done or the time is up; tells whether it is done.
fn spin(driver: &mut Driver) -> bool {
    let begin = Instant::now();
    let mut context = Context::from_waker(Waker::noop());
    while Pin::new(&mut *driver).poll(&mut context).is_pending() {
        if begin.elapsed() > SPIN {
            return false;
        }
        std::hint::spin_loop();
    }
    true
}
