//! Looking at processes while sweeping: who was seen alive.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use flowcore::connect;
use flowcore::model::{FlowRun, ProcessId, ProcessLease, Timestamp};
use flowcore::orchestration::{Liveness, Probe, is_abandoned};

use crate::failure::Failure;
use crate::session::Session;

/// Looks at processes as another probe does, and remembers what it saw: leases can only be met by looking at them.
struct Witness<'a> {
    probe: &'a dyn Probe,
    seen: Mutex<Vec<(ProcessLease, Liveness)>>,
}

impl Probe for Witness<'_> {
    fn look(&self, lease: &ProcessLease) -> Liveness {
        let liveness = self.probe.look(lease);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push((lease.clone(), liveness));
        liveness
    }

    fn bury(&self, lease: &ProcessLease) {
        self.probe.bury(lease);
    }
}

/// What a sweep came to.
pub(super) struct Swept {
    /// The runs that were marked as Crashed, or as Cancelled when that had been asked for.
    pub(super) crashed: Vec<FlowRun>,
    alive: Vec<ProcessLease>,
}

impl Swept {
    /// Finds a process among those that live.
    pub(super) fn alive(&self, process: Option<ProcessId>) -> Option<&ProcessLease> {
        self.alive.iter().find(|lease| Some(lease.id) == process)
    }
}

/// Marks runs whose process has died, and tells who lives.
pub(super) async fn sweep(session: &Session<'_>) -> Result<Swept, Failure> {
    let probe = connect::probe();
    let witness = Witness { probe: &probe, seen: Mutex::default() };
    let crashed = session.client.crash_abandoned_runs(&witness).await?;
    let seen = witness.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Swept { crashed, alive: alive(seen, session.out.now()) })
}

/// Picks out the processes that live. One that was once seen dead is dead, whatever a second look showed: the lock of a
/// dead process is removed once its runs are marked.
fn alive(seen: Vec<(ProcessLease, Liveness)>, now: Timestamp) -> Vec<ProcessLease> {
    let abandoned = |(lease, liveness): &(ProcessLease, Liveness)| is_abandoned(Some((lease, *liveness)), now);
    let dead: BTreeSet<ProcessId> = seen.iter().filter(|look| abandoned(look)).map(|(lease, _)| lease.id).collect();
    seen.into_iter().map(|(lease, _)| lease).filter(|lease| !dead.contains(&lease.id)).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn who_was_seen_dead_is_not_alive() {
        let now = Timestamp::UNIX_EPOCH;
        let look = |process, expires, liveness| {
            let lease = ProcessLease {
                id: ProcessId(Uuid::from_u128(process)),
                pid: 1,
                host: String::new(),
                lock_file: String::new(),
                started: now,
                expires: now + chrono::TimeDelta::seconds(expires),
            };
            (lease, liveness)
        };
        let seen = vec![
            look(1, 9, Liveness::Dead),
            look(1, 9, Liveness::Unknown),
            look(2, -9, Liveness::Alive),
            look(3, -9, Liveness::Unknown),
            look(4, 9, Liveness::Unknown),
        ];
        let alive: Vec<u128> = alive(seen, now).into_iter().map(|lease| lease.id.0.as_u128()).collect();
        assert_eq!(alive, [2, 4]);
    }
}
