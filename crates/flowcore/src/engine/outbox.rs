//! What runs tell of, on its way to the store: log lines and events, in order and in batches, off the user's path.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::background::Background;
use crate::client::{Client, ClientError};
use crate::model::{Event, LogLine};

/// How long a thing may wait for company.
const LINGER: Duration = Duration::from_millis(50);

/// How many things may wait while the store is away; beyond it the oldest are dropped, and said to be.
pub(super) const MOST_WAITING: usize = 100_000;

/// A kind of thing that an outbox takes.
#[async_trait]
pub(crate) trait Outgoing: Clone + Send + Sync + 'static {
    /// What several of them are called.
    const NAME: &'static str;

    /// Keeps them. One that is kept already stays as it is.
    async fn keep(client: &dyn Client, things: Vec<Self>) -> Result<(), ClientError>;
}

#[async_trait]
impl Outgoing for LogLine {
    const NAME: &'static str = "log lines";

    async fn keep(client: &dyn Client, lines: Vec<Self>) -> Result<(), ClientError> {
        client.append_logs(lines).await
    }
}

#[async_trait]
impl Outgoing for Event {
    const NAME: &'static str = "events";

    async fn keep(client: &dyn Client, events: Vec<Self>) -> Result<(), ClientError> {
        client.append_events(events).await
    }
}

/// Things on their way to the store. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outbox<T>(Arc<Shared<T>>);

struct Shared<T> {
    client: Arc<dyn Client>,
    background: Background,
    waiting: Mutex<Waiting<T>>,
    /// One flush at a time, so that things are kept in order.
    turn: tokio::sync::Mutex<()>,
}

struct Waiting<T> {
    things: Vec<T>,
    asked: bool,
}

impl<T: Outgoing> Outbox<T> {
    pub(crate) fn new(client: Arc<dyn Client>, background: Background) -> Self {
        let waiting = Mutex::new(Waiting { things: Vec::new(), asked: false });
        Outbox(Arc::new(Shared { client, background, waiting, turn: tokio::sync::Mutex::new(()) }))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a thing; it is kept soon.
    pub(crate) fn push(&self, thing: T) {
        let ask = {
            let mut waiting = self.lock();
            waiting.things.push(thing);
            !std::mem::replace(&mut waiting.asked, true)
        };
        if ask {
            let outbox = self.clone();
            self.0.background.run(async move {
                tokio::time::sleep(LINGER).await;
                outbox.lock().asked = false;
                // What could not be kept is put back, and comes with the next or the end of the run.
                drop(outbox.flush().await);
            });
        }
    }

    /// Waits until all things taken so far are kept.
    pub(crate) async fn flush(&self) -> Result<(), ClientError> {
        let _turn = self.0.turn.lock().await;
        let things = std::mem::take(&mut self.lock().things);
        if things.is_empty() {
            return Ok(());
        }
        let mut taken = Taken { outbox: self, things, why: "the flush was given up".to_owned() };
        let kept = T::keep(&*self.0.client, taken.things.clone()).await;
        match &kept {
            Ok(()) => taken.things.clear(),
            Err(error) => taken.why = error.to_string(),
        }
        kept
    }
}

/// What a flush has in its hands. What it does not get kept is put back in front of what is newer: also when it is dropped,
/// since whoever flushes may not want to wait any longer.
struct Taken<'a, T: Outgoing> {
    outbox: &'a Outbox<T>,
    things: Vec<T>,
    why: String,
}

impl<T: Outgoing> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        if self.things.is_empty() {
            return;
        }
        let mut waiting = self.outbox.lock();
        self.things.append(&mut waiting.things);
        let over = self.things.len().saturating_sub(MOST_WAITING);
        self.things.drain(..over);
        std::mem::swap(&mut self.things, &mut waiting.things);
        drop(waiting);
        if over > 0 {
            eprintln!("flowcore: {over} {} were dropped, since the store cannot keep them: {}", T::NAME, self.why);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::runtime::Handle;

    use super::*;
    use crate::clock::SystemClock;
    use crate::orchestration::Orchestrator;
    use crate::store::memory::MemoryStore;

    /// Hangs the first time it is to be kept.
    #[derive(Clone)]
    struct Thing(u32);

    static HAS_HUNG: AtomicBool = AtomicBool::new(false);
    static KEPT: Mutex<Vec<u32>> = Mutex::new(Vec::new());

    #[async_trait]
    impl Outgoing for Thing {
        const NAME: &'static str = "things";

        async fn keep(_: &dyn Client, things: Vec<Self>) -> Result<(), ClientError> {
            if !HAS_HUNG.swap(true, Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            KEPT.lock().unwrap_or_else(PoisonError::into_inner).extend(things.iter().map(|Thing(number)| *number));
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_flush_that_is_dropped_loses_nothing() {
        let client = Orchestrator::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock));
        let outbox = Outbox::new(Arc::new(client), Background::on(Handle::current()));
        outbox.push(Thing(1));
        tokio::select! {
            biased;
            _ = outbox.flush() => unreachable!("it hangs"),
            () = std::future::ready(()) => {}
        }
        outbox.push(Thing(2));
        assert!(outbox.flush().await.is_ok());
        assert_eq!(*KEPT.lock().unwrap_or_else(PoisonError::into_inner), [1, 2]);
    }
}
