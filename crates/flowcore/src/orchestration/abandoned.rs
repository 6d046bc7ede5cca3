//! When a process counts as dead.

use crate::model::{ProcessLease, Timestamp};

/// What a look at a process's proof of life showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It holds its lock.
    Alive,
    /// Its lock is free: it has died.
    Dead,
    /// It runs elsewhere, or its lock cannot be looked at.
    Unknown,
}

/// Looks at a process's proof of life.
pub trait Probe: Send + Sync {
    /// Tells what the proof shows.
    fn look(&self, lease: &ProcessLease) -> Liveness;

    /// Removes the proof of a process that is dead and whose runs are marked.
    fn bury(&self, _: &ProcessLease) {}
}

/// Tells whether the process behind a run has died. Without a lease it has: a process that lives keeps its lease.
pub fn is_abandoned(lease: Option<(&ProcessLease, Liveness)>, now: Timestamp) -> bool {
    match lease {
        None | Some((_, Liveness::Dead)) => true,
        Some((_, Liveness::Alive)) => false,
        Some((lease, Liveness::Unknown)) => lease.expires < now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProcessId;

    #[test]
    fn a_held_lock_outweighs_an_expired_lease() {
        let at = |seconds| Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
        let lease = ProcessLease {
            id: ProcessId(uuid::Uuid::nil()),
            pid: 1,
            host: String::new(),
            lock_file: String::new(),
            started: at(0),
            expires: at(10),
        };
        let abandoned = |liveness, now| is_abandoned(Some((&lease, liveness)), at(now));
        assert!(!abandoned(Liveness::Alive, 99));
        assert!(abandoned(Liveness::Dead, 1));
        assert!(!abandoned(Liveness::Unknown, 10));
        assert!(abandoned(Liveness::Unknown, 11));
        assert!(is_abandoned(None, at(0)));
    }
}
