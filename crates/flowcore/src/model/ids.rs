//! Identifiers: one type for each kind of thing, so that a flow run's id is never taken for a task run's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map($name)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                $name(id)
            }
        }
    )+};
}

ids! {
    /// Names a flow: one per flow name in a database.
    FlowId
    /// Names one run of a flow. It stays the same when the run is retried.
    FlowRunId
    /// Names one run of a task. It stays the same when the task is retried.
    TaskRunId
    /// Names one state in the history of a run; also the id of the event that tells of it.
    StateId
    /// Names one artifact.
    ArtifactId
    /// Names one value that was sent to a flow run.
    InputId
    /// Names one stored log line.
    LogId
    /// Names one life of a process that runs flows.
    ProcessId
    /// Names a concurrency limit.
    LimitId
    /// Names a request for slots of concurrency limits, and what was granted to it.
    SlotId
    /// Names one variable. It stays the same when the variable gets another value.
    VariableId
}
