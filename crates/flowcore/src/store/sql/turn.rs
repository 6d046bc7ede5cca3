//! A turn at writing: batch after batch, each tried until it is committed or can never be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::store::StoreError;

use super::batch::Batch;
use super::driver::Connection;
use super::failure::Failure;
use super::queue::{Shared, Work};
use super::transaction::Transaction;
use super::write::write;

/// How long other processes may hold the database before a change is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The right to write. Given back when nothing waits any more.
pub(super) struct Turn {
    shared: Arc<Shared>,
    number: u64,
    connection: Option<Connection>,
    over: bool,
}

impl Turn {
    /// Begins the turn of this number.
    pub(super) fn new(shared: Arc<Shared>, number: u64) -> Self {
        Turn { shared, number, connection: None, over: false }
    }

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
pub(super) async fn write_all(mut turn: Turn) {
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
