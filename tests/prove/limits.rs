//! Moves concurrency limits at random on a store that fails now and then, with processes that die, and compares after each
//! step with a model that knows the promises: what is taken is what is held; never more than the limit; first come,
//! first served; nobody waits who could go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowcore::clock::Clock;
use flowcore::model::{
    Occupancy, ProcessId, ProcessLease, SlotAnswer, SlotAsk, SlotHolder, SlotId, SlotLease, Timestamp,
};
use flowcore::orchestration::{
    LimitUpdate, Liveness, NewLimit, Orchestrator, Probe, SlotsBack, judge_slots, slots_taken,
};
use flowcore::store::memory::MemoryStore;
use flowcore::store::{LimitStore, Store};
use flowcore::testing::{FaultyStore, StoreFault};
use flowcore::{Error, Result};
use uuid::Uuid;

use crate::arguments;
use crate::random::Random;
use crate::still::StillClock;

/// How much to prove.
pub(crate) struct Plan {
    steps: u64,
    seed: u64,
}

/// The limits; the last one limits a rate.
const NAMES: [&str; 4] = ["a", "b", "c", "rate"];
const PROCESSES: u64 = 4;

impl Plan {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut plan = Plan { steps: 1_000_000, seed: u64::from(std::process::id()) };
        arguments::read(arguments, &mut [("--steps", &mut plan.steps), ("--seed", &mut plan.seed)])?;
        Ok(plan)
    }
}

/// What is known of a request by whoever made it.
#[derive(Clone)]
struct Known {
    ask: SlotAsk,
    process: u64,
    /// The limits that it was granted slots of, once it was told so.
    granted: Option<Vec<String>>,
    /// It was given back, and whether that was kept is not known.
    leaving: bool,
}

/// What was seen.
#[derive(Default)]
struct Seen {
    granted: u64,
    waited: u64,
    refused: u64,
    killed: u64,
}

struct World {
    store: Arc<FaultyStore>,
    /// The store that does not fail.
    inner: Arc<MemoryStore>,
    rules: Orchestrator,
    clock: Arc<StillClock>,
    random: Random,
    known: BTreeMap<SlotId, Known>,
    /// The process of each number, and whether it lives.
    processes: Vec<(ProcessId, bool)>,
    next: u64,
    seen: Seen,
    /// What was taken of each limit a step ago.
    taken: BTreeMap<String, u64>,
}

struct Truth(BTreeSet<ProcessId>);

impl Probe for Truth {
    fn look(&self, lease: &ProcessLease) -> Liveness {
        if self.0.contains(&lease.id) { Liveness::Alive } else { Liveness::Dead }
    }
}

pub(crate) async fn run(plan: &Plan) -> Result<()> {
    let begin = Instant::now();
    let mut world = World::new(plan.seed).await?;
    for step in 0..plan.steps {
        let what = world.step().await;
        let checked = match what {
            Ok(what) => world.check().await.map_err(|error| Error::msg(format!("{what}: {error}"))),
            Err(error) => Err(error),
        };
        checked.map_err(|error| Error::msg(format!("seed {}, step {step}: {error}", plan.seed)))?;
    }
    let Seen { granted, waited, refused, killed } = world.seen;
    let failed = world.store.failed();
    println!(
        "{} steps in {:.1} s (seed {}): {granted} granted, {waited} waited, {refused} refused, {killed} processes \
         killed, {failed} calls failed; leases = holders after each",
        plan.steps,
        begin.elapsed().as_secs_f64(),
        plan.seed
    );
    Ok(())
}

impl World {
    async fn new(seed: u64) -> Result<Self> {
        let (inner, clock) = (Arc::new(MemoryStore::new()), Arc::new(StillClock::default()));
        let store = Arc::new(FaultyStore::new(inner.clone()));
        let rules = Orchestrator::new(store.clone(), clock.clone());
        for name in NAMES {
            rules.create_limit(NewLimit::new(name, 2)).await??;
        }
        let decay = LimitUpdate { slot_decay_per_second: Some(4.0), ..LimitUpdate::default() };
        rules.update_limit("rate", decay).await??;
        let mut world = World {
            store,
            inner,
            rules,
            clock,
            random: Random::new(seed),
            known: BTreeMap::new(),
            processes: Vec::new(),
            next: 0,
            seen: Seen::default(),
            taken: BTreeMap::new(),
        };
        for _ in 0..PROCESSES {
            let process = world.begin_process().await?;
            world.processes.push((process, true));
        }
        Ok(world)
    }

    async fn begin_process(&mut self) -> Result<ProcessId> {
        self.next += 1;
        let id = ProcessId(Uuid::from_u64_pair(1, self.next));
        let (started, expires) = (self.clock.now(), self.clock.now() + Duration::from_secs(1 << 32));
        let lease = ProcessLease { id, pid: 1, host: String::new(), lock_file: String::new(), started, expires };
        self.inner.put_process(lease).await?;
        Ok(id)
    }

    /// Does something, and says what.
    async fn step(&mut self) -> Result<String> {
        let decisions = || StoreFault::of(["decide_slots", "remove_slots_of"]).nth(1);
        let fault = match self.random.below(16) {
            0 => Some(decisions()),
            1 => Some(decisions().answer_lost()),
            _ => None,
        };
        if let Some(fault) = fault.clone() {
            self.store.inject(fault);
        }
        let done = match self.random.below(100) {
            0..30 => self.ask().await,
            30..55 => self.ask_again().await,
            55..80 => self.give_back().await,
            80..88 => self.advance().await,
            88..92 => self.change_limit().await,
            92..95 => self.kill().await,
            _ => self.clear().await,
        };
        self.store.heal();
        done.map(|what| format!("{what}, {fault:?}"))
    }

    async fn ask(&mut self) -> Result<String> {
        let process = self.random.below(PROCESSES);
        if !self.processes[process as usize].1 || self.known.len() > 24 {
            return Ok("nothing".into());
        }
        self.next += 1;
        let mut limits: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
        limits.retain(|_| self.random.below(3) == 0);
        let ask = SlotAsk {
            id: SlotId(Uuid::from_u64_pair(2, self.next)),
            limits,
            slots: 1 + self.random.below(3) as u32,
            holder: SlotHolder::default(),
            process_id: Some(self.processes[process as usize].0),
            due: self.clock.now(),
            expires: None,
            strict: false,
            rate: false,
        };
        let what = format!("{:?} asks for {} of {:?}", ask.id, ask.slots, ask.limits);
        self.known.insert(ask.id, Known { ask: ask.clone(), process, granted: None, leaving: false });
        self.answer(ask).await?;
        Ok(what)
    }

    async fn ask_again(&mut self) -> Result<String> {
        let waiting: Vec<SlotAsk> = self
            .known
            .values()
            .filter(|known| known.granted.is_none() && !known.leaving)
            .map(|known| known.ask.clone())
            .collect();
        let Some(ask) = self.random.pick(&waiting).cloned() else { return Ok("nothing".into()) };
        let what = format!("{:?} asks again", ask.id);
        self.answer(ask).await?;
        Ok(what)
    }

    /// Asks, and checks the answer against what stood before.
    async fn answer(&mut self, ask: SlotAsk) -> Result<()> {
        let before = self.stands().await?;
        let Ok(answers) = self.rules.ask_for_slots(vec![ask.clone()]).await else { return Ok(()) };
        let overtaken = before.requests.iter().find(|request| {
            let in_force = before.limit(&request.limit).is_some_and(|limit| limit.active);
            let ahead = request.id != ask.id && request.place() < (ask.due, ask.id);
            in_force && ahead && ask.limits.contains(&request.limit)
        });
        let had = before.leases.iter().any(|lease| lease.id == ask.id);
        match answers.into_iter().next() {
            Some(SlotAnswer::Granted { limits }) => {
                if let (Some(first), false) = (overtaken, had) {
                    return Err(Error::msg(format!("{:?} was granted slots before {:?}", ask.id, first.id)));
                }
                if let Some(known) = self.known.get_mut(&ask.id) {
                    known.granted = Some(limits);
                }
                self.seen.granted += 1;
            }
            Some(SlotAnswer::Waits { .. }) => self.seen.waited += 1,
            Some(SlotAnswer::Refused(_)) => {
                self.known.remove(&ask.id);
                self.seen.refused += 1;
            }
            None => return Err(Error::msg("an ask without an answer")),
        }
        Ok(())
    }

    async fn give_back(&mut self) -> Result<String> {
        let all: Vec<SlotId> = self.known.keys().copied().collect();
        let Some(id) = self.random.pick(&all).copied() else { return Ok("nothing".into()) };
        let Some(known) = self.known.get_mut(&id) else { return Ok("nothing".into()) };
        (known.leaving, known.granted) = (true, None);
        let back = SlotsBack { id, limits: known.ask.limits.clone() };
        // Whoever is told of a failure does it again later.
        if self.rules.give_slots_back(vec![back]).await.is_ok() {
            self.known.remove(&id);
        }
        Ok(format!("{id:?} is given back"))
    }

    async fn advance(&mut self) -> Result<String> {
        let millis = self.random.below(400);
        self.clock.advance(Duration::from_millis(millis));
        Ok(format!("{millis} ms pass"))
    }

    async fn change_limit(&mut self) -> Result<String> {
        let name = NAMES[self.random.below(NAMES.len() as u64) as usize];
        let what = match self.random.below(6) {
            0 => {
                // A failure leaves it as it is, or deleted; then it is made again.
                let gone = self.rules.delete_limit(name).await;
                for known in self.known.values_mut() {
                    known.granted.iter_mut().for_each(|granted| granted.retain(|limit| limit != name));
                }
                self.store.heal();
                let decay = if name == "rate" { 4.0 } else { 0.0 };
                let new = NewLimit { slot_decay_per_second: decay, ..NewLimit::new(name, 2) };
                let made = self.rules.create_limit(new).await?;
                format!("{name} is deleted ({}) and made ({})", gone.is_ok(), made.is_ok())
            }
            _ => {
                let (limit, active) = (self.random.below(4) as u32, self.random.below(8) > 0);
                let update = LimitUpdate { limit: Some(limit), active: Some(active), ..LimitUpdate::default() };
                let done = self.rules.update_limit(name, update).await;
                format!("{name} becomes {limit}, active {active} ({})", done.is_ok())
            }
        };
        Ok(what)
    }

    async fn kill(&mut self) -> Result<String> {
        let number = self.random.below(PROCESSES);
        self.processes[number as usize].1 = false;
        self.known.retain(|_, known| known.process != number);
        self.seen.killed += 1;
        Ok(format!("process {number} dies"))
    }

    /// Somebody who waits finds the dead, or a sweep does; and a dead process is started again.
    async fn clear(&mut self) -> Result<String> {
        let truth = Truth(self.processes.iter().filter(|(_, lives)| *lives).map(|(id, _)| *id).collect());
        let by_sweep = self.random.below(2) == 0;
        let done = if by_sweep {
            self.rules.crash_abandoned_runs(&truth).await.map(drop)
        } else {
            let all: Vec<ProcessId> = self.processes.iter().map(|(id, _)| *id).collect();
            self.rules.free_slots_of_dead(&all, &truth).await.map(drop)
        };
        if done.is_err() {
            return Ok("the dead are looked for in vain".into());
        }
        let stands = self.stands().await?;
        let left = |process: &Option<ProcessId>| process.is_some_and(|process| !truth.0.contains(&process));
        if stands.leases.iter().any(|lease| left(&lease.process_id))
            || stands.requests.iter().any(|request| left(&request.process_id))
        {
            return Err(Error::msg(format!("the dead have something: {stands:?}")));
        }
        for number in 0..self.processes.len() {
            if !self.processes[number].1 {
                self.processes[number] = (self.begin_process().await?, true);
            }
        }
        Ok(format!("the dead are cleared away, by a sweep: {by_sweep}"))
    }

    async fn stands(&self) -> Result<Occupancy> {
        let names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
        Ok(self.inner.occupancy(&names).await?)
    }

    /// Compares what is kept with what is known.
    async fn check(&mut self) -> Result<()> {
        let stands = self.stands().await?;
        let now = self.clock.now();
        self.check_holders(&stands)?;
        for limit in &stands.limits {
            let taken = slots_taken(&stands, limit, now);
            let held: u64 = stands
                .leases
                .iter()
                .filter(|lease| lease.limit == limit.name)
                .map(|lease| u64::from(lease.slots))
                .sum();
            if !limit.decays() && taken != held {
                return Err(Error::msg(format!("{held} slots of {} are held, and {taken} count", limit.name)));
            }
            // A limit may be lowered below what is held already; more is never given out.
            let before = self.taken.insert(limit.name.clone(), taken).unwrap_or_default();
            if taken > before && taken > u64::from(limit.limit) {
                return Err(Error::msg(format!("{taken} slots of {} are given out, of {}", limit.name, limit.limit)));
            }
        }
        self.check_front(&stands, now)
    }

    /// What is taken is what is held: each lease has a holder who has it or is about to know, and each holder its leases.
    fn check_holders(&self, stands: &Occupancy) -> Result<()> {
        let dead: BTreeSet<ProcessId> = self.processes.iter().filter(|(_, lives)| !lives).map(|(id, _)| *id).collect();
        for lease in stands.leases.iter().filter(|lease| lease.process_id.is_some()) {
            let known = self.known.get(&lease.id);
            if known.is_none() && !lease.process_id.is_some_and(|process| dead.contains(&process)) {
                return Err(Error::msg(format!("nobody knows of {lease:?}")));
            }
        }
        if let Some(request) = stands.requests.iter().find(|request| {
            !self.known.contains_key(&request.id) && !request.process_id.is_some_and(|process| dead.contains(&process))
        }) {
            return Err(Error::msg(format!("nobody knows of {request:?}")));
        }
        for known in self.known.values() {
            let leases: Vec<&SlotLease> = stands.leases.iter().filter(|lease| lease.id == known.ask.id).collect();
            for name in known.granted.iter().flatten().filter(|name| *name != "rate") {
                let there = leases.iter().any(|lease| lease.limit == *name && lease.slots == known.ask.slots);
                if !there {
                    return Err(Error::msg(format!("{:?} was granted {name} and has it no more", known.ask.id)));
                }
            }
            if known.granted.is_some() && stands.requests.iter().any(|request| request.id == known.ask.id) {
                return Err(Error::msg(format!("{:?} was granted and waits", known.ask.id)));
            }
        }
        Ok(())
    }

    /// Whoever is granted something finds room for it; and the first of all who wait goes on when there is.
    fn check_front(&self, stands: &Occupancy, now: Timestamp) -> Result<()> {
        let Some(first) = stands.requests.first() else { return Ok(()) };
        let Some(known) = self.known.get(&first.id) else { return Ok(()) };
        let room = known
            .ask
            .limits
            .iter()
            .filter_map(|name| stands.limit(name))
            .filter(|limit| limit.active)
            .all(|limit| slots_taken(stands, limit, now) + u64::from(known.ask.slots) <= u64::from(limit.limit));
        match (room, judge_slots(stands, &known.ask, now)) {
            (true, SlotAnswer::Waits { .. }) => Err(Error::msg(format!("{:?} waits although there is room", first.id))),
            (false, SlotAnswer::Granted { .. }) if !stands.leases.iter().any(|lease| lease.id == first.id) => {
                Err(Error::msg(format!("{:?} goes on although there is no room", first.id)))
            }
            _ => Ok(()),
        }
    }
}
