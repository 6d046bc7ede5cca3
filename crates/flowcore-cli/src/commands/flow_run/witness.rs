//! Looking at processes while sweeping: who was seen alive.

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
    sweep_with(session, &connect::probe()).await
}

async fn sweep_with(session: &Session<'_>, probe: &dyn Probe) -> Result<Swept, Failure> {
    let witness = Witness { probe, seen: Mutex::default() };
    let crashed = session.client.crash_abandoned_runs(&witness).await?;
    let seen = witness.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Swept { crashed, alive: alive(seen, session.out.now()) })
}

fn alive(seen: Vec<(ProcessLease, Liveness)>, now: Timestamp) -> Vec<ProcessLease> {
    let lives = |(lease, liveness): &(ProcessLease, Liveness)| !is_abandoned(Some((lease, *liveness)), now);
    seen.into_iter().filter(lives).map(|(lease, _)| lease).collect()
}
