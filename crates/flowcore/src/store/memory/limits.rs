//! Concurrency limits: their rows, and the store's face to them.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::model::{ConcurrencyLimit, Occupancy, ProcessId, SlotLease, SlotRequest};
use crate::store::limits::{SlotChanges, SlotKey};
use crate::store::{LimitStore, SlotDecision, StoreError};

use super::MemoryStore;

/// Limits, what is taken of them, and who waits.
#[derive(Default)]
pub(super) struct LimitTables {
    limits: BTreeMap<String, ConcurrencyLimit>,
    leases: BTreeMap<SlotKey, SlotLease>,
    requests: BTreeMap<SlotKey, SlotRequest>,
}

impl LimitTables {
    fn select(&self, names: &[String]) -> Occupancy {
        let mut occupancy = Occupancy {
            limits: self.limits.values().filter(|limit| names.contains(&limit.name)).cloned().collect(),
            leases: self.leases.values().filter(|lease| names.contains(&lease.limit)).cloned().collect(),
            requests: self.requests.values().filter(|request| names.contains(&request.limit)).cloned().collect(),
        };
        occupancy.sort();
        occupancy
    }

    fn decide(&mut self, names: &[String], decision: &SlotDecision) {
        let before = self.select(names);
        let mut after = before.clone();
        decision.make(&mut after);
        let changes = SlotChanges::between(&before, &after);
        for name in &changes.gone_limits {
            self.limits.remove(name);
        }
        for key in &changes.gone_leases {
            self.leases.remove(key);
        }
        for key in &changes.gone_requests {
            self.requests.remove(key);
        }
        self.limits.extend(changes.limits.into_iter().map(|limit| (limit.name.clone(), limit)));
        self.leases.extend(changes.leases.into_iter().map(|lease| ((lease.id, lease.limit.clone()), lease)));
        let requests = changes.requests.into_iter();
        self.requests.extend(requests.map(|request| ((request.id, request.limit.clone()), request)));
    }

    fn remove_slots_of(&mut self, processes: &[ProcessId]) -> u64 {
        let before = self.leases.len() + self.requests.len();
        let stays = |process: Option<ProcessId>| process.is_none_or(|process| !processes.contains(&process));
        self.leases.retain(|_, lease| stays(lease.process_id));
        self.requests.retain(|_, request| stays(request.process_id));
        let (leases, requests) = (&self.leases, &self.requests);
        self.limits.retain(|name, limit| {
            !limit.is_lock() || leases.keys().chain(requests.keys()).any(|(_, limit)| limit == name)
        });
        (before - self.leases.len() - self.requests.len()) as u64
    }
}

#[async_trait]
impl LimitStore for MemoryStore {
    async fn limits(&self) -> Result<Vec<ConcurrencyLimit>, StoreError> {
        self.with(|tables| tables.limits.limits.values().filter(|limit| !limit.is_lock()).cloned().collect())
    }

    async fn occupancy(&self, names: &[String]) -> Result<Occupancy, StoreError> {
        self.with(|tables| tables.limits.select(names))
    }

    async fn decide_slots(&self, names: Vec<String>, decision: SlotDecision) -> Result<(), StoreError> {
        self.with(|tables| tables.limits.decide(&names, &decision))
    }

    async fn remove_slots_of(&self, processes: &[ProcessId]) -> Result<u64, StoreError> {
        self.with(|tables| tables.limits.remove_slots_of(processes))
    }
}
