//! Task runs as Prefect's API takes them: an event for each state, from which the server makes the run.
//!
//! The event's id is the state's. A server may get events in any order and more than once, and the times tell it the
//! order: no two states of a run may have one time.

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::dynamic_key;
use crate::model::{Event, RunTimes, State, StateDetails, StateType, TaskRun, TaskRunRecord, Timestamp};
use crate::wire::{Moment, PolicyBody, StateCreate};

/// The longest message of a state, in characters, that Prefect's clients send.
const LONGEST_MESSAGE: usize = 100_000;

/// How many delays a task run's policy may have, by Prefect's rules.
const MOST_DELAYS: usize = 50;

/// Writes what is new of a task run.
pub(super) fn of_record(record: &TaskRunRecord) -> Vec<String> {
    let mut lines = Vec::with_capacity(record.states.len());
    let mut before: Option<(&State, Timestamp)> = None;
    for state in &record.states {
        let mut occurred = state.timestamp;
        if let Some((_, earlier)) = before.filter(|(_, earlier)| *earlier >= occurred) {
            occurred = earlier + TimeDelta::microseconds(1);
        }
        lines.push(of_state(&record.run, before.map(|(state, _)| state), state, occurred).to_string());
        before = Some((state, occurred));
    }
    lines
}

fn of_state(run: &TaskRun, before: Option<&State>, state: &State, occurred: Timestamp) -> Value {
    let message: String = state.message.iter().flat_map(|message| message.chars()).take(LONGEST_MESSAGE).collect();
    let mut resource = Event::of_task_run(run, before, state).resource;
    resource.insert("prefect.state-timestamp".to_owned(), occurred.to_rfc3339());
    resource.insert("prefect.state-message".to_owned(), message.clone());
    let flow_run = run.flow_run_id.map(
        |id| json!({"prefect.resource.id": format!("prefect.flow-run.{id}"), "prefect.resource.role": "flow-run"}),
    );
    let tags = run
        .tags
        .iter()
        .map(|tag| json!({"prefect.resource.id": format!("prefect.tag.{tag}"), "prefect.resource.role": "tag"}));
    json!({
        "id": state.id,
        "occurred": occurred,
        "event": format!("prefect.task-run.{}", state.name),
        "resource": resource,
        "related": flow_run.into_iter().chain(tags).collect::<Vec<Value>>(),
        "follows": before.map(|before| before.id),
        "payload": {
            "intended": {"from": before.map(|before| before.kind), "to": state.kind},
            "initial_state": before.map(told),
            "validated_state": told(state),
            "task_run": fields(run, state),
        },
    })
}

/// Tells of a state without what is said elsewhere in the event.
fn told(state: &State) -> Value {
    let details = state.details.as_deref().cloned().unwrap_or_default();
    let details = StateDetails { flow_run_id: None, task_run_id: None, ..details };
    let create = StateCreate::from(state);
    let message = create.message.map(|message| message.chars().take(LONGEST_MESSAGE).collect());
    json!(StateCreate { state_details: details, message, ..create })
}

/// Tells of the run as it was in one of its states, as far as the server has to know: of what is to come nothing is said.
fn fields(run: &TaskRun, state: &State) -> Map<String, Value> {
    let mut policy = run.empirical_policy.clone();
    policy.retry_delay.truncate(MOST_DELAYS);
    let RunTimes { run_count, expected_start_time, next_scheduled_start_time, start_time, end_time, total_run_time } =
        &run.times;
    let is_last = state.id == run.state.id;
    let moment = |time: &Option<Timestamp>| time.map(Moment);
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a run are exact in a double")]
    let seconds = *total_run_time as f64 / 1e6;
    let fields = json!({
        "name": run.name,
        "task_key": run.task_key,
        "dynamic_key": dynamic_key::write(run),
        "cache_key": run.cache_key,
        "task_version": run.task_version,
        "empirical_policy": PolicyBody::from(&policy),
        "tags": run.tags,
        "task_inputs": run.task_inputs,
        "run_count": run_count,
        "flow_run_run_count": run.attempt,
        "expected_start_time": Moment(*expected_start_time),
        "next_scheduled_start_time": moment(next_scheduled_start_time).filter(|_| state.kind == StateType::Scheduled),
        "start_time": moment(start_time),
        "end_time": moment(end_time).filter(|_| is_last),
        "total_run_time": seconds,
    });
    match fields {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}
