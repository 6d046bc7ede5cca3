//! Flow runs.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::durations::Durations;
use super::labels::GivenLabels;
use super::lenient;
use super::policy::FlowPolicyBody;
use super::state::{StateBody, StateCreate};
use super::time::Moment;
use crate::model::{Creator, FlowRun, Labels, StateType, Timestamp};

/// A flow run to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FlowRunCreate {
    /// Its flow.
    pub flow_id: Uuid,
    /// What people call it; made up if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The state that it begins in.
    #[serde(default)]
    pub state: Option<StateCreate>,
    /// The flow's version.
    #[serde(default)]
    pub flow_version: Option<String>,
    /// The arguments, as an object.
    #[serde(default)]
    pub parameters: Option<Box<RawValue>>,
    /// Anything that the client wants to find there.
    #[serde(default)]
    pub context: Map<String, Value>,
    /// The task run that stands for this subflow.
    #[serde(default)]
    pub parent_task_run_id: Option<Uuid>,
    /// How failures are treated.
    #[serde(default)]
    pub empirical_policy: FlowPolicyBody,
    /// Tags for finding it.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Key and value pairs for finding it.
    #[serde(default)]
    pub labels: Option<GivenLabels>,
    /// Of several runs under one key only the first is made.
    #[serde(default)]
    pub idempotency_key: Option<String>,
    /// A block with the infrastructure to execute it on.
    #[serde(default)]
    pub infrastructure_document_id: Option<Uuid>,
    /// The deployment that it is a run of.
    #[serde(default)]
    pub deployment_id: Option<Uuid>,
    /// The pool whose workers execute it.
    #[serde(default)]
    pub work_pool_name: Option<String>,
    /// The queue in that pool.
    #[serde(default)]
    pub work_queue_name: Option<String>,
    /// What is special about the job that executes it.
    #[serde(default)]
    pub job_variables: Option<Map<String, Value>>,
}

/// What is to be changed of a flow run. What is absent stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct FlowRunUpdate {
    /// What people call it.
    pub name: Option<String>,
    /// The flow's version.
    pub flow_version: Option<String>,
    /// The arguments.
    pub parameters: Option<Box<RawValue>>,
    /// How failures are treated.
    pub empirical_policy: Option<FlowPolicyBody>,
    /// Tags for finding it.
    pub tags: Option<Vec<String>>,
    /// What the infrastructure calls the job.
    pub infrastructure_pid: Option<String>,
    /// What is special about the job.
    pub job_variables: Option<Map<String, Value>>,
}

/// A flow run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "they are those of `FlowRun` and `FlowRunOrigin`")]
pub struct FlowRunBody {
    pub id: Uuid,
    pub created: Option<Moment>,
    pub updated: Option<Moment>,
    pub name: String,
    pub flow_id: Uuid,
    pub state_id: Option<Uuid>,
    pub deployment_id: Option<Uuid>,
    pub deployment_version: Option<String>,
    pub work_queue_id: Option<Uuid>,
    pub work_queue_name: Option<String>,
    pub flow_version: Option<String>,
    pub parameters: Box<RawValue>,
    pub idempotency_key: Option<String>,
    pub context: Map<String, Value>,
    pub empirical_policy: FlowPolicyBody,
    pub tags: Vec<String>,
    #[serde(deserialize_with = "lenient::labels")]
    pub labels: Labels,
    pub parent_task_run_id: Option<Uuid>,
    pub state_type: Option<StateType>,
    pub state_name: Option<String>,
    pub run_count: i32,
    pub expected_start_time: Option<Moment>,
    pub next_scheduled_start_time: Option<Moment>,
    pub start_time: Option<Moment>,
    pub end_time: Option<Moment>,
    /// In seconds.
    pub total_run_time: f64,
    /// The total with the time since it began to run, in seconds.
    pub estimated_run_time: f64,
    /// How late it began, or is by now, in seconds.
    pub estimated_start_time_delta: f64,
    pub auto_scheduled: bool,
    pub infrastructure_document_id: Option<Uuid>,
    pub infrastructure_pid: Option<String>,
    pub created_by: Option<Creator>,
    pub work_pool_id: Option<Uuid>,
    pub work_pool_name: Option<String>,
    pub state: Option<StateBody>,
    pub job_variables: Option<Map<String, Value>>,
}

impl FlowRunBody {
    /// Tells of a run as it stands at this time.
    pub fn new(run: &FlowRun, now: Timestamp) -> Self {
        let (times, origin) = (&run.times, &run.origin);
        let durations = Durations::of(times, &run.state, now);
        FlowRunBody {
            id: run.id.0,
            created: Some(Moment(run.created)),
            updated: Some(Moment(run.updated)),
            name: run.name.clone(),
            flow_id: run.flow_id.0,
            state_id: Some(run.state.id.0),
            deployment_id: origin.deployment_id,
            deployment_version: origin.deployment_version.clone(),
            work_queue_id: origin.work_queue_id,
            work_queue_name: origin.work_queue_name.clone(),
            flow_version: run.flow_version.clone(),
            parameters: run.parameters.clone(),
            idempotency_key: origin.idempotency_key.clone(),
            context: origin.context.clone(),
            empirical_policy: FlowPolicyBody::new(&run.empirical_policy, &run.pauses),
            tags: run.tags.clone(),
            labels: run.labels.clone(),
            parent_task_run_id: run.parent_task_run_id.map(|id| id.0),
            state_type: Some(run.state.kind),
            state_name: Some(run.state.name.to_string()),
            run_count: times.run_count,
            expected_start_time: Some(Moment(times.expected_start_time)),
            next_scheduled_start_time: times.next_scheduled_start_time.map(Moment),
            start_time: times.start_time.map(Moment),
            end_time: times.end_time.map(Moment),
            total_run_time: durations.total,
            estimated_run_time: durations.estimated,
            estimated_start_time_delta: durations.late,
            auto_scheduled: origin.auto_scheduled,
            infrastructure_document_id: origin.infrastructure_document_id,
            infrastructure_pid: origin.infrastructure_pid.clone(),
            created_by: origin.created_by.clone(),
            work_pool_id: None,
            work_pool_name: None,
            state: Some(StateBody::from(&run.state)),
            job_variables: Some(origin.job_variables.clone().unwrap_or_default()),
        }
    }
}
