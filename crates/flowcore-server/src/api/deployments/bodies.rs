//! What clients send and get of deployments.

use std::num::NonZeroU32;

use flowcore::model::{ConcurrencyLimit, Creator, Labels};
use flowcore::wire::{FlowPolicyBody, GivenLabels, Moment, StateCreate};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::deployments::{CatchUp, ConcurrencyOptions, Deployment, DeploymentSchedule, DeploymentStatus};
use crate::extract::or_default;
use crate::schedules::Schedule;

/// Reads a value that may be null, and tells that from an absent one.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Declares a body with the fields that making and changing a deployment share. What is absent of them stays as it is.
macro_rules! with_shared_fields {
    ($(#[$meta:meta])* $name:ident of $schedule:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$field_meta])* pub(super) $field: $type,)*
            pub(super) paused: Option<bool>,
            pub(super) schedules: Option<Vec<$schedule>>,
            #[serde(default, deserialize_with = "given")]
            #[schemars(extend("exclusiveMinimum" = 0))]
            pub(super) concurrency_limit: Option<Option<NonZeroU32>>,
            #[serde(default, deserialize_with = "given")]
            pub(super) concurrency_options: Option<Option<ConcurrencyOptions>>,
            #[serde(default, deserialize_with = "given")]
            pub(super) global_concurrency_limit_id: Option<Option<Uuid>>,
            pub(super) enforce_parameter_schema: Option<bool>,
            #[serde(default, deserialize_with = "given")]
            pub(super) parameter_openapi_schema: Option<Option<Map<String, Value>>>,
            pub(super) parameters: Option<Map<String, Value>>,
            pub(super) tags: Option<Vec<String>>,
            #[serde(default, deserialize_with = "given")]
            pub(super) pull_steps: Option<Option<Vec<Map<String, Value>>>>,
            #[serde(default, deserialize_with = "given")]
            pub(super) work_queue_name: Option<Option<String>>,
            #[serde(default, deserialize_with = "given")]
            pub(super) work_pool_name: Option<Option<String>>,
            #[serde(default, deserialize_with = "given")]
            pub(super) storage_document_id: Option<Option<Uuid>>,
            #[serde(default, deserialize_with = "given")]
            pub(super) infrastructure_document_id: Option<Option<Uuid>>,
            #[serde(default, deserialize_with = "given")]
            pub(super) description: Option<Option<String>>,
            #[serde(default, deserialize_with = "given")]
            pub(super) path: Option<Option<String>>,
            #[serde(default, deserialize_with = "given")]
            pub(super) version: Option<Option<String>>,
            #[serde(default, deserialize_with = "given")]
            pub(super) entrypoint: Option<Option<String>>,
            pub(super) job_variables: Option<Map<String, Value>>,
            /// Read and not kept, as in Prefect's own server.
            #[expect(dead_code, reason = "clients send it")]
            version_info: Option<VersionInfo>,
        }

        impl $name {
            /// Writes into a deployment what is given, but for its schedules, its place and its limit.
            pub(super) fn apply(&self, to: &mut Deployment) {
                fn set<T: Clone>(field: &mut T, given: &Option<T>) {
                    if let Some(value) = given {
                        *field = value.clone();
                    }
                }
                set(&mut to.paused, &self.paused);
                set(&mut to.concurrency_options, &self.concurrency_options);
                set(&mut to.enforce_parameter_schema, &self.enforce_parameter_schema);
                set(&mut to.parameter_openapi_schema, &self.parameter_openapi_schema);
                set(&mut to.parameters, &self.parameters);
                set(&mut to.tags, &self.tags);
                set(&mut to.pull_steps, &self.pull_steps);
                set(&mut to.storage_document_id, &self.storage_document_id);
                set(&mut to.infrastructure_document_id, &self.infrastructure_document_id);
                set(&mut to.description, &self.description);
                set(&mut to.path, &self.path);
                set(&mut to.version, &self.version);
                set(&mut to.entrypoint, &self.entrypoint);
                set(&mut to.job_variables, &self.job_variables);
            }

            /// Gives what is said of the place and the limit.
            pub(super) fn belongings(&self) -> Belongings {
                Belongings {
                    pool: self.work_pool_name.clone(),
                    queue: self.work_queue_name.clone(),
                    limit: self.concurrency_limit,
                    shared_limit: self.global_concurrency_limit_id,
                }
            }
        }
    };
}

/// What a body says of the pool, the queue and the limit of a deployment.
#[derive(Clone, Debug)]
pub(super) struct Belongings {
    pub(super) pool: Option<Option<String>>,
    pub(super) queue: Option<Option<String>>,
    /// How many runs may be under way at once.
    pub(super) limit: Option<Option<NonZeroU32>>,
    /// A limit that others may have as well.
    pub(super) shared_limit: Option<Option<Uuid>>,
}

with_shared_fields! {
    /// A deployment to be made, or to be changed if there is one of that name.
    DeploymentCreate of DeploymentScheduleCreate {
        name: String,
        flow_id: Uuid,
        labels: Option<GivenLabels>,
    }
}

with_shared_fields! {
    /// What is to be changed of a deployment.
    DeploymentUpdate of DeploymentScheduleUpdate {}
}

/// What a client says of a version of a deployment.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read and not kept")]
struct VersionInfo {
    #[serde(rename = "type")]
    kind: String,
    version: String,
}

/// A schedule to be made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeploymentScheduleCreate {
    #[serde(default = "yes")]
    active: bool,
    schedule: Schedule,
    #[schemars(extend("exclusiveMinimum" = 0))]
    max_scheduled_runs: Option<NonZeroU32>,
    #[serde(default, deserialize_with = "or_default")]
    parameters: Map<String, Value>,
    slug: Option<String>,
    /// The slug of the schedule that this one takes the place of.
    replaces: Option<String>,
    /// Flowcore's own: what becomes of the times that pass while nobody makes runs. Left out, nothing does, as in Prefect.
    catch_up: Option<CatchUp>,
}

fn yes() -> bool {
    true
}

/// What is to be changed of a schedule. What is absent stays.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DeploymentScheduleUpdate {
    pub(super) active: Option<bool>,
    pub(super) schedule: Option<Schedule>,
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub(super) max_scheduled_runs: Option<NonZeroU32>,
    pub(super) parameters: Option<Map<String, Value>>,
    pub(super) slug: Option<String>,
    /// The slug of the schedule that this one takes the place of.
    pub(super) replaces: Option<String>,
    /// Flowcore's own: what becomes of the times that pass while nobody makes runs.
    pub(super) catch_up: Option<CatchUp>,
}

impl From<DeploymentScheduleCreate> for DeploymentScheduleUpdate {
    fn from(new: DeploymentScheduleCreate) -> Self {
        DeploymentScheduleUpdate {
            active: Some(new.active),
            schedule: Some(new.schedule),
            max_scheduled_runs: new.max_scheduled_runs,
            parameters: Some(new.parameters),
            slug: new.slug,
            replaces: new.replaces,
            catch_up: new.catch_up,
        }
    }
}

/// A run of a deployment to be made.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DeploymentFlowRunCreate {
    pub(super) state: Option<StateCreate>,
    /// Made up if it is empty.
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    /// What replaces the deployment's own.
    #[serde(deserialize_with = "or_default")]
    pub(super) parameters: Map<String, Value>,
    /// Whether parameters must fit the schema, if not as the deployment says.
    pub(super) enforce_parameter_schema: Option<bool>,
    pub(super) context: Map<String, Value>,
    pub(super) infrastructure_document_id: Option<Uuid>,
    pub(super) empirical_policy: FlowPolicyBody,
    /// Beside those of the deployment.
    pub(super) tags: Vec<String>,
    pub(super) idempotency_key: Option<String>,
    pub(super) labels: Option<GivenLabels>,
    pub(super) parent_task_run_id: Option<Uuid>,
    pub(super) work_queue_name: Option<String>,
    pub(super) job_variables: Option<Map<String, Value>>,
}

/// A deployment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct DeploymentResponse {
    id: Uuid,
    created: Option<Moment>,
    updated: Option<Moment>,
    name: String,
    version: Option<String>,
    description: Option<String>,
    flow_id: Uuid,
    paused: bool,
    schedules: Vec<ScheduleBody>,
    /// Always null: the limit is an object of its own.
    concurrency_limit: Option<i64>,
    global_concurrency_limit: Option<GlobalConcurrencyLimitResponse>,
    concurrency_options: Option<ConcurrencyOptions>,
    job_variables: Map<String, Value>,
    parameters: Map<String, Value>,
    tags: Vec<String>,
    labels: Labels,
    work_queue_name: Option<String>,
    work_queue_id: Option<Uuid>,
    last_polled: Option<Moment>,
    parameter_openapi_schema: Option<Map<String, Value>>,
    path: Option<String>,
    pull_steps: Option<Vec<Map<String, Value>>>,
    entrypoint: Option<String>,
    storage_document_id: Option<Uuid>,
    infrastructure_document_id: Option<Uuid>,
    created_by: Option<Creator>,
    updated_by: Option<Creator>,
    work_pool_name: Option<String>,
    status: Option<DeploymentStatus>,
    enforce_parameter_schema: bool,
}

impl DeploymentResponse {
    pub(super) fn new(
        deployment: Deployment,
        schedules: Vec<ScheduleBody>,
        limit: Option<GlobalConcurrencyLimitResponse>,
        work_pool_name: Option<String>,
    ) -> Self {
        DeploymentResponse {
            id: deployment.id,
            created: Some(Moment(deployment.created)),
            updated: Some(Moment(deployment.updated)),
            name: deployment.name,
            version: deployment.version,
            description: deployment.description,
            flow_id: deployment.flow_id,
            paused: deployment.paused,
            schedules,
            concurrency_limit: None,
            global_concurrency_limit: limit,
            concurrency_options: deployment.concurrency_options,
            job_variables: deployment.job_variables,
            parameters: deployment.parameters,
            tags: deployment.tags,
            labels: deployment.labels,
            work_queue_name: deployment.work_queue_name,
            work_queue_id: deployment.work_queue_id,
            last_polled: deployment.last_polled.map(Moment),
            parameter_openapi_schema: deployment.parameter_openapi_schema,
            path: deployment.path,
            pull_steps: Some(deployment.pull_steps.unwrap_or_default()),
            entrypoint: deployment.entrypoint,
            storage_document_id: deployment.storage_document_id,
            infrastructure_document_id: deployment.infrastructure_document_id,
            created_by: None,
            updated_by: None,
            work_pool_name,
            status: Some(deployment.status),
            enforce_parameter_schema: deployment.enforce_parameter_schema,
        }
    }
}

/// A limit of how many runs are under way at once.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct GlobalConcurrencyLimitResponse {
    id: Uuid,
    created: Option<Moment>,
    updated: Option<Moment>,
    active: bool,
    name: String,
    limit: u32,
    active_slots: u32,
    slot_decay_per_second: f64,
}

impl GlobalConcurrencyLimitResponse {
    pub(super) fn new(limit: &ConcurrencyLimit, active_slots: u32) -> Self {
        GlobalConcurrencyLimitResponse {
            id: limit.id.0,
            created: Some(Moment(limit.created)),
            updated: Some(Moment(limit.updated)),
            active: limit.active,
            name: limit.name.clone(),
            limit: limit.limit,
            active_slots,
            slot_decay_per_second: limit.slot_decay_per_second,
        }
    }
}

/// A schedule of a deployment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeploymentSchedule")]
pub(super) struct ScheduleBody {
    id: Uuid,
    created: Option<Moment>,
    updated: Option<Moment>,
    deployment_id: Option<Uuid>,
    schedule: Schedule,
    active: bool,
    max_scheduled_runs: Option<i64>,
    parameters: Map<String, Value>,
    slug: Option<String>,
    /// Flowcore's own: what becomes of the times that pass while nobody makes runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    catch_up: Option<CatchUp>,
}

impl From<DeploymentSchedule> for ScheduleBody {
    fn from(schedule: DeploymentSchedule) -> Self {
        ScheduleBody {
            id: schedule.id,
            created: Some(Moment(schedule.created)),
            updated: Some(Moment(schedule.updated)),
            deployment_id: Some(schedule.deployment_id),
            schedule: schedule.schedule,
            active: schedule.active,
            max_scheduled_runs: schedule.max_scheduled_runs,
            parameters: schedule.parameters,
            slug: schedule.slug,
            catch_up: schedule.catch_up,
        }
    }
}
