//! Task runs.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::durations::Durations;
use super::labels::GivenLabels;
use super::lenient;
use super::policy::PolicyBody;
use super::state::{StateBody, StateCreate};
use super::time::Moment;
use crate::model::{Labels, StateType, TaskInputs, TaskRun, Timestamp};

/// A task run to be made, or found by its flow run, task and dynamic key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TaskRunCreate {
    /// Its id; made up if absent.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The state that it begins in.
    #[serde(default)]
    pub state: Option<StateCreate>,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// The flow run that it belongs to.
    #[serde(default)]
    pub flow_run_id: Option<Uuid>,
    /// The task's identity.
    pub task_key: String,
    /// Tells calls of one task in one flow run apart.
    pub dynamic_key: String,
    /// Under which key its result is cached.
    #[serde(default)]
    pub cache_key: Option<String>,
    /// Until when that is valid.
    #[serde(default)]
    pub cache_expiration: Option<Moment>,
    /// The task's version.
    #[serde(default)]
    pub task_version: Option<String>,
    /// How failures are treated.
    #[serde(default)]
    pub empirical_policy: PolicyBody,
    /// Tags for finding it.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Key and value pairs.
    #[serde(default)]
    pub labels: Option<GivenLabels>,
    /// Where its arguments come from.
    #[serde(default)]
    pub task_inputs: TaskInputs,
}

/// What is to be changed of a task run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TaskRunUpdate {
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
}

/// A task run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "they are those of `TaskRun`")]
pub struct TaskRunBody {
    pub id: Uuid,
    pub created: Option<Moment>,
    pub updated: Option<Moment>,
    pub name: String,
    pub flow_run_id: Option<Uuid>,
    pub task_key: String,
    pub dynamic_key: String,
    pub cache_key: Option<String>,
    pub cache_expiration: Option<Moment>,
    pub task_version: Option<String>,
    pub empirical_policy: PolicyBody,
    pub tags: Vec<String>,
    #[serde(deserialize_with = "lenient::labels")]
    pub labels: Labels,
    pub state_id: Option<Uuid>,
    pub task_inputs: TaskInputs,
    pub state_type: Option<StateType>,
    pub state_name: Option<String>,
    pub run_count: i32,
    pub flow_run_run_count: i32,
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
    pub state: Option<StateBody>,
}

impl TaskRunBody {
    /// Tells of a run as it stands at this time.
    pub fn new(run: &TaskRun, now: Timestamp) -> Self {
        let times = &run.times;
        let durations = Durations::of(times, &run.state, now);
        let details = run.state.details.as_deref();
        TaskRunBody {
            id: run.id.0,
            created: Some(Moment(run.created.unwrap_or(times.expected_start_time))),
            updated: Some(Moment(run.state.timestamp)),
            name: run.name.clone(),
            flow_run_id: run.flow_run_id.map(|id| id.0),
            task_key: run.task_key.to_string(),
            dynamic_key: run.dynamic_key.clone(),
            cache_key: run.cache_key.clone(),
            cache_expiration: details.and_then(|details| details.cache_expiration).map(Moment),
            task_version: run.task_version.as_deref().map(str::to_owned),
            empirical_policy: PolicyBody::from(&run.empirical_policy),
            tags: run.tags.clone(),
            labels: run.labels.clone(),
            state_id: Some(run.state.id.0),
            task_inputs: run.task_inputs.clone(),
            state_type: Some(run.state.kind),
            state_name: Some(run.state.name.to_string()),
            run_count: times.run_count,
            flow_run_run_count: run.attempt,
            expected_start_time: Some(Moment(times.expected_start_time)),
            next_scheduled_start_time: times.next_scheduled_start_time.map(Moment),
            start_time: times.start_time.map(Moment),
            end_time: times.end_time.map(Moment),
            total_run_time: durations.total,
            estimated_run_time: durations.estimated,
            estimated_start_time_delta: durations.late,
            state: Some(StateBody::from(&run.state)),
        }
    }
}
