//! States: where a run stands, since when, and why.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{SlotId, StateData, StateDetails, StateId, Text, Timestamp};

/// The nine types of state. The type is what rules look at; the name is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum StateType {
    /// Will start at a time that is given in the details.
    Scheduled,
    /// Is about to start, or waits for something before it does.
    Pending,
    /// User code is running.
    Running,
    /// Ended well.
    Completed,
    /// User code ended with an error, a panic or a timeout.
    Failed,
    /// Was ended by request.
    Cancelled,
    /// The infrastructure failed: the process died, the run was dropped.
    Crashed,
    /// Waits for a resume.
    Paused,
    /// Was asked to end, and has not ended yet.
    Cancelling,
}

impl StateType {
    /// All types, in the order in which Prefect lists them.
    pub const ALL: [StateType; 9] = [
        StateType::Scheduled,
        StateType::Pending,
        StateType::Running,
        StateType::Completed,
        StateType::Failed,
        StateType::Cancelled,
        StateType::Crashed,
        StateType::Paused,
        StateType::Cancelling,
    ];

    /// Returns the type as it is written on the wire: `COMPLETED`.
    pub fn as_str(self) -> &'static str {
        match self {
            StateType::Scheduled => "SCHEDULED",
            StateType::Pending => "PENDING",
            StateType::Running => "RUNNING",
            StateType::Completed => "COMPLETED",
            StateType::Failed => "FAILED",
            StateType::Cancelled => "CANCELLED",
            StateType::Crashed => "CRASHED",
            StateType::Paused => "PAUSED",
            StateType::Cancelling => "CANCELLING",
        }
    }

    /// Returns the name that a state of this type has when nothing more precise is said: `Completed`.
    pub fn default_name(self) -> &'static str {
        match self {
            StateType::Scheduled => "Scheduled",
            StateType::Pending => "Pending",
            StateType::Running => "Running",
            StateType::Completed => "Completed",
            StateType::Failed => "Failed",
            StateType::Cancelled => "Cancelled",
            StateType::Crashed => "Crashed",
            StateType::Paused => "Paused",
            StateType::Cancelling => "Cancelling",
        }
    }

    /// Tells whether a run in this state has ended.
    pub fn is_terminal(self) -> bool {
        matches!(self, StateType::Completed | StateType::Failed | StateType::Cancelled | StateType::Crashed)
    }
}

impl fmt::Display for StateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StateType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        StateType::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
            let all: Vec<_> = StateType::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("`{text}` is not a state type; use one of {}", all.join(", "))
        })
    }
}

/// The names that flowcore itself gives to states, beside the nine default ones.
pub struct StateName;

impl StateName {
    /// SCHEDULED: its time has passed and nothing has started it.
    pub const LATE: &'static str = "Late";
    /// SCHEDULED: failed, and will be tried again at the scheduled time.
    pub const AWAITING_RETRY: &'static str = "AwaitingRetry";
    /// RUNNING: runs again after an attempt that did not complete.
    pub const RETRYING: &'static str = "Retrying";
    /// SCHEDULED: waits for a slot of a concurrency limit.
    pub const AWAITING_CONCURRENCY_SLOT: &'static str = "AwaitingConcurrencySlot";
    /// PAUSED: its process has gone; a resume starts it anew behind what is done.
    pub const SUSPENDED: &'static str = "Suspended";
    /// SCHEDULED: continues after a pause.
    pub const RESUMING: &'static str = "Resuming";
    /// COMPLETED: the result came from the cache, the task did not run.
    pub const CACHED: &'static str = "Cached";
    /// FAILED: took longer than its timeout.
    pub const TIMED_OUT: &'static str = "TimedOut";
    /// COMPLETED: was undone with its transaction.
    pub const ROLLED_BACK: &'static str = "RolledBack";
    /// PENDING: will never run, since something it depends on did not complete.
    pub const NOT_READY: &'static str = "NotReady";
}

/// Where a run stands: type, name, message, time, details, data.
///
/// A run's states form its history. A state is never changed once recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Names this state; the event that tells of it has the same id.
    pub id: StateId,
    /// What rules look at.
    #[serde(rename = "type")]
    pub kind: StateType,
    /// What people read: a default name of the type or one of [`StateName`].
    pub name: Text,
    /// When the run entered the state.
    pub timestamp: Timestamp,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What rules need beyond the type.
    #[serde(default, rename = "state_details", skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<StateDetails>>,
    /// The result, or where it is; the failure, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<StateData>>,
}

impl State {
    /// Makes a state of this type with its default name.
    pub fn new(kind: StateType, id: StateId, timestamp: Timestamp) -> Self {
        State {
            id,
            kind,
            name: Text::Borrowed(kind.default_name()),
            timestamp,
            message: None,
            details: None,
            data: None,
        }
    }

    /// Sets the name.
    #[must_use]
    pub fn named(mut self, name: impl Into<Text>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the message.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Sets the data.
    #[must_use]
    pub fn data(mut self, data: StateData) -> Self {
        self.data = Some(Box::new(data));
        self
    }

    /// Sets the time at which a SCHEDULED run is to start.
    #[must_use]
    pub fn scheduled_for(mut self, time: Timestamp) -> Self {
        self.details_mut().scheduled_time = Some(time);
        self
    }

    /// Gives the details to write to, making them if there are none.
    pub fn details_mut(&mut self) -> &mut StateDetails {
        self.details.get_or_insert_with(Box::default)
    }

    /// Tells the lease of the slot that a run of a deployment with a limit has been given, whether or not it still holds.
    pub fn slot_lease(&self) -> Option<SlotId> {
        self.details.as_ref().and_then(|details| details.deployment_concurrency_lease_id).map(SlotId)
    }

    /// Says of which lease the slot is that the run has of its deployment's limit.
    pub fn set_slot_lease(&mut self, lease: Option<SlotId>) {
        if lease.is_some() || self.slot_lease().is_some() {
            self.details_mut().deployment_concurrency_lease_id = lease.map(|lease| lease.0);
        }
    }

    /// Keeps the lease that the state before names, unless this one names another: it is the run's, through all its states.
    pub fn keep_slot_lease(&mut self, before: &State) {
        let lease = self.slot_lease().or(before.slot_lease());
        self.set_slot_lease(lease);
    }

    /// Tells the time at which a SCHEDULED run is to start.
    pub fn scheduled_time(&self) -> Option<Timestamp> {
        self.details.as_ref().and_then(|details| details.scheduled_time)
    }

    /// Tells whether the run is paused without a process: a resume starts it anew behind what is done.
    pub fn is_suspended(&self) -> bool {
        self.kind == StateType::Paused && self.details.as_ref().is_some_and(|details| details.pause_reschedule)
    }

    /// Tells whether the run has ended.
    pub fn is_terminal(&self) -> bool {
        self.kind.is_terminal()
    }

    /// Tells whether the run ended well.
    pub fn is_completed(&self) -> bool {
        self.kind == StateType::Completed
    }

    /// Tells whether the run ended well and was undone afterwards, with its transaction.
    pub fn is_rolled_back(&self) -> bool {
        self.is_completed() && self.name == StateName::ROLLED_BACK
    }

    /// Tells whether the transaction has committed in which the run ended well.
    pub fn is_transaction_committed(&self) -> bool {
        self.is_completed() && self.details.as_ref().is_some_and(|details| details.transaction_committed == Some(true))
    }
}

/// How many runs are in the states of one type and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateCount {
    /// The states' type.
    #[serde(rename = "type")]
    pub kind: StateType,
    /// The states' name.
    pub name: String,
    /// How many runs.
    pub count: u64,
}
