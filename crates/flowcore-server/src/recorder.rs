//! Events that clients report: those of task runs become rows of task runs, the others are kept as they are.

use std::collections::BTreeMap;

use flowcore::model::{
    Event, FlowRunId, InputDigest, Labels, Resource, RetryPolicy, RunTimes, StateId, TaskInputs, TaskRun, TaskRunId,
    Timestamp,
};
use flowcore::wire::{Moment, PolicyBody, StateCreate};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::error::ApiError;
use crate::events::{EventBody, UncheckedEvent};
use crate::heartbeats::{HEARTBEAT, Sign, note};
use crate::state::App;

/// What an event says of a task run: the run, and the state that it has entered.
#[derive(Deserialize)]
struct TaskRunPayload {
    task_run: TaskRunFields,
    validated_state: ClientState,
}

/// A state as clients describe it in an event: with fields of its own run, which are not needed here.
#[derive(Deserialize)]
struct ClientState {
    #[serde(flatten)]
    fields: BTreeMap<String, Value>,
}

impl ClientState {
    fn read(mut self) -> Result<StateCreate, serde_json::Error> {
        self.fields.retain(|name, _| matches!(&**name, "type" | "name" | "message" | "data" | "state_details"));
        serde_json::from_value(Value::Object(self.fields.into_iter().collect()))
    }
}

#[derive(Deserialize)]
struct TaskRunFields {
    #[serde(default)]
    name: String,
    task_key: String,
    dynamic_key: String,
    #[serde(default)]
    cache_key: Option<String>,
    #[serde(default)]
    task_version: Option<String>,
    #[serde(default)]
    empirical_policy: PolicyBody,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    task_inputs: TaskInputs,
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    created: Option<Moment>,
    #[serde(default)]
    run_count: i32,
    #[serde(default)]
    flow_run_run_count: i32,
    #[serde(default)]
    expected_start_time: Option<Moment>,
    #[serde(default)]
    next_scheduled_start_time: Option<Moment>,
    #[serde(default)]
    start_time: Option<Moment>,
    #[serde(default)]
    end_time: Option<Moment>,
    /// In seconds.
    #[serde(default)]
    total_run_time: f64,
}

/// Keeps events. When this returns they are committed.
pub(crate) async fn record(app: &App, events: Vec<EventBody>) -> Result<(), ApiError> {
    let (mut seen, mut told) = (Vec::new(), Vec::new());
    let mut others = Vec::new();
    for event in events {
        match task_run(&event.0) {
            Some(Ok(run)) => {
                seen.push(run);
                told.push(event.received(app.now()));
            }
            Some(Err(error)) => {
                tracing::warn!(target: "flowcore_server", id = %event.0.id, "an event tells of no task run: {error}");
            }
            None => others.push(event.received(app.now())),
        }
    }
    app.store.observe_task_runs(seen).await?;
    app.events.live().announce(told);
    let heartbeats = others.iter().filter(|event| event.event == HEARTBEAT).filter_map(heartbeat).collect();
    app.events.record(others).await?;
    note(app, heartbeats).await?;
    Ok(())
}

/// Reads the sign of life that an event is.
fn heartbeat(event: &Event) -> Option<Sign> {
    let expires = event.payload.get("flowcore.expires").and_then(|time| time.as_str()?.parse::<Timestamp>().ok());
    let run = object(&event.resource, "prefect.flow-run.")?;
    Some(Sign { run, occurred: event.occurred, holds: expires.map(|expires| expires - event.occurred) })
}

/// Reads the task run that an event of a client's orchestration tells of.
fn task_run(event: &UncheckedEvent) -> Option<Result<TaskRun, serde_json::Error>> {
    let orchestrated = event.resource.get("prefect.orchestration").is_some_and(|by| by == "client");
    if !orchestrated || !event.event.starts_with("prefect.task-run.") {
        return None;
    }
    let id = object(&event.resource, "prefect.task-run.").map(TaskRunId)?;
    let flow_run = event.related.iter().find(|resource| role(resource) == Some("flow-run"));
    let flow_run_id = flow_run.and_then(|resource| object(resource, "prefect.flow-run.")).map(FlowRunId);
    Some(read(event, id, flow_run_id))
}

fn read(event: &UncheckedEvent, id: TaskRunId, flow_run_id: Option<FlowRunId>) -> Result<TaskRun, serde_json::Error> {
    let TaskRunPayload { task_run: fields, validated_state } =
        serde_json::from_value(Value::Object(event.payload.clone()))?;
    // By the convention of Prefect's recorder the state's id is the event's.
    let mut state = validated_state.read()?.into_state(StateId(event.id), event.occurred.0);
    let details = state.details_mut();
    (details.task_run_id, details.flow_run_id) = (Some(id), flow_run_id);
    let time = |moment: Option<Moment>| moment.map(|moment| moment.0);
    #[expect(clippy::cast_possible_truncation, reason = "microseconds of a run fit")]
    let total_run_time = (fields.total_run_time * 1e6) as i64;
    Ok(TaskRun {
        id,
        flow_run_id,
        attempt: fields.flow_run_run_count,
        task_key: fields.task_key.into(),
        dynamic_key: fields.dynamic_key,
        name: fields.name,
        task_version: fields.task_version.map(Into::into),
        tags: fields.tags,
        inputs_digest: None::<InputDigest>,
        task_inputs: fields.task_inputs,
        empirical_policy: RetryPolicy::from(&fields.empirical_policy),
        cache_key: fields.cache_key,
        times: RunTimes {
            run_count: fields.run_count,
            expected_start_time: time(fields.expected_start_time).unwrap_or(event.occurred.0),
            next_scheduled_start_time: time(fields.next_scheduled_start_time),
            start_time: time(fields.start_time),
            end_time: time(fields.end_time),
            total_run_time,
        },
        state,
        labels: fields.labels,
        created: Some(time(fields.created).unwrap_or(event.occurred.0)),
    })
}

fn role(resource: &Resource) -> Option<&str> {
    resource.get("prefect.resource.role").map(String::as_str)
}

/// Reads the identifier in the name of a resource of this kind.
fn object(resource: &Resource, kind: &str) -> Option<Uuid> {
    resource.get("prefect.resource.id")?.strip_prefix(kind)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use flowcore::model::{StateType, TaskInput};
    use serde_json::json;

    use super::*;

    const RUN: &str = "01930000-0000-7000-8000-000000000001";
    const FLOW_RUN: &str = "01930000-0000-7000-8000-000000000002";

    fn event(orchestrated: bool) -> UncheckedEvent {
        let mut resource = json!({"prefect.resource.id": format!("prefect.task-run.{RUN}")});
        if orchestrated {
            resource["prefect.orchestration"] = "client".into();
        }
        serde_json::from_value(json!({
            "id": "01930000-0000-7000-8000-000000000003",
            "occurred": "2026-05-28T12:00:00.5+00:00",
            "event": "prefect.task-run.Running",
            "resource": resource,
            "related": [{"prefect.resource.id": format!("prefect.flow-run.{FLOW_RUN}"), "prefect.resource.role": "flow-run"}],
            "payload": {
                "intended": {"from": "PENDING", "to": "RUNNING"},
                "validated_state": {"type": "RUNNING", "name": "Retrying", "timestamp": "x", "state_details": {}},
                "task_run": {
                    "name": "fetch-a", "task_key": "fetch", "dynamic_key": "a", "run_count": 2, "total_run_time": 1.5,
                    "task_inputs": {"x": [{"input_type": "task_run", "id": RUN}, {"input_type": "constant", "type": "int"}]},
                    "something_new": 1,
                }
            }
        }))
        .unwrap()
    }

    #[test]
    fn an_event_tells_of_a_task_run() {
        let run = task_run(&event(true)).unwrap().unwrap();
        assert_eq!((run.id.to_string(), run.flow_run_id.unwrap().to_string()), (RUN.to_owned(), FLOW_RUN.to_owned()));
        assert_eq!((run.state.kind, &*run.state.name), (StateType::Running, "Retrying"));
        assert_eq!(run.state.id.to_string(), "01930000-0000-7000-8000-000000000003");
        assert_eq!((run.times.run_count, run.times.total_run_time), (2, 1_500_000));
        assert_eq!(run.task_inputs["x"][1], TaskInput::Constant { kind: "int".to_owned() });
    }

    #[test]
    fn an_event_that_only_tells_of_an_event_is_none() {
        assert!(task_run(&event(false)).is_none());
        let mut broken = event(true);
        broken.payload.clear();
        assert!(task_run(&broken).unwrap().is_err());
    }
}
