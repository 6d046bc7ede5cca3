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
const MOST_WAITING: usize = 100_000;

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
        match T::keep(&*self.0.client, things.clone()).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let mut waiting = self.lock();
                let newer = std::mem::replace(&mut waiting.things, things);
                waiting.things.extend(newer);
                let over = waiting.things.len().saturating_sub(MOST_WAITING);
                if over > 0 {
                    waiting.things.drain(..over);
                    eprintln!("flowcore: {over} {} were dropped, since the store cannot keep them: {error}", T::NAME);
                }
                Err(error)
            }
        }
    }
}
