//! Concurrency limits over a store: making and changing them, and decisions about their slots.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::Orchestrator;
use super::abandoned::{Probe, is_abandoned};
use super::slots::{ask_for_slots, give_slots_back};
use crate::model::{ConcurrencyLimit, LimitId, Occupancy, ProcessId, SlotAnswer, SlotAsk, SlotId};
use crate::store::{SlotDecision, StoreError};

/// A limit to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewLimit {
    /// Its name: not empty, and without `/`, `%`, `&`, `<` and `>`.
    pub name: String,
    /// How many slots there are.
    pub limit: u32,
    /// How many become free in a second by themselves; 0 for none.
    pub slot_decay_per_second: f64,
    /// Whether it is in force.
    pub active: bool,
}

impl NewLimit {
    /// Makes one that is in force and does not decay.
    pub fn new(name: impl Into<String>, limit: u32) -> Self {
        NewLimit { name: name.into(), limit, slot_decay_per_second: 0.0, active: true }
    }

    /// Tells whether such a limit can be made.
    ///
    /// # Errors
    /// It cannot: for its name, or for its decay.
    pub fn check(&self) -> Result<(), LimitError> {
        check_name(&self.name)?;
        check_decay(self.slot_decay_per_second)
    }
}

/// What is to change of a limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LimitUpdate {
    /// What it is called. Who has slots of it or waits for them has or wants those of the new name.
    pub name: Option<String>,
    /// How many slots there are.
    pub limit: Option<u32>,
    /// How many become free in a second by themselves; 0 for none.
    pub slot_decay_per_second: Option<f64>,
    /// Whether it is in force.
    pub active: Option<bool>,
}

impl LimitUpdate {
    /// Tells whether a limit can be changed so.
    ///
    /// # Errors
    /// It cannot: for the new name, or for the decay.
    pub fn check(&self) -> Result<(), LimitError> {
        self.slot_decay_per_second.map_or(Ok(()), check_decay)?;
        self.name.as_deref().map_or(Ok(()), check_name)
    }
}

/// Why a limit cannot be made or changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LimitError {
    /// The name cannot be used.
    #[error("`{0}` cannot name a concurrency limit: use a name that is not empty and has none of / % & < > in it")]
    Name(String),
    /// There is one already.
    #[error("there is a concurrency limit `{0}` already: change it with `flowcore concurrency update {0}`")]
    Exists(String),
    /// There is none.
    #[error("there is no concurrency limit `{0}`: `flowcore concurrency ls` lists those that there are")]
    Missing(String),
    /// The decay cannot be.
    #[error("{0} slots cannot become free in a second: use a number from 0 up")]
    Decay(f64),
}

/// Which slots are to be given back: of which request, for which limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotsBack {
    /// The request.
    pub id: SlotId,
    /// The limits that it was for.
    pub limits: Vec<String>,
}

impl Orchestrator {
    /// Makes a limit.
    pub async fn create_limit(&self, new: NewLimit) -> Result<Result<ConcurrencyLimit, LimitError>, StoreError> {
        if let Err(error) = new.check() {
            return Ok(Err(error));
        }
        let now = self.clock().now();
        let limit = ConcurrencyLimit {
            id: LimitId(self.clock().uuid()),
            name: new.name,
            limit: new.limit,
            active: new.active,
            slot_decay_per_second: new.slot_decay_per_second,
            created: now,
            updated: now,
        };
        self.decide_slots(vec![limit.name.clone()], move |occupancy| {
            if occupancy.limit(&limit.name).is_some() {
                return Err(LimitError::Exists(limit.name.clone()));
            }
            occupancy.limits.push(limit.clone());
            Ok(limit.clone())
        })
        .await
    }

    /// Changes a limit. What is taken of it stays taken.
    pub async fn update_limit(
        &self,
        name: &str,
        update: LimitUpdate,
    ) -> Result<Result<ConcurrencyLimit, LimitError>, StoreError> {
        if let Err(error) = update.check() {
            return Ok(Err(error));
        }
        let (name, now) = (name.to_owned(), self.clock().now());
        let names = [Some(name.clone()), update.name.clone()].into_iter().flatten().collect();
        self.decide_slots(names, move |occupancy| {
            let renamed = update.name.as_ref().filter(|new| **new != name);
            if let Some(new) = renamed {
                rename(occupancy, &name, new)?;
            }
            let name = renamed.unwrap_or(&name);
            let limit = occupancy.limits.iter_mut().find(|limit| limit.name == *name);
            let limit = limit.ok_or_else(|| LimitError::Missing(name.clone()))?;
            limit.limit = update.limit.unwrap_or(limit.limit);
            limit.slot_decay_per_second = update.slot_decay_per_second.unwrap_or(limit.slot_decay_per_second);
            limit.active = update.active.unwrap_or(limit.active);
            limit.updated = now;
            Ok(limit.clone())
        })
        .await
    }

    /// Deletes a limit, and tells how it stood. Who has slots of it goes on, and who waits for it gets on.
    pub async fn delete_limit(&self, name: &str) -> Result<Result<Occupancy, LimitError>, StoreError> {
        let name = name.to_owned();
        self.decide_slots(vec![name.clone()], move |occupancy| {
            if occupancy.limit(&name).is_none() {
                return Err(LimitError::Missing(name.clone()));
            }
            let mut gone = Occupancy::default();
            gone.limits.extend(occupancy.limits.extract_if(.., |limit| limit.name == name));
            gone.leases.extend(occupancy.leases.extract_if(.., |lease| lease.limit == name));
            gone.requests.extend(occupancy.requests.extract_if(.., |request| request.limit == name));
            Ok(gone)
        })
        .await
    }

    /// Asks for slots: each ask is granted, waits in the queues, or is refused, in the order in which they are given here.
    pub async fn ask_for_slots(&self, asks: Vec<SlotAsk>) -> Result<Vec<SlotAnswer>, StoreError> {
        let names: BTreeSet<String> = asks.iter().flat_map(|ask| ask.limits.iter().cloned()).collect();
        let clock = self.clock().clone();
        self.decide_slots(names.into_iter().collect(), move |occupancy| {
            let now = clock.now();
            asks.iter().map(|ask| ask_for_slots(occupancy, ask, now)).collect()
        })
        .await
    }

    /// Takes requests out of the queues, and gives back what they were granted.
    pub async fn give_slots_back(&self, back: Vec<SlotsBack>) -> Result<(), StoreError> {
        let names: BTreeSet<String> = back.iter().flat_map(|back| back.limits.iter().cloned()).collect();
        let clock = self.clock().clone();
        self.decide_slots(names.into_iter().collect(), move |occupancy| {
            let now = clock.now();
            back.iter().for_each(|back| give_slots_back(occupancy, back.id, now));
        })
        .await
    }

    /// Takes slots and places in queues away from those of these processes that have died, and tells how many that were.
    /// Their runs are left to [`Orchestrator::crash_abandoned_runs`], which also tells of them.
    pub async fn free_slots_of_dead(&self, processes: &[ProcessId], probe: &dyn Probe) -> Result<u64, StoreError> {
        let leases = self.store().processes().await?;
        let now = self.clock().now();
        let is_dead = |process: &&ProcessId| {
            let lease = leases.iter().find(|lease| lease.id == **process);
            is_abandoned(lease.map(|lease| (lease, probe.look(lease))), now)
        };
        let dead: Vec<ProcessId> = processes.iter().filter(is_dead).copied().collect();
        self.store().remove_slots_of(&dead).await
    }

    /// Makes a decision about the slots of limits of these names, and gives its answer. It sees how they stand, and nothing
    /// comes between that and what is kept of it; it may be made several times, and must have no other effect.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn decide_slots<A: Send + 'static>(
        &self,
        names: Vec<String>,
        decide: impl Fn(&mut Occupancy) -> A + Send + Sync + 'static,
    ) -> Result<A, StoreError> {
        // The decision may be made several times; the last one is the one that is kept.
        let answer = Arc::new(Mutex::new(None));
        let decision = SlotDecision::new({
            let answer = answer.clone();
            move |occupancy| {
                let decided = decide(occupancy);
                *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(decided);
            }
        });
        self.store().decide_slots(names, decision).await?;
        let decided = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        decided.ok_or_else(|| StoreError::Other("the store kept a decision that was not made".to_owned()))
    }
}

/// Refuses names that cannot be part of a path. Those of tags are given by people who did not know of that.
fn check_name(name: &str) -> Result<(), LimitError> {
    let fits = name.starts_with("tag:") || !name.contains(['/', '%', '&', '<', '>']);
    if fits && !name.is_empty() { Ok(()) } else { Err(LimitError::Name(name.to_owned())) }
}

/// Gives a limit another name, with all that is taken and wanted of it.
fn rename(occupancy: &mut Occupancy, name: &str, new: &str) -> Result<(), LimitError> {
    if occupancy.limit(new).is_some() {
        return Err(LimitError::Exists(new.to_owned()));
    }
    let limits = occupancy.limits.iter_mut().map(|limit| &mut limit.name);
    let leases = occupancy.leases.iter_mut().map(|lease| &mut lease.limit);
    let requests = occupancy.requests.iter_mut().map(|request| &mut request.limit);
    limits.chain(leases).chain(requests).filter(|of| of.as_str() == name).for_each(|of| new.clone_into(of));
    Ok(())
}

fn check_decay(decay: f64) -> Result<(), LimitError> {
    if decay.is_finite() && decay >= 0.0 { Ok(()) } else { Err(LimitError::Decay(decay)) }
}
