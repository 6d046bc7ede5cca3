//! What a store keeps of concurrency limits: rows of limits, of slots that are taken, and of requests that wait.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::StoreError;
use crate::model::{ConcurrencyLimit, Occupancy, ProcessId, SlotId, SlotLease, SlotRequest};

/// A decision about slots: changes how limits stand. It may be made several times until it can be kept, each time on what
/// stands then, so that it must have no other effect.
#[derive(Clone)]
pub struct SlotDecision(Arc<dyn Fn(&mut Occupancy) + Send + Sync>);

impl SlotDecision {
    /// Makes a decision of a function.
    pub fn new(decide: impl Fn(&mut Occupancy) + Send + Sync + 'static) -> Self {
        SlotDecision(Arc::new(decide))
    }

    /// Makes the decision.
    pub fn make(&self, occupancy: &mut Occupancy) {
        (self.0)(occupancy);
    }
}

impl fmt::Debug for SlotDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlotDecision")
    }
}

/// Keeps concurrency limits, who has slots of them and who waits.
///
/// There is no counter: what is taken of a limit is what its leases come to.
#[async_trait]
pub trait LimitStore: Send + Sync + 'static {
    /// Lists all limits but locks, by name.
    async fn limits(&self) -> Result<Vec<ConcurrencyLimit>, StoreError>;

    /// Tells how the limits of these names stand, what has expired included.
    async fn occupancy(&self, names: &[String]) -> Result<Occupancy, StoreError>;

    /// Changes limits, leases and requests of these names as a decision says. Nothing of them changes between what the
    /// decision sees and what is kept of it. Rows of other names may be among what it sees; it leaves them alone.
    async fn decide_slots(&self, names: Vec<String>, decision: SlotDecision) -> Result<(), StoreError>;

    /// Takes away the slots that processes have, and their places in queues; tells how many rows there were. Locks that are
    /// left without a holder are gone behind it.
    async fn remove_slots_of(&self, processes: &[ProcessId]) -> Result<u64, StoreError>;
}

/// What names a lease or a request.
pub(super) type SlotKey = (SlotId, String);

/// What a decision came to, as changes of rows.
#[derive(Debug, Default)]
pub(super) struct SlotChanges {
    pub(super) limits: Vec<ConcurrencyLimit>,
    pub(super) gone_limits: Vec<String>,
    pub(super) leases: Vec<SlotLease>,
    pub(super) gone_leases: Vec<SlotKey>,
    pub(super) requests: Vec<SlotRequest>,
    pub(super) gone_requests: Vec<SlotKey>,
}

impl SlotChanges {
    /// Compares how limits stood before and stand after.
    pub(super) fn between(before: &Occupancy, after: &Occupancy) -> Self {
        let (limits, gone_limits) = compare(&before.limits, &after.limits);
        let (leases, gone_leases) = compare(&before.leases, &after.leases);
        let (requests, gone_requests) = compare(&before.requests, &after.requests);
        SlotChanges {
            limits,
            gone_limits: gone_limits.into_iter().map(|limit| limit.name.clone()).collect(),
            leases,
            gone_leases: gone_leases.into_iter().map(|lease| (lease.id, lease.limit.clone())).collect(),
            requests,
            gone_requests: gone_requests.into_iter().map(|request| (request.id, request.limit.clone())).collect(),
        }
    }
}

/// A row that is known by its key.
trait Keyed: Clone + PartialEq {
    fn key(&self) -> (Option<SlotId>, &str);
}

impl Keyed for ConcurrencyLimit {
    fn key(&self) -> (Option<SlotId>, &str) {
        (None, &self.name)
    }
}

impl Keyed for SlotLease {
    fn key(&self) -> (Option<SlotId>, &str) {
        (Some(self.id), &self.limit)
    }
}

impl Keyed for SlotRequest {
    fn key(&self) -> (Option<SlotId>, &str) {
        (Some(self.id), &self.limit)
    }
}

/// Lists the rows that are new or changed, and those that are gone.
fn compare<'b, R: Keyed>(before: &'b [R], after: &[R]) -> (Vec<R>, Vec<&'b R>) {
    let mut gone: BTreeMap<_, _> = before.iter().map(|row| (row.key(), row)).collect();
    let mut written = Vec::new();
    for row in after {
        if gone.remove(&row.key()) != Some(row) {
            written.push(row.clone());
        }
    }
    (written, gone.into_values().collect())
}
