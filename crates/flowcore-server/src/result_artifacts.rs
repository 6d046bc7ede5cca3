//! What clients say of results in states that they send: it is an artifact as well, as with Prefect, so that it is found where all
//! that a run has made is looked for.

use flowcore::model::{FlowRunId, State, StateData, TaskRunId};
use flowcore::store::StoreError;
use serde_json::Value;

use crate::artifacts::{Artifact, keep};
use crate::state::App;

/// Keeps what the state that a run has entered says of its result, if it does.
pub(crate) async fn keep_result(
    app: &App,
    state: &State,
    flow_run: Option<FlowRunId>,
    task_run: Option<TaskRunId>,
) -> Result<(), StoreError> {
    // Programs in Rust write what only they read.
    let Some(StateData::Foreign { value }) = state.data.as_deref() else { return Ok(()) };
    let mut data: Value = serde_json::from_str(value.get()).unwrap_or_default();
    if data.is_null() || data["type"] == "unpersisted" {
        return Ok(());
    }
    let mut said = |field: &str| match data.as_object_mut()?.remove(field)? {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        _ => None,
    };
    let now = app.now();
    let (key, kind, description) = (said("artifact_key"), said("artifact_type"), said("artifact_description"));
    let artifact = Artifact {
        id: app.clock.uuid(),
        key,
        kind,
        description,
        data,
        metadata: None,
        flow_run_id: flow_run.map(|id| id.0),
        task_run_id: task_run.map(|id| id.0),
        created: now,
        updated: now,
    };
    keep(app, artifact).await
}
