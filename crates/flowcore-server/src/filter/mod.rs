//! Prefect's filter language as conditions on rows.
//!
//! A filter of a kind of object is a struct of criteria, each of which is joined to the others by `operator`. Filters of
//! several kinds of objects in one request hold together: of flow runs, those whose flow, task runs and so on also fit.

mod artifact;
mod automation;
mod block;
mod criteria;
mod deployment;
mod event;
mod flow;
mod flow_run;
mod holds;
mod log;
mod objects;
mod one_or_more;
mod task_run;
mod text;
mod variable;
mod work_pool;

pub(crate) use artifact::{ArtifactCollectionFilter, ArtifactFilter, ArtifactSort};
pub(crate) use automation::{AutomationFilter, AutomationSort};
pub(crate) use block::{BlockDocumentSort, BlockObjects, BlockSchemaFilter, BlockTypeFilter};
pub(crate) use deployment::{DeploymentFilter, DeploymentSort};
pub(crate) use event::EventFilter;
pub(crate) use flow::{FlowFilter, FlowSort};
pub(crate) use flow_run::{FlowRunFilter, FlowRunSort};
pub(crate) use log::{LogFilter, LogSort};
pub(crate) use objects::Objects;
pub(crate) use one_or_more::OneOrMore;
pub(crate) use task_run::{TaskRunFilter, TaskRunSort};
pub(crate) use variable::{VariableFilter, VariableSort};
pub(crate) use work_pool::{WorkPoolFilter, WorkQueueFilter, WorkerFilter};
