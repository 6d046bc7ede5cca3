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
    /// Tells callers that work was left by a runtime that ended.
    left: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Batch>,
    /// The connection, while nobody is writing.
    connection: Option<Connection>,
    work: Work,
    /// Numbers the turns, so that one that was abandoned does not end the next.
    turn: u64,
    /// How many callers wait for their answers.
    callers: usize,
    closed: bool,
}

/// Where the writing stands.
#[derive(Default)]
enum Work {
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
type Writing = Pin<Box<dyn Future<Output = ()> + Send>>;

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
                let turn = Turn { shared: shared.clone(), number, connection: None, over: false };
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
    fn lock(&self) -> MutexGuard<'_, Queue> {
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
    fn abandon(&mut self) -> VecDeque<Batch> {
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

/// The right to write. Given back when nothing waits any more.
struct Turn {
    shared: Arc<Shared>,
    number: u64,
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
        queue.work = Work::Idle;
        self.over = true;
        None
    }
}

impl Drop for Turn {
    /// Had it panicked: whoever waits is told that the store was closed under them, the connection rolls back as it
    /// goes, and the next change finds the writer idle.
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        if !self.over && queue.turn == self.number {
            let changes = queue.abandon();
            drop(queue);
            drop(changes);
        }
    }
}

/// Writes batch after batch.
async fn write_all(mut turn: Turn) {
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
