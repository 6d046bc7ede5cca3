//! Runs of deployments.

use flowcore::model::{
    Creator, Flow, FlowRun, FlowRunId, FlowRunOrigin, Labels, Pauses, RetryPolicy, State, StateType, Timestamp,
};
use flowcore::orchestration::NewFlowRun;
use flowcore::store::StoreError;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::deployment::Deployment;
use crate::state::App;

/// What a run of a deployment has of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// Made up if absent.
    pub(crate) name: Option<String>,
    /// All of them, with the deployment's.
    pub(crate) parameters: Map<String, Value>,
    pub(crate) tags: Vec<String>,
    pub(crate) labels: Labels,
    pub(crate) context: Map<String, Value>,
    pub(crate) policy: RetryPolicy,
    pub(crate) pauses: Pauses,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) parent_task_run_id: Option<Uuid>,
    pub(crate) infrastructure_document_id: Option<Uuid>,
    pub(crate) job_variables: Option<Map<String, Value>>,
    /// The queue, if it is not the deployment's.
    pub(crate) queue: Option<(Uuid, String)>,
    /// The state that it begins in; scheduled if absent.
    pub(crate) state: Option<State>,
    /// When a schedule wants it.
    pub(crate) scheduled_time: Option<Timestamp>,
    pub(crate) created_by: Option<Creator>,
}

/// Makes a run of a deployment.
///
/// # Errors
///
/// There is one of its idempotency key already ([`StoreError::Exists`]), or the store fails.
pub(crate) async fn make_run(
    app: &App,
    flow: &Flow,
    deployment: &Deployment,
    origin: Origin,
) -> Result<FlowRun, StoreError> {
    let auto_scheduled = origin.scheduled_time.is_some();
    let id = FlowRunId(app.clock.uuid());
    let mut state = origin.state.unwrap_or_else(|| {
        let state = app.state(StateType::Scheduled).scheduled_for(origin.scheduled_time.unwrap_or_else(|| app.now()));
        if auto_scheduled { state.message("Flow run scheduled") } else { state }
    });
    state.details_mut().flow_run_id = Some(id);
    let (work_queue_id, work_queue_name) = match origin.queue {
        Some((id, name)) => (Some(id), Some(name)),
        None => (deployment.work_queue_id, deployment.work_queue_name.clone()),
    };
    let mut labels = deployment.labels.clone();
    labels.insert("prefect.flow.id".to_owned(), json!(deployment.flow_id));
    labels.insert("prefect.deployment.id".to_owned(), json!(deployment.id));
    labels.extend(origin.labels);
    let new = NewFlowRun {
        id,
        flow_id: Some(flow.id),
        flow_name: flow.name.clone(),
        flow_tags: flow.tags.clone(),
        name: origin.name.unwrap_or_else(|| flowcore::made_up_name(app.clock.random())),
        tags: origin.tags,
        parameters: to_raw_value(&origin.parameters).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        flow_version: None,
        parent_task_run_id: origin.parent_task_run_id.map(Into::into),
        parent_task_run: None,
        policy: origin.policy,
        labels,
        origin: FlowRunOrigin {
            deployment_id: Some(deployment.id),
            deployment_version: deployment.version.clone(),
            work_queue_id,
            work_queue_name,
            idempotency_key: origin.idempotency_key,
            auto_scheduled,
            context: origin.context,
            job_variables: origin.job_variables,
            infrastructure_document_id: origin.infrastructure_document_id.or(deployment.infrastructure_document_id),
            created_by: origin.created_by,
            ..FlowRunOrigin::default()
        },
        pauses: origin.pauses,
        state: Some(state),
        executor: None,
    };
    app.orchestrator.create_flow_run(new).await
}
