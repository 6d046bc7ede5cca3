//! Processes that execute runs, and how their death is noticed.

use serde::{Deserialize, Serialize};

use super::{ProcessId, Timestamp};

/// A process's claim that it is alive. It holds for all runs that the process executes.
///
/// On the host that wrote it the claim is proved by a locked file, which the operating system unlocks when the
/// process dies, however it dies. From elsewhere it is believed until it expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessLease {
    /// Names this life of the process.
    pub id: ProcessId,
    /// The operating system's number of the process.
    pub pid: u32,
    /// The host it runs on.
    pub host: String,
    /// The file that it keeps locked while it lives, as a path on that host; empty when it has none.
    pub lock_file: String,
    /// When it started.
    pub started: Timestamp,
    /// Until when the claim holds unless renewed.
    pub expires: Timestamp,
}
