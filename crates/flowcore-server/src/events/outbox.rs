//! Events of the server's own on their way to the store, and from there to those who listen.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flowcore::clock::Clock;
use flowcore::model::{Event, FlowRun, State};
use flowcore::store::{ServerStore, StoreError};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{NewEvent, complete};
use crate::live::{Feed, NewEvents};

/// How many events are kept at once, at most.
const TOGETHER: usize = 500;

/// How many events may wait while the store is away; beyond it the oldest are dropped, and said to be.
const MOST_WAITING: usize = 100_000;

/// How long the end of the server waits for events to be kept.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the store is left alone after it has failed.
const PAUSE: Duration = Duration::from_millis(200);

/// Takes events in, keeps them, and hands them on. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Events(Arc<Shared>);

struct Shared {
    store: Arc<dyn ServerStore>,
    clock: Arc<dyn Clock>,
    outbox: Mutex<Outbox>,
    /// Told when the outbox is empty.
    idle: Notify,
    live: Feed<NewEvents>,
}

#[derive(Default)]
struct Outbox {
    waiting: VecDeque<Event>,
    /// Whether a task is keeping events.
    at_work: bool,
    dropped: usize,
}

impl Events {
    pub(crate) fn new(store: Arc<dyn ServerStore>, clock: Arc<dyn Clock>) -> Self {
        let live = Feed::new(NewEvents { store: store.clone(), clock: clock.clone() });
        Events(Arc::new(Shared { store, clock, outbox: Mutex::default(), idle: Notify::new(), live }))
    }

    /// Tells of something that happens now, and gives the event's id. It is kept soon, without anybody's waiting for
    /// it: call this when what it tells of is committed.
    pub(crate) fn emit(&self, event: NewEvent) -> Uuid {
        let id = self.0.clock.uuid();
        let begin = {
            let mut outbox = self.0.lock();
            outbox.waiting.push_back(event.at(id, self.0.clock.now()));
            if outbox.waiting.len() > MOST_WAITING {
                outbox.waiting.pop_front();
                outbox.dropped += 1;
            }
            !mem::replace(&mut outbox.at_work, true)
        };
        if begin {
            tokio::spawn(keep(self.0.clone()));
        }
        id
    }

    /// Keeps events that others tell of. When this returns they are committed.
    pub(crate) async fn record(&self, events: Vec<Event>) -> Result<(), StoreError> {
        self.0.store.append_events(events.clone()).await?;
        self.0.live.announce(events);
        Ok(())
    }

    /// Tells those who listen at once of the state that a flow run has just entered; they would hear of it a little later.
    pub(crate) async fn tell_state(&self, run: &FlowRun, before: &State) {
        if !self.0.live.is_heard() {
            return;
        }
        let mut events = vec![Event::of_flow_run(run, Some(before), &run.state)];
        match complete(&*self.0.store, self.0.clock.now(), &mut events).await {
            Ok(()) => self.0.live.announce(events),
            Err(error) => tracing::warn!(target: "flowcore_server", run = %run.id, "a state is told of later: {error}"),
        }
    }

    /// Gives what hands events on as they happen.
    pub(crate) fn live(&self) -> &Feed<NewEvents> {
        &self.0.live
    }

    /// Waits until all that was told of is kept, but not for a database that is away.
    pub(crate) async fn flush(&self) {
        if tokio::time::timeout(PATIENCE, self.idle()).await.is_err() {
            let left = self.0.lock().waiting.len();
            tracing::warn!(target: "flowcore_server", "the server ends before {left} events or more are kept");
        }
    }

    async fn idle(&self) {
        loop {
            let idle = self.0.idle.notified();
            if !self.0.lock().at_work {
                return;
            }
            idle.await;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what waits, or ends the work when nothing does.
    fn next(&self) -> Option<Vec<Event>> {
        let mut outbox = self.lock();
        if let dropped @ 1.. = mem::take(&mut outbox.dropped) {
            tracing::warn!(target: "flowcore_server", "{dropped} events were dropped, since the database was away");
        }
        let count = outbox.waiting.len().min(TOGETHER);
        outbox.at_work = count > 0;
        (count > 0).then(|| outbox.waiting.drain(..count).collect())
    }
}

/// Keeps events until none is left.
async fn keep(shared: Arc<Shared>) {
    while let Some(events) = shared.next() {
        loop {
            match shared.store.append_events(events.clone()).await {
                Ok(()) => break shared.live.announce(events),
                Err(StoreError::Closed) => break,
                Err(error) => {
                    tracing::error!(target: "flowcore_server", "events are not kept yet: {error}");
                    shared.clock.sleep(PAUSE).await;
                }
            }
        }
    }
    shared.idle.notify_waiters();
}
