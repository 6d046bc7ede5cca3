//! Taking slots of concurrency limits: asking, waiting in the queue, giving back.
//!
//! All that an engine's process waits for is looked after together, on flowcore's own thread: by one question every
//! [`POLL`], since another process may have given slots back, and at once when this one has. While nobody waits,
//! nobody asks. Slots are given back on that thread as well, so that dropping a guard does not block.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::attempt::expired;
use super::background::Background;
use super::process::LockProbe;
use crate::client::{Client, ClientError};
use crate::clock::Clock;
use crate::model::{ProcessId, SlotAnswer, SlotAsk, SlotId, SlotRefusal, Timestamp};
use crate::orchestration::{SlotsBack, ask_for_slots, waited_for};

/// How long after another process has given slots back this one may find out.
const POLL: Duration = Duration::from_millis(25);

/// How often those who are waited for are looked at, whether they live.
const PROBE: Duration = Duration::from_millis(200);

/// How long after a failed call the next one is made.
const AGAIN: Duration = Duration::from_millis(200);

/// After how long a failing store is told to those who wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine's requests for slots.
#[derive(Clone)]
pub(crate) struct Tickets(Arc<Shared>);

struct Shared {
    client: Arc<dyn Client>,
    clock: Arc<dyn Clock>,
    background: Background,
    state: Mutex<State>,
    /// Says that slots may have become free, or that somebody else waits.
    news: Notify,
}

#[derive(Default)]
struct State {
    /// In the order of the queues.
    waiting: BTreeMap<(Timestamp, SlotId), Waiting>,
    polling: bool,
    back: Vec<SlotsBack>,
    giving_back: bool,
}

struct Waiting {
    ask: SlotAsk,
    answer: oneshot::Sender<Result<SlotAnswer, ClientError>>,
}

/// Why slots were not taken.
#[derive(Debug)]
pub(crate) enum NotTaken {
    Refused(SlotRefusal),
    Failed(ClientError),
}

/// A request, or what was granted to it: taken back or given back when dropped.
pub(crate) struct Ticket {
    tickets: Tickets,
    place: (Timestamp, SlotId),
    /// Of which limits; none when there is nothing to give back.
    limits: Vec<String>,
}

impl Tickets {
    pub(crate) fn new(client: Arc<dyn Client>, clock: Arc<dyn Clock>, background: Background) -> Self {
        Tickets(Arc::new(Shared { client, clock, background, state: Mutex::default(), news: Notify::new() }))
    }

    /// Takes slots, waiting for them if need be; `waits` is called when that begins.
    pub(crate) async fn take(&self, ask: SlotAsk, waits: impl FnOnce()) -> Result<Ticket, NotTaken> {
        // From now on the request is taken back if this is dropped, whatever has become of it in the store.
        let mut ticket = Ticket { tickets: self.clone(), place: (ask.due, ask.id), limits: ask.limits.clone() };
        let mut answers = self.0.client.ask_for_slots(vec![ask.clone()]).await.map_err(NotTaken::Failed)?;
        let mut answer = answers.pop().ok_or_else(unanswered)?;
        if matches!(answer, SlotAnswer::Waits { .. }) {
            waits();
            // The sender is dropped only with the thread that answers.
            answer = self.wait(ask).await.map_err(|_| unanswered())?.map_err(NotTaken::Failed)?;
        }
        match answer {
            SlotAnswer::Granted { limits } => {
                ticket.limits = limits;
                Ok(ticket)
            }
            SlotAnswer::Refused(refusal) => {
                ticket.limits.clear();
                Err(NotTaken::Refused(refusal))
            }
            SlotAnswer::Waits { .. } => Err(unanswered()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    fn wait(&self, ask: SlotAsk) -> oneshot::Receiver<Result<SlotAnswer, ClientError>> {
        let (answer, granted) = oneshot::channel();
        let begin = {
            let mut state = self.lock();
            state.waiting.insert((ask.due, ask.id), Waiting { ask, answer });
            !std::mem::replace(&mut state.polling, true)
        };
        self.0.news.notify_one();
        if begin {
            // Weak: an engine that nobody has any more waits for nothing.
            let weak = Arc::downgrade(&self.0);
            self.0.background.run(poll(weak, self.0.background.clone()));
        }
        granted
    }

    fn give_back(&self, back: SlotsBack) {
        let begin = {
            let mut state = self.lock();
            state.back.push(back);
            !std::mem::replace(&mut state.giving_back, true)
        };
        if begin {
            self.0.background.run(give_all_back(self.0.clone()));
        }
    }
}

fn unanswered() -> NotTaken {
    NotTaken::Failed(ClientError::closed())
}

impl Ticket {
    /// Names the request.
    pub(crate) fn id(&self) -> SlotId {
        self.place.1
    }

    /// Gives back what was granted, and returns when that is committed.
    pub(crate) async fn give_back(mut self) -> Result<(), ClientError> {
        if !self.limits.is_empty() {
            let back = SlotsBack { id: self.place.1, limits: self.limits.clone() };
            // Dropped before it has succeeded, it is done once more, which changes nothing.
            self.tickets.0.client.give_slots_back(vec![back]).await?;
            self.limits.clear();
            self.tickets.0.news.notify_one();
        }
        Ok(())
    }

    /// Leaves what was granted to decay.
    pub(crate) fn leave(mut self) {
        self.limits.clear();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.limits.is_empty() {
            let gone = self.tickets.lock().waiting.remove(&self.place);
            drop(gone);
            self.tickets.give_back(SlotsBack { id: self.place.1, limits: std::mem::take(&mut self.limits) });
        }
    }
}

/// Gives back until nothing is left to give back.
async fn give_all_back(mut shared: Arc<Shared>) {
    let mut told = false;
    loop {
        let back = {
            let mut state = shared.lock();
            if state.back.is_empty() {
                state.giving_back = false;
                return;
            }
            std::mem::take(&mut state.back)
        };
        match shared.client.give_slots_back(back.clone()).await {
            Ok(()) => {
                told = false;
                shared.news.notify_one();
            }
            // Whoever closed the store has given back everything that the process had.
            Err(error) if error.is_closed() => {}
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(target: "flowcore", "slots could not be given back, which is tried again: {error}");
                }
                shared.lock().back.extend(back);
                // Weak meanwhile: an engine that nobody has any more does not try for ever.
                let weak = Arc::downgrade(&shared);
                drop(shared);
                tokio::time::sleep(AGAIN).await;
                match weak.upgrade() {
                    Some(still) => shared = still,
                    None => return,
                }
            }
        }
    }
}

/// Looks after those who wait until nobody does.
async fn poll(weak: Weak<Shared>, background: Background) {
    let mut probed: Option<Instant> = None;
    let mut failing: Option<Instant> = None;
    while let Some(shared) = weak.upgrade() {
        let asks: Vec<SlotAsk> = {
            let mut state = shared.lock();
            if state.waiting.is_empty() {
                state.polling = false;
                return;
            }
            state.waiting.values().map(|waiting| waiting.ask.clone()).collect()
        };
        let probes = probed.is_none_or(|probed| probed.elapsed() >= PROBE);
        if probes {
            probed = Some(Instant::now());
        }
        let (until, failed) = match shared.look(asks, probes).await {
            Ok(until) => {
                failing = None;
                (until, false)
            }
            Err(error) => {
                let since = *failing.get_or_insert_with(Instant::now);
                if since.elapsed() > PATIENCE || error.is_closed() {
                    shared.fail_all(&error);
                }
                (None, true)
            }
        };
        let due = until.and_then(|until| (until - shared.clock.now()).to_std().ok());
        tokio::select! {
            () = shared.news.notified() => {}
            () = background.others(POLL), if !failed => {}
            () = tokio::time::sleep(AGAIN), if failed => {}
            _ = expired(due, &*shared.clock) => {}
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks once more for those whose turn it is; tells when the time alone brings the next one's.
    async fn look(self: &Arc<Self>, asks: Vec<SlotAsk>, probes: bool) -> Result<Option<Timestamp>, ClientError> {
        let names: BTreeSet<String> = asks.iter().flat_map(|ask| ask.limits.iter().cloned()).collect();
        let names: Vec<String> = names.into_iter().collect();
        let mut occupancy = self.client.occupancy(&names).await?;
        let now = self.clock.now();
        if probes {
            let mut others: BTreeSet<ProcessId> = BTreeSet::new();
            for ask in &asks {
                others.extend(waited_for(&occupancy, ask, now));
            }
            // This one lives, whatever its lease says by a clock of its own.
            let own = asks.iter().filter_map(|ask| ask.process_id).collect();
            let others: Vec<ProcessId> = others.difference(&own).copied().collect();
            if !others.is_empty() && self.client.free_slots_of_dead(&others, &LockProbe).await? > 0 {
                occupancy = self.client.occupancy(&names).await?;
            }
        }
        // What would become of them, by the rules that the store is changed by: most looks change nothing.
        let mut ready = Vec::new();
        let mut next: Option<Timestamp> = None;
        for ask in asks {
            let places = occupancy.requests.len();
            match ask_for_slots(&mut occupancy, &ask, now) {
                // With no more places in the queues than it has already.
                SlotAnswer::Waits { until } if occupancy.requests.len() <= places => {
                    next = next.into_iter().chain(until).min();
                }
                _ => ready.push(ask),
            }
        }
        if !ready.is_empty() {
            let answers = self.client.ask_for_slots(ready.clone()).await?;
            for (ask, answer) in ready.into_iter().zip(answers) {
                self.settle(ask, answer);
            }
        }
        Ok(next)
    }

    fn settle(self: &Arc<Self>, ask: SlotAsk, answer: SlotAnswer) {
        let place = (ask.due, ask.id);
        let mut state = self.lock();
        let Some(waiting) = state.waiting.remove(&place) else {
            drop(state);
            // It was given up while it was asked for: whatever came of that is undone, behind it.
            Tickets(self.clone()).give_back(SlotsBack { id: ask.id, limits: ask.limits });
            return;
        };
        if matches!(answer, SlotAnswer::Waits { .. }) {
            state.waiting.insert(place, waiting);
        } else {
            drop(state);
            // Whoever has gone meanwhile gives back what it was granted by itself.
            let _ = waiting.answer.send(Ok(answer));
        }
    }

    fn fail_all(&self, error: &ClientError) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        for waiting in waiting.into_values() {
            let _ = waiting.answer.send(Err(error.clone()));
        }
    }
}
