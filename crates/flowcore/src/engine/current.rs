//! The run around the code that asks: its ids, names, parameters, tags and attempt, at hand anywhere below.

use serde::de::DeserializeOwned;

use super::context::Scope;
use super::definition::{ParameterError, Parameters};
use super::error::Error;
use crate::model::{Artifact, ArtifactId, ArtifactKind, FlowRunId, TaskRunId};

/// Tells the flow run around this code.
pub fn flow_run_id() -> Option<FlowRunId> {
    Scope::peek(|around| around.flow.as_ref().map(|flow| flow.id)).flatten()
}

/// Tells the name of the flow run around this code.
pub fn flow_run_name() -> Option<String> {
    Scope::peek(|around| around.flow.as_ref().map(|flow| flow.name.clone())).flatten()
}

/// Tells the name of the flow around this code.
pub fn flow_name() -> Option<String> {
    Scope::peek(|around| around.flow.as_ref().map(|flow| flow.flow_name.clone())).flatten()
}

/// Tells the tags of the flow run around this code.
pub fn tags() -> Vec<String> {
    Scope::peek(|around| around.flow.as_ref().map(|flow| flow.tags.clone())).flatten().unwrap_or_default()
}

/// Reads a parameter of the flow run around this code.
///
/// # Errors
///
/// There is no flow run around, it has no such parameter, or the parameter has another type.
pub fn parameter<T: DeserializeOwned>(name: &str) -> Result<T, ParameterError> {
    let json = Scope::peek(|around| around.flow.as_ref().map(|flow| flow.parameters.get().to_owned())).flatten();
    match json {
        Some(json) => Parameters::from_json(&json)?.get(name),
        None => Err(ParameterError("there is no flow run around this code".into())),
    }
}

/// Tells the task run around this code.
pub fn task_run_id() -> Option<TaskRunId> {
    Scope::peek(|around| around.task.as_ref().map(|task| task.id)).flatten()
}

/// Tells the name of the task run around this code.
pub fn task_run_name() -> Option<String> {
    Scope::peek(|around| around.task.as_ref().map(|task| task.name())).flatten()
}

/// Tells how often the task run around this code has run, or else the flow run: 1 the first time.
pub fn attempt() -> Option<i32> {
    Scope::peek(|around| match (&around.task, &around.flow) {
        (Some(task), _) => Some(task.attempt),
        (None, flow) => flow.as_ref().map(|flow| flow.attempt),
    })
    .flatten()
}

/// Keeps an artifact of the run around this code.
pub(crate) async fn keep_artifact(
    kind: ArtifactKind,
    key: Option<String>,
    description: Option<String>,
    data: serde_json::Value,
) -> Result<ArtifactId, Error> {
    let scope = Scope::current();
    let engine = scope.engine().await?;
    let now = engine.0.clock.now();
    let artifact = Artifact {
        id: ArtifactId(engine.0.clock.uuid()),
        key,
        kind,
        description,
        data,
        flow_run_id: scope.flow().map(|flow| flow.id),
        task_run_id: scope.task().map(|task| task.id),
        created: now,
        updated: now,
    };
    let id = artifact.id;
    engine.0.client.put_artifact(artifact).await?;
    Ok(id)
}
