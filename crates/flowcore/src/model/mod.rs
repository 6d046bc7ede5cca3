//! The words of orchestration as plain data: flows, runs, states, results' records, logs,
//! artifacts, events and the filters that select them.
//!
//! Nothing here reads a clock, a database or the environment, and nothing here decides: every other
//! module may import this one, and it imports none of them.

mod artifact;
mod event;
mod event_filter;
mod filter;
mod flow;
mod flow_run;
mod ids;
mod input;
mod limit;
mod log;
mod origin;
mod process;
mod result;
mod run;
mod run_event;
mod state;
mod state_details;
mod task_run;
mod variable;

pub use artifact::{Artifact, ArtifactFilter, ArtifactKind, ArtifactOrder, ArtifactSelector, ArtifactUpdate};
pub use event::{Event, RESOURCE_ID, RESOURCE_NAME, RESOURCE_ROLE, Resource, related_resource};
pub(crate) use event::{FLOW_RUN_PREFIX, TASK_RUN_PREFIX};
pub use event_filter::{EventFilter, EventNames, EventText, ResourceFilter};
pub use filter::{FlowFilter, FlowRunFilter, IdRange, LogFilter, Order, Page, TaskRunFilter};
pub use flow::Flow;
pub use flow_run::{FlowRun, Labels, Pauses, Program, RetryType};
pub use ids::{
    ArtifactId, FlowId, FlowRunId, InputId, LimitId, LogId, ProcessId, SlotId, StateId, TaskRunId, VariableId,
};
pub use input::{FlowRunInput, FlowRunInputFilter};
pub use limit::{
    ConcurrencyLimit, LOCK, Occupancy, SlotAnswer, SlotAsk, SlotHolder, SlotLease, SlotRefusal, SlotRequest,
};
#[cfg(feature = "logs")]
pub(crate) use log::with_fields;
pub use log::{LogLevel, LogLine};
pub use origin::{Creator, FlowRunOrigin};
pub use process::ProcessLease;
pub use result::{ResultMetadata, StateData};
pub use run::{RetryPolicy, RunTimes};
pub use state::{State, StateCount, StateName, StateType};
pub use state_details::StateDetails;
pub use task_run::{DigestError, InputDigest, TaskInput, TaskInputs, TaskRun, TaskRunRecord};
pub use variable::{NewVariable, Variable, VariableFilter, VariableOrder, VariableRefusal};

/// A point in time, always in UTC. Stored with microseconds.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// Text that is usually known at compile time: names of tasks, of states, of keys.
pub type Text = std::borrow::Cow<'static, str>;
