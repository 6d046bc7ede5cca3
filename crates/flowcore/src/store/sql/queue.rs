//! The one writer: takes what has queued up and commits it as one transaction.
//!
//! Whoever finds the writer idle becomes the writer. For SQLite that happens in the caller's own poll, spinning for up
//! to [`SPIN`]: the connection's thread answers after some 15 us when it is awaited so, and after 50 us when this
//! thread sleeps meanwhile, which is 30,000 single commits a second against 15,000. What takes longer goes on in a
//! task of its own, so that a caller that gives up takes nobody's change with it. There is no task while there is
//! nothing to write, since a store may be used from several runtimes, one after another.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::store::StoreError;

use super::batch::{Batch, Entry};
use super::driver::{Connection, Source};
use super::failure::Failure;
use super::transaction::Transaction;
use super::write::write;

/// How long a small batch is awaited by polling.
const SPIN: Duration = Duration::from_micros(50);

/// Batches of more rows are not awaited by polling: they take longer than [`SPIN`] at any rate.
const SPIN_ROWS: usize = 8;

/// A batch is closed when it has this many rows or changes, so that none waits for more than about 50 ms of others.
const BATCH_ROWS: usize = 4096;
const BATCH_CHANGES: usize = 512;

/// How long other processes may hold the database before a change is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Polling takes a processor from the thread that it waits for when there is only one.
static SPINS: LazyLock<bool> = LazyLock::new(|| available_parallelism().is_ok_and(|processors| processors.get() > 1));

/// The writer of a database.
pub(super) struct Writer {
    shared: Arc<Shared>,
}

struct Shared {
    source: Source,
    /// The runtime that connections belong to, or none: they work from any.
    home: Option<Handle>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Batch>,
    /// The connection, while nobody is writing.
    connection: Option<Connection>,
    writing: bool,
    closed: bool,
}

impl Writer {
    /// Makes a writer that begins with this connection.
    pub(super) fn new(source: Source, connection: Connection, home: Option<Handle>) -> Self {
        let queue = Queue { connection: Some(connection), ..Queue::default() };
        Writer { shared: Arc::new(Shared { source, home, queue: Mutex::new(queue) }) }
    }

    /// Writes a change and returns its answer once it is committed.
    pub(super) async fn submit<C, A>(
        &self,
        kind: fn(&mut Batch) -> &mut Vec<Entry<C, A>>,
        change: C,
        rows: usize,
    ) -> Result<A, StoreError> {
        let (reply, answer) = oneshot::channel();
        let begin = self.shared.lock().add(kind, Entry::new(change, reply), rows)?;
        if begin {
            self.begin(rows).await;
        }
        answer.await.map_err(|_| StoreError::Closed)?
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

    /// Begins to write. Cancellation cannot hit between the polls here: there is no await until the task is spawned.
    async fn begin(&self, rows: usize) {
        let mut work = Box::pin(drain(Turn { shared: self.shared.clone(), connection: None, over: false }));
        if let Some(home) = &self.shared.home {
            home.spawn(work);
            return;
        }
        if rows <= SPIN_ROWS && *SPINS && spin(work.as_mut()) {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(work)),
            Err(_) => work.await,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Adds a change, and tells whether its caller is to begin writing.
    fn add<C, A>(
        &mut self,
        kind: fn(&mut Batch) -> &mut Vec<Entry<C, A>>,
        entry: Entry<C, A>,
        rows: usize,
    ) -> Result<bool, StoreError> {
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
        Ok(!std::mem::replace(&mut self.writing, true))
    }
}

/// Polls until the future is done or the time is up; tells whether it is done.
fn spin(mut work: Pin<&mut impl Future<Output = ()>>) -> bool {
    let begin = Instant::now();
    let mut context = Context::from_waker(Waker::noop());
    while work.as_mut().poll(&mut context) == Poll::Pending {
        if begin.elapsed() > SPIN {
            return false;
        }
        std::hint::spin_loop();
    }
    true
}

/// The right to write. Given back when nothing waits any more, or when the runtime drops the task.
struct Turn {
    shared: Arc<Shared>,
    connection: Option<Connection>,
    over: bool,
}

impl Turn {
    /// Takes the next batch, or gives the turn back.
    fn next(&mut self) -> Option<Batch> {
        let mut queue = self.shared.lock();
        if let Some(batch) = queue.waiting.pop_front() {
            self.connection = self.connection.take().or_else(|| queue.connection.take());
            return Some(batch);
        }
        queue.connection = self.connection.take();
        queue.writing = false;
        self.over = true;
        None
    }
}

impl Drop for Turn {
    /// A runtime that is shut down drops this halfway. Whoever waits then learns that the store was closed under them,
    /// the connection rolls back as it goes, and the next change finds the writer idle.
    fn drop(&mut self) {
        if !self.over {
            let mut queue = self.shared.lock();
            queue.writing = false;
            let abandoned = std::mem::take(&mut queue.waiting);
            drop(queue);
            drop(abandoned);
        }
    }
}

async fn drain(mut turn: Turn) {
    while let Some(mut batch) = turn.next() {
        match turn.commit(&mut batch).await {
            Ok(()) => batch.finish(Ok(())),
            Err(error) if batch.changes == 1 || concerns_all(&error) => batch.finish(Err(error)),
            Err(_) => {
                for mut single in batch.into_singles() {
                    let result = turn.commit(&mut single).await;
                    single.finish(result);
                }
            }
        }
    }
}

/// Tells whether a failure is of the database and not of a change: trying the changes one by one would not help.
fn concerns_all(error: &StoreError) -> bool {
    matches!(error, StoreError::Full { .. } | StoreError::ReadOnly { .. } | StoreError::Damaged { .. })
}

impl Turn {
    /// Writes a batch and commits it, again and again while other processes are in the way.
    async fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        if batch.kinds() == usize::from(!batch.flushes.is_empty()) {
            batch.flushes.iter_mut().for_each(|entry| entry.answer = Some(()));
            return Ok(());
        }
        let begin = Instant::now();
        let mut reconnected = false;
        loop {
            let failure = match self.try_commit(batch).await {
                Ok(()) => return Ok(()),
                Err((failure, in_doubt)) => {
                    if matches!(failure, Failure::Lost(_)) {
                        self.connection = None;
                    }
                    match failure {
                        Failure::Busy(_) if begin.elapsed() < PATIENCE => continue,
                        // A server was restarted while the connection was idle. What was sent before a COMMIT is void.
                        Failure::Lost(_) if !reconnected && !in_doubt => {
                            reconnected = true;
                            continue;
                        }
                        failure => failure,
                    }
                }
            };
            return Err(failure.into());
        }
    }

    async fn try_commit(&mut self, batch: &mut Batch) -> Result<(), (Failure, bool)> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.shared.source.connect().await.map_err(|failure| (failure, false))?),
        };
        let mut transaction = Transaction::new(connection);
        let result = write(&mut transaction, batch).await;
        let in_doubt = transaction.is_in_doubt();
        if result.is_err() {
            transaction.roll_back().await;
        }
        result.map_err(|failure| (failure, in_doubt))
    }
}
