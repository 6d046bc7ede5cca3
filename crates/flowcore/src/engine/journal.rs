//! The journal of task runs: what the engine decided, on its way to where it is kept.
//!
//! A task run has one [`Entry`]. Each state it enters marks the entry as changed; a flush takes all changed entries and
//! records what is new of each in one write. A task that starts and ends between two flushes thus costs one row, and
//! tasks that end together share one commit.
//!
//! Flushes are made within [`LINGER`] of the first change by the background thread, at once by the task itself when its
//! completion must be committed, and always before its flow run ends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::background::Background;
use super::cancel::Cancel;
use super::condition::Condition;
use super::entry::Entry;
use crate::client::{Client, ClientError};
use crate::model::{FlowRunId, State};

/// How long a change may wait for company. A kill loses at most what changed in this time.
const LINGER: Duration = Duration::from_millis(4);

/// How long a write that failed waits until it is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// How long tasks wait for room in a journal that cannot be written, before they fail.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many entries are recorded in one write.
const BATCH: usize = 2048;

/// With more changed entries than this, tasks wait before they start: memory stays bounded when the store is slow.
const MOST_WAITING: usize = 4 * BATCH;

/// The queue of changed entries, and who waits for them.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Shared>);

struct Shared {
    client: Arc<dyn Client>,
    background: Background,
    queue: Mutex<Queue>,
    room: Condition,
}

#[derive(Default)]
struct Queue {
    changed: Vec<Arc<Entry>>,
    /// How many entries were ever queued: the position that a waiter waits for.
    position: u64,
    /// Those who wait for everything up to a position, in order.
    waiting: VecDeque<(u64, oneshot::Sender<Result<(), ClientError>>)>,
    /// Whether somebody is flushing.
    flushing: bool,
    /// Whether the background thread has been asked for a flush.
    asked: bool,
    /// Since when writes fail, and why the last one did; until one succeeds.
    failing: Option<(Instant, ClientError)>,
    /// Whom to stop when the records of their attempt are refused.
    attempts: Vec<Fenced>,
}

/// An attempt of a flow run on this engine.
struct Fenced {
    run: FlowRunId,
    attempt: i32,
    stop: Cancel,
    /// Whether a newer attempt has the run.
    refused: bool,
}

impl Journal {
    pub(crate) fn new(client: Arc<dyn Client>, background: Background) -> Self {
        Journal(Arc::new(Shared { client, background, queue: Mutex::default(), room: Condition::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops this attempt of a flow run when its records are refused, since a newer one has begun.
    pub(crate) fn fence(&self, run: FlowRunId, attempt: i32, stop: Cancel) {
        self.lock().attempts.push(Fenced { run, attempt, stop, refused: false });
    }

    pub(crate) fn unfence(&self, run: FlowRunId) {
        self.lock().attempts.retain(|fenced| fenced.run != run);
    }

    /// Tells whether records of this attempt of a flow run were refused, since a newer one has it.
    pub(crate) fn is_refused(&self, run: FlowRunId, attempt: i32) -> bool {
        let is_refused = |fenced: &Fenced| (fenced.run, fenced.attempt) == (run, attempt) && fenced.refused;
        self.lock().attempts.iter().any(is_refused)
    }

    /// Waits while too much is waiting to be recorded; an error when that is so because the
    /// store has been failing for long.
    pub(crate) async fn room(&self) -> Result<(), ClientError> {
        let look = || {
            let queue = self.lock();
            match &queue.failing {
                _ if queue.changed.len() < MOST_WAITING => Some(Ok(())),
                Some((since, error)) if since.elapsed() > PATIENCE => Some(Err(error.clone())),
                _ => None,
            }
        };
        self.0.room.met(look).await
    }

    /// Lets a task run enter a state, and remembers to record it.
    pub(crate) fn enter(&self, entry: &Arc<Entry>, state: State) {
        entry.enter(state);
        self.note(entry);
    }

    /// Remembers to record what changed of an entry.
    pub(crate) fn note(&self, entry: &Arc<Entry>) {
        if !entry.queue() {
            return;
        }
        let ask = {
            let mut queue = self.lock();
            queue.changed.push(entry.clone());
            queue.position += 1;
            !std::mem::replace(&mut queue.asked, true)
        };
        if ask {
            let journal = self.clone();
            self.0.background.run(async move {
                tokio::time::sleep(LINGER).await;
                journal.lock().asked = false;
                journal.flush_all().await;
            });
        }
    }

    /// Waits until everything noted so far is committed, flushing it at once.
    pub(crate) async fn commit(&self) -> Result<(), ClientError> {
        let (sender, committed) = oneshot::channel();
        let flush = {
            let mut queue = self.lock();
            if queue.changed.is_empty() && !queue.flushing {
                return Ok(());
            }
            let position = queue.position;
            queue.waiting.push_back((position, sender));
            !queue.flushing
        };
        if flush {
            // On a task of its own, so that a waiter that is dropped does not stop the flush for the others.
            tokio::spawn({
                let journal = self.clone();
                async move { journal.flush_all().await }
            });
        }
        // The sender is dropped only with its runtime; then nobody can wait here either.
        committed.await.unwrap_or(Ok(()))
    }

    /// Records until nothing is left, unless somebody else is at it already.
    async fn flush_all(&self) {
        let Some(mut turn) = Turn::take(self) else { return };
        while let Some(position) = turn.next_batch() {
            self.0.room.changed();
            let result = self.record(&turn.entries).await;
            turn.finish_batch(position, &result);
            if result.is_err() {
                self.0.room.changed();
                self.flush_again();
                return;
            }
        }
    }

    /// Flushes once more in a while: nobody else may have a reason to, and the store may be back by then.
    fn flush_again(&self) {
        if std::mem::replace(&mut self.lock().asked, true) {
            return;
        }
        // Weak: an engine that nobody has any more does not try for ever.
        let shared = Arc::downgrade(&self.0);
        self.0.background.run(async move {
            tokio::time::sleep(AGAIN).await;
            if let Some(journal) = shared.upgrade().map(Journal) {
                journal.lock().asked = false;
                journal.flush_all().await;
            }
        });
    }

    async fn record(&self, entries: &[Arc<Entry>]) -> Result<(), ClientError> {
        let mut records = Vec::with_capacity(entries.len());
        let mut lengths = Vec::with_capacity(entries.len());
        for entry in entries {
            // Cleared before the look: a change after the look queues the entry again.
            entry.unqueue();
            if let Some(record) = entry.record() {
                lengths.push((entry, record.history_len));
                records.push(record);
            }
        }
        if records.is_empty() {
            return Ok(());
        }
        let recorded = self.0.client.record_task_runs(records).await?;
        for (entry, length) in lengths {
            entry.recorded(length);
        }
        for refused in recorded.refused {
            self.refused(refused, entries);
        }
        Ok(())
    }

    /// Stops an attempt whose records are refused. One that is over has left detached tasks behind, whose ends are lost.
    fn refused(&self, attempt: (FlowRunId, i32), entries: &[Arc<Entry>]) {
        let stop = {
            let mut queue = self.lock();
            let fenced = queue.attempts.iter_mut().find(|fenced| (fenced.run, fenced.attempt) == attempt);
            fenced.map(|fenced| {
                fenced.refused = true;
                fenced.stop.clone()
            })
        };
        if let Some(stop) = stop {
            return stop.cancel();
        }
        for entry in entries {
            entry.with(|run| {
                if (run.flow_run_id, run.attempt) == (Some(attempt.0), attempt.1) {
                    tracing::warn!(
                        target: "flowcore",
                        "task run '{}' is not recorded as {}: it belongs to attempt {} of flow run {}, and a newer one has \
                         begun or the run is gone",
                        run.name, run.state.name, attempt.1, attempt.0
                    );
                }
            });
        }
    }
}

/// The right to flush, and the entries that are being recorded. However the flush ends, even with its runtime, neither is
/// lost.
struct Turn<'a> {
    journal: &'a Journal,
    entries: Vec<Arc<Entry>>,
    given_back: bool,
}

impl<'a> Turn<'a> {
    fn take(journal: &'a Journal) -> Option<Self> {
        if std::mem::replace(&mut journal.lock().flushing, true) {
            return None;
        }
        Some(Turn { journal, entries: Vec::new(), given_back: false })
    }

    /// Takes the oldest entries and tells the position behind them; none when everything is recorded.
    fn next_batch(&mut self) -> Option<u64> {
        let mut queue = self.journal.lock();
        let left = queue.changed.len().saturating_sub(BATCH);
        if queue.changed.is_empty() {
            // So is what those wait for who came while the last write was under way.
            for (_, sender) in queue.waiting.drain(..) {
                // Whoever does not wait any more need not know.
                let _ = sender.send(Ok(()));
            }
            queue.flushing = false;
            self.given_back = true;
            return None;
        }
        let batch = queue.changed.len() - left;
        let rest = queue.changed.split_off(batch);
        self.entries = std::mem::replace(&mut queue.changed, rest);
        Some(queue.position - left as u64)
    }

    /// Tells those who wait. After a failure the entries are put back for the next flush: nothing is forgotten while the
    /// process lives.
    fn finish_batch(&mut self, position: u64, result: &Result<(), ClientError>) {
        let mut queue = self.journal.lock();
        while queue.waiting.front().is_some_and(|(waits_for, _)| result.is_err() || *waits_for <= position) {
            if let Some((_, sender)) = queue.waiting.pop_front() {
                let _ = sender.send(result.clone());
            }
        }
        match result {
            Ok(()) => {
                queue.failing = None;
                self.entries.clear();
            }
            Err(error) => {
                let since = queue.failing.as_ref().map(|(since, _)| *since);
                if since.is_none() {
                    tracing::warn!(target: "flowcore", "task runs cannot be recorded, which is tried again: {error}");
                }
                queue.failing = Some((since.unwrap_or_else(Instant::now), error.clone()));
                queue.put_back(&mut self.entries);
                queue.flushing = false;
                self.given_back = true;
            }
        }
    }
}

impl Queue {
    fn put_back(&mut self, entries: &mut Vec<Arc<Entry>>) {
        entries.append(&mut self.changed);
        std::mem::swap(&mut self.changed, entries);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.given_back {
            return;
        }
        // The flush was dropped with its runtime in the middle of a write: it is made again by the background thread, and
        // what was written already is recorded a second time, which changes nothing.
        let mut queue = self.journal.lock();
        queue.put_back(&mut self.entries);
        queue.flushing = false;
        drop(queue);
        let journal = self.journal.clone();
        self.journal.0.background.run(async move { journal.flush_all().await });
    }
}
