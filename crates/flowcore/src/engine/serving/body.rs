//! What the server says of the runs of deployments, as far as whoever executes them needs it.

use serde::Deserialize;
use uuid::Uuid;

use crate::clock::Clock;
use crate::model::{FlowRunId, Timestamp};

/// A run that waits to be executed.
#[derive(Deserialize)]
pub(super) struct Waiting {
    pub(super) id: Uuid,
    pub(super) next_scheduled_start_time: Option<Timestamp>,
}

impl Waiting {
    /// Tells when it is due: now, if nothing else is said.
    pub(super) fn when(&self, clock: &dyn Clock) -> (FlowRunId, Timestamp) {
        (FlowRunId(self.id), self.next_scheduled_start_time.unwrap_or_else(|| clock.now()))
    }
}
