//! Events: what happened, to whom, when.
//!
//! A change of a run's state is an event whose id is the state's. It is stored once, as the state in the run's
//! history, and read as an event from there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{FlowRun, State, TaskRun, Timestamp};

/// Labels of a thing that an event is about; `prefect.resource.id` is always among them.
pub type Resource = BTreeMap<String, String>;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Names the event; a state's id when it tells of that state.
    pub id: Uuid,
    /// When it happened.
    pub occurred: Timestamp,
    /// What happened: `prefect.flow-run.Completed`.
    pub event: String,
    /// What it happened to.
    pub resource: Resource,
    /// What else it concerns; each with a `prefect.resource.role`.
    pub related: Vec<Resource>,
    /// Anything more.
    pub payload: serde_json::Value,
}

impl Event {
    /// Tells of a flow run that entered a state.
    pub fn of_flow_run(run: &FlowRun, state: &State) -> Self {
        let mut event = Event::of_state("flow-run", &run.id.0, &run.name, state);
        event.related.push(Resource::from([
            ("prefect.resource.id".into(), format!("prefect.flow.{}", run.flow_id)),
            ("prefect.resource.role".into(), "flow".into()),
            ("prefect.resource.name".into(), run.flow_name.clone()),
        ]));
        event
    }

    /// Tells of a task run that entered a state.
    pub fn of_task_run(run: &TaskRun, state: &State) -> Self {
        let mut event = Event::of_state("task-run", &run.id.0, &run.name, state);
        if let Some(flow_run) = run.flow_run_id {
            event.related.push(Resource::from([
                ("prefect.resource.id".into(), format!("prefect.flow-run.{flow_run}")),
                ("prefect.resource.role".into(), "flow-run".into()),
            ]));
        }
        event
    }

    fn of_state(thing: &str, id: &Uuid, name: &str, state: &State) -> Self {
        Event {
            id: state.id.0,
            occurred: state.timestamp,
            event: format!("prefect.{thing}.{}", state.name),
            resource: Resource::from([
                ("prefect.resource.id".into(), format!("prefect.{thing}.{id}")),
                ("prefect.resource.name".into(), name.to_owned()),
                ("prefect.state-name".into(), state.name.to_string()),
                ("prefect.state-type".into(), state.kind.to_string()),
                ("prefect.state-timestamp".into(), state.timestamp.to_rfc3339()),
                ("prefect.state-message".into(), state.message.clone().unwrap_or_default()),
            ]),
            related: Vec::new(),
            payload: serde_json::Value::Null,
        }
    }
}
