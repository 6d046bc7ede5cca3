//! What events of runs say in Prefect beyond what the histories' events do: of task runs, the run and its states, whole; of flow
//! runs, what they belong to.

use std::collections::BTreeMap;

use flowcore::model::{Event, State, TaskRun, TaskRunId, Timestamp};
use flowcore::store::{ServerStore, StoreError};
use flowcore::wire::{StateBody, TaskRunBody};
use serde_json::Value;
use uuid::Uuid;

use super::surroundings::name_surroundings;

const PREFIX: &str = "prefect.task-run.";

/// Fills in what changes of states do not say themselves. Clients that wait for a background task read its result there.
pub(crate) async fn complete(store: &dyn ServerStore, now: Timestamp, events: &mut [Event]) -> Result<(), StoreError> {
    name_surroundings(store, events).await?;
    let mut ids: Vec<TaskRunId> = events.iter().filter_map(run).collect();
    if ids.is_empty() {
        return Ok(());
    }
    ids.sort_unstable();
    ids.dedup();
    let found = store.task_run_histories(&ids).await?.into_iter();
    let known: BTreeMap<TaskRunId, (TaskRun, Vec<State>)> = found.map(|found| (found.0.id, found)).collect();
    for event in events {
        let Some((task_run, history)) = run(event).and_then(|id| known.get(&id)) else { continue };
        let Some(place) = history.iter().position(|state| state.id.0 == event.id) else { continue };
        let state = |state: Option<&State>| state.and_then(|state| told(&StateBody::from(state)).ok());
        let payload = &mut event.payload;
        payload["initial_state"] = state(place.checked_sub(1).map(|before| &history[before])).unwrap_or_default();
        payload["validated_state"] = state(history.get(place)).unwrap_or_default();
        payload["task_run"] = told(&TaskRunBody::new(task_run, now)).unwrap_or_default();
    }
    Ok(())
}

fn told(body: &impl serde::Serialize) -> Result<Value, serde_json::Error> {
    serde_json::to_value(body)
}

/// Finds the task run whose history an event is of.
fn run(event: &Event) -> Option<TaskRunId> {
    // What a program tells itself has a payload of its own.
    let of_history = event.event.starts_with(PREFIX) && event.payload.get("intended").is_some();
    if !of_history || event.payload.get("task_run").is_some() {
        return None;
    }
    event.resource_id().strip_prefix(PREFIX)?.parse::<Uuid>().ok().map(TaskRunId)
}
