//! Changes of runs' states as events.
//!
//! An event says of a run what Prefect's say: the states before and after it in the payload, and what the run belongs to
//! as related resources.

use serde_json::{Value, json};

use super::event::{FLOW_RUN_PREFIX, RESOURCE_ID, RESOURCE_NAME, Resource, TASK_RUN_PREFIX, related_resource};
use super::{Event, FlowRun, State, StateType, TaskRun};

/// States that are further apart than this, in seconds, are in their order by their times alone.
const CLOSE: i64 = 5 * 60;

impl Event {
    /// Tells of a flow run that entered a state, from the one before it if there was one.
    pub fn of_flow_run(run: &FlowRun, before: Option<&State>, state: &State) -> Self {
        let mut event = of_state(FLOW_RUN_PREFIX, &run.id, &run.name, before, state);
        event.resource.insert("prefect.run-count".into(), run.times.run_count.to_string());
        let related = &mut event.related;
        related.push(related_resource(format!("prefect.flow.{}", run.flow_id), "flow", Some(&run.flow_name)));
        let origin = &run.origin;
        if let Some(id) = origin.deployment_id {
            related.push(related_resource(format!("prefect.deployment.{id}"), "deployment", None));
        }
        if let Some(id) = origin.work_queue_id {
            let name = origin.work_queue_name.as_deref();
            related.push(related_resource(format!("prefect.work-queue.{id}"), "work-queue", name));
        }
        if let Some(id) = run.parent_task_run_id {
            related.push(related_resource(format!("{TASK_RUN_PREFIX}{id}"), "task-run", None));
        }
        related.extend(tags(&run.tags));
        if let Some(creator) = &origin.created_by
            && let (Some(id), Some(kind @ ("DEPLOYMENT" | "AUTOMATION"))) = (creator.id, creator.kind.as_deref())
        {
            let id = format!("prefect.{}.{id}", kind.to_ascii_lowercase());
            related.push(related_resource(id, "creator", creator.display_value.as_deref()));
        }
        event
    }

    /// Tells of a task run that entered a state, from the one before it if there was one.
    pub fn of_task_run(run: &TaskRun, before: Option<&State>, state: &State) -> Self {
        let mut event = of_state(TASK_RUN_PREFIX, &run.id, &run.name, before, state);
        event.resource.insert("prefect.run-count".into(), run.times.run_count.to_string());
        // Decided where the task runs, and only told of.
        event.resource.insert("prefect.orchestration".into(), "client".into());
        event
            .related
            .extend(run.flow_run_id.map(|id| related_resource(format!("{FLOW_RUN_PREFIX}{id}"), "flow-run", None)));
        event.related.extend(tags(&run.tags));
        event
    }
}

fn of_state(prefix: &str, id: &dyn std::fmt::Display, name: &str, before: Option<&State>, state: &State) -> Event {
    let follows = before.filter(|before| (state.timestamp - before.timestamp).num_seconds().abs() < CLOSE);
    Event {
        id: state.id.0,
        occurred: state.timestamp,
        event: format!("{prefix}{}", state.name),
        resource: Resource::from([
            (RESOURCE_ID.into(), format!("{prefix}{id}")),
            (RESOURCE_NAME.into(), name.to_owned()),
            ("prefect.state-name".into(), state.name.to_string()),
            ("prefect.state-type".into(), state.kind.to_string()),
            ("prefect.state-timestamp".into(), state.timestamp.to_rfc3339()),
            ("prefect.state-message".into(), state.message.clone().unwrap_or_default()),
        ]),
        related: Vec::new(),
        payload: json!({
            "intended": {"from": before.map(|before| before.kind.as_str()), "to": state.kind.as_str()},
            "initial_state": before.map(told),
            "validated_state": told(state),
        }),
        follows: follows.map(|before| before.id.0),
        received: state.timestamp,
    }
}

/// What a payload says of a state.
fn told(state: &State) -> Value {
    let mut told = json!({"type": state.kind.as_str(), "name": state.name});
    if let Some(message) = state.message.as_deref().filter(|message| !message.is_empty()) {
        told["message"] = message.into();
    }
    if state.kind == StateType::Paused {
        told["pause_reschedule"] =
            state.details.as_ref().is_some_and(|details| details.pause_reschedule).to_string().into();
    }
    told
}

fn tags(tags: &[String]) -> impl Iterator<Item = Resource> {
    let mut sorted: Vec<&String> = tags.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.into_iter().map(|tag| related_resource(format!("prefect.tag.{tag}"), "tag", None))
}
