//! The bodies of Prefect 3's REST API: what clients send and what servers answer, as types.
//!
//! A server writes them and the client over HTTP reads them, so that both mean the same. Requests refuse fields that
//! Prefect does not know; answers have every field that Prefect's have.

mod artifact;
mod claim;
mod durations;
mod flow;
mod flow_run;
mod labels;
mod lenient;
mod log;
mod policy;
mod retry_delays;
mod state;
mod task_run;
mod time;
mod variable;
mod why;

pub use artifact::{ArtifactBody, ArtifactCollectionBody, ArtifactCreate, ArtifactUpdate};
pub use claim::{CLAIM, CLAIM_HEADER};
pub use flow::{FlowBody, FlowCreate, FlowUpdate};
pub use flow_run::{FlowRunBody, FlowRunCreate, FlowRunUpdate};
pub use labels::GivenLabels;
pub use log::{LogBody, LogCreate};
pub use policy::{FlowPolicyBody, PolicyBody};
pub use retry_delays::RetryDelays;
pub use state::{DetailsBody, OrchestrationResult, ResponseDetails, SetState, SetStateStatus, StateBody, StateCreate};
pub use task_run::{TaskRunBody, TaskRunCreate, TaskRunUpdate};
pub use time::Moment;
pub use variable::{VariableBody, VariableCreate, VariableUpdate};
pub use why::{Blocker, BlockerKind, Cause, Why};
