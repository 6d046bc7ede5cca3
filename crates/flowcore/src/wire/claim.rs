//! What a client says with a proposal that takes a run.

use std::time::Duration;

/// The header in which whoever takes a run says for how many seconds nothing need be heard of it then. Servers of Prefect's do not look
/// at it.
pub const CLAIM_HEADER: &str = "flowcore-claim-seconds";

/// For how long nothing need be heard of a run that a client of flowcore has taken: what it executes the run with speaks up much sooner.
pub const CLAIM: Duration = Duration::from_secs(60);
