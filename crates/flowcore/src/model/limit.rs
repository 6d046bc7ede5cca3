//! Concurrency limits: how much may be done at once, who does it, and who waits.

use serde::{Deserialize, Serialize};

use super::{FlowRunId, LimitId, ProcessId, SlotId, TaskRunId, Timestamp};

/// A limit: so many slots under a name.
///
/// How many are taken stands nowhere: it is what the limit's [`SlotLease`]s come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConcurrencyLimit {
    /// Names the limit for good.
    pub id: LimitId,
    /// What programs ask for; there is one limit of a name. `tag:NAME` limits the task runs with the tag `NAME`.
    pub name: String,
    /// How many slots there are. Of 0 slots nobody gets one.
    pub limit: u32,
    /// Whether it is in force. One that is not limits nothing.
    pub active: bool,
    /// How many slots become free in a second by themselves; 0 when each is free only once it is given back. With more
    /// than 0 it limits a rate: what was taken becomes free with the time, and not by being given back.
    pub slot_decay_per_second: f64,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
}

/// What the names of locks begin with. Limits that people make cannot be named so.
pub const LOCK: &str = "lock/";

impl ConcurrencyLimit {
    /// Tells whether it is a lock on a key: a limit of one slot that is there while somebody has it or waits for it.
    pub fn is_lock(&self) -> bool {
        self.name.starts_with(LOCK)
    }

    /// Tells whether slots become free with the time.
    pub fn decays(&self) -> bool {
        self.slot_decay_per_second > 0.0
    }
}

/// Slots of one limit that are taken.
///
/// It ends by being given back, with its process, or when it expires: it has a process or an expiry, and not both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotLease {
    /// The request that it was granted to; one of several limits has a lease of each.
    pub id: SlotId,
    /// The limit's name.
    pub limit: String,
    /// How many slots.
    pub slots: u32,
    /// Who has them.
    pub holder: SlotHolder,
    /// The process that it ends with.
    pub process_id: Option<ProcessId>,
    /// Since when.
    pub acquired: Timestamp,
    /// When it ends: of a limit that decays, or of a holder that is no process.
    pub expires: Option<Timestamp>,
}

/// A place in the queue of one limit. Places are in the order of `due`, then of `id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotRequest {
    /// Names the request; one for several limits has a place in the queue of each.
    pub id: SlotId,
    /// The limit's name.
    pub limit: String,
    /// How many slots.
    pub slots: u32,
    /// Who is to have them.
    pub holder: SlotHolder,
    /// The process that waits, and with which the request ends.
    pub process_id: Option<ProcessId>,
    /// Since when they are wanted.
    pub due: Timestamp,
    /// When it ends, if it is not of a process.
    pub expires: Option<Timestamp>,
}

impl SlotRequest {
    /// Gives what queues are ordered by.
    pub fn place(&self) -> (Timestamp, SlotId) {
        (self.due, self.id)
    }
}

/// Who has slots or waits for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotHolder {
    /// The flow run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_run_id: Option<FlowRunId>,
    /// The task run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_run_id: Option<TaskRunId>,
    /// What people know it by: the names of the runs, or the program.
    pub name: String,
}

/// A wish for slots: all of them or none.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotAsk {
    /// Names the request. Asking again under the same id is the same request.
    pub id: SlotId,
    /// The limits. One that does not exist, or is not active, limits nothing.
    pub limits: Vec<String>,
    /// How many slots of each.
    pub slots: u32,
    /// Who wants them.
    pub holder: SlotHolder,
    /// The process that the request and its slots end with; without one they end at `expires`.
    pub process_id: Option<ProcessId>,
    /// Since when they are wanted: the place in the queue.
    pub due: Timestamp,
    /// When the request and its slots end, if they are not of a process.
    pub expires: Option<Timestamp>,
    /// Whether each limit has to exist.
    pub strict: bool,
    /// Whether each limit has to be one of a rate.
    pub rate: bool,
}

/// What an ask came to.
#[derive(Clone, Debug, PartialEq)]
pub enum SlotAnswer {
    /// The slots are taken.
    Granted {
        /// The limits that they are taken of: those that are there and active.
        limits: Vec<String>,
    },
    /// It waits.
    Waits {
        /// When the time alone frees what it needs, if it does.
        until: Option<Timestamp>,
    },
    /// It can never be.
    Refused(SlotRefusal),
}

/// Why an ask is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotRefusal {
    /// The limit has fewer slots in all.
    #[error(
        "{slots} slots of the concurrency limit `{name}` are wanted, and it has {limit} in all, which would mean to wait for ever: ask for fewer, or raise it with `flowcore concurrency update {name} --limit {slots}`"
    )]
    TooMany {
        /// The limit's name.
        name: String,
        /// How many are wanted.
        slots: u32,
        /// How many there are.
        limit: u32,
    },
    /// There is no such limit, and it has to exist.
    #[error(
        "there is no concurrency limit `{name}`: make it with `flowcore concurrency create {name} --limit N`, or do without `strict`"
    )]
    Missing {
        /// The limit's name.
        name: String,
    },
    /// It is no limit of a rate.
    #[error(
        "the concurrency limit `{name}` limits no rate, since its slots do not decay: set that with `flowcore concurrency update {name} --slot-decay-per-second N`"
    )]
    NoRate {
        /// The limit's name.
        name: String,
    },
}

/// How some limits stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Occupancy {
    /// The limits, by name.
    pub limits: Vec<ConcurrencyLimit>,
    /// What is taken of them, in the order of taking. What has expired may be among it.
    pub leases: Vec<SlotLease>,
    /// Who waits for them, first come first.
    pub requests: Vec<SlotRequest>,
}

impl Occupancy {
    /// Finds a limit.
    pub fn limit(&self, name: &str) -> Option<&ConcurrencyLimit> {
        self.limits.iter().find(|limit| limit.name == name)
    }

    /// Puts everything into its order.
    pub fn sort(&mut self) {
        self.limits.sort_by(|a, b| a.name.cmp(&b.name));
        self.leases.sort_by(|a, b| (a.acquired, a.id, &a.limit).cmp(&(b.acquired, b.id, &b.limit)));
        self.requests.sort_by(|a, b| (a.place(), &a.limit).cmp(&(b.place(), &b.limit)));
    }
}
