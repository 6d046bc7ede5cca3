//! States, and what becomes of a proposed one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::time::Moment;
use crate::model::{State, StateData, StateDetails, StateId, StateType, Timestamp};

/// A state as a client proposes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StateCreate {
    /// What rules look at.
    #[serde(rename = "type")]
    pub kind: StateType,
    /// What people read; the type's own name if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Why, in a sentence.
    #[serde(default)]
    pub message: Option<String>,
    /// The result, or where it is.
    #[serde(default)]
    pub data: Option<Box<RawValue>>,
    /// What rules need beyond the type.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "DetailsBody"))]
    pub state_details: StateDetails,
}

impl StateCreate {
    /// Makes a state of this type, of which nothing else is said.
    pub fn new(kind: StateType) -> Self {
        StateCreate { kind, name: None, message: None, data: None, state_details: StateDetails::default() }
    }

    /// Makes the state, which is entered now.
    pub fn into_state(self, id: StateId, now: Timestamp) -> State {
        let mut state = State::new(self.kind, id, now);
        if let Some(name) = self.name {
            state.name = name.into();
        }
        state.message = self.message;
        state.data = self.data.map(data).map(Box::new);
        if self.state_details != StateDetails::default() {
            state.details = Some(Box::new(self.state_details));
        }
        state
    }
}

impl From<&State> for StateCreate {
    fn from(state: &State) -> Self {
        StateCreate {
            kind: state.kind,
            name: Some(state.name.to_string()),
            message: state.message.clone(),
            data: raw(state),
            state_details: state.details.as_deref().cloned().unwrap_or_default(),
        }
    }
}

/// Writes the data of a state, those of another kind of client in its own form.
fn raw(state: &State) -> Option<Box<RawValue>> {
    state.data.as_deref().and_then(|data| match data {
        StateData::Foreign { value } => Some(value.clone()),
        own => serde_json::value::to_raw_value(own).ok(),
    })
}

/// Reads the data of a state: our own, or another kind of client's.
fn data(raw: Box<RawValue>) -> StateData {
    serde_json::from_str(raw.get()).unwrap_or(StateData::Foreign { value: raw })
}

/// A state as a server tells it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StateBody {
    /// Names the state.
    pub id: Uuid,
    /// What rules look at.
    #[serde(rename = "type")]
    pub kind: StateType,
    /// What people read.
    pub name: Option<String>,
    /// When it was entered.
    pub timestamp: Moment,
    /// Why, in a sentence.
    pub message: Option<String>,
    /// The result, or where it is.
    pub data: Option<Box<RawValue>>,
    /// What rules need beyond the type.
    pub state_details: DetailsBody,
}

impl From<&State> for StateBody {
    fn from(state: &State) -> Self {
        StateBody {
            id: state.id.0,
            kind: state.kind,
            name: Some(state.name.to_string()),
            timestamp: Moment(state.timestamp),
            message: state.message.clone(),
            data: raw(state),
            state_details: DetailsBody::from(state.details.as_deref().unwrap_or(&StateDetails::default())),
        }
    }
}

impl From<StateBody> for State {
    fn from(body: StateBody) -> Self {
        let create = StateCreate {
            kind: body.kind,
            name: body.name,
            message: body.message,
            data: body.data,
            state_details: body.state_details.into(),
        };
        create.into_state(StateId(body.id), body.timestamp.0)
    }
}

/// The details of a state, with a field for each that Prefect has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[expect(missing_docs, reason = "they are those of `StateDetails`")]
pub struct DetailsBody {
    pub flow_run_id: Option<Uuid>,
    pub task_run_id: Option<Uuid>,
    pub child_flow_run_id: Option<Uuid>,
    pub scheduled_time: Option<Moment>,
    pub cache_key: Option<String>,
    pub cache_expiration: Option<Moment>,
    pub deferred: Option<bool>,
    pub untrackable_result: bool,
    pub pause_timeout: Option<Moment>,
    pub pause_reschedule: bool,
    pub pause_key: Option<String>,
    pub run_input_keyset: Option<BTreeMap<String, String>>,
    pub refresh_cache: Option<bool>,
    pub retriable: Option<bool>,
    pub transition_id: Option<Uuid>,
    pub task_parameters_id: Option<Uuid>,
    pub traceparent: Option<String>,
    pub deployment_concurrency_lease_id: Option<Uuid>,
    /// Flowcore's own fields, which Prefect does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_committed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
}

impl From<&StateDetails> for DetailsBody {
    fn from(details: &StateDetails) -> Self {
        DetailsBody {
            flow_run_id: details.flow_run_id.map(|id| id.0),
            task_run_id: details.task_run_id.map(|id| id.0),
            child_flow_run_id: details.child_flow_run_id.map(|id| id.0),
            scheduled_time: details.scheduled_time.map(Moment),
            cache_key: details.cache_key.clone(),
            cache_expiration: details.cache_expiration.map(Moment),
            deferred: Some(details.deferred.unwrap_or_default()),
            untrackable_result: details.untrackable_result,
            pause_timeout: details.pause_timeout.map(Moment),
            pause_reschedule: details.pause_reschedule,
            pause_key: details.pause_key.clone(),
            run_input_keyset: details.run_input_keyset.clone(),
            refresh_cache: details.refresh_cache,
            retriable: details.retriable,
            transition_id: details.transition_id,
            task_parameters_id: details.task_parameters_id,
            traceparent: details.traceparent.clone(),
            deployment_concurrency_lease_id: details.deployment_concurrency_lease_id,
            transaction_committed: details.transaction_committed,
            input_schema: details.input_schema.clone(),
            input: details.input.clone(),
        }
    }
}

impl From<DetailsBody> for StateDetails {
    fn from(body: DetailsBody) -> Self {
        StateDetails {
            flow_run_id: body.flow_run_id.map(Into::into),
            task_run_id: body.task_run_id.map(Into::into),
            child_flow_run_id: body.child_flow_run_id.map(Into::into),
            scheduled_time: body.scheduled_time.map(|time| time.0),
            cache_key: body.cache_key,
            cache_expiration: body.cache_expiration.map(|time| time.0),
            retriable: body.retriable,
            transaction_committed: body.transaction_committed,
            pause_key: body.pause_key,
            pause_timeout: body.pause_timeout.map(|time| time.0),
            pause_reschedule: body.pause_reschedule,
            run_input_keyset: body.run_input_keyset,
            refresh_cache: body.refresh_cache,
            deferred: body.deferred.filter(|deferred| *deferred),
            untrackable_result: body.untrackable_result,
            transition_id: body.transition_id,
            task_parameters_id: body.task_parameters_id,
            deployment_concurrency_lease_id: body.deployment_concurrency_lease_id,
            traceparent: body.traceparent,
            input_schema: body.input_schema,
            input: body.input,
        }
    }
}

/// A proposal of a state.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetState {
    /// The state.
    pub state: StateCreate,
    /// Whether it is entered whatever the rules say.
    #[serde(default)]
    pub force: bool,
}

/// What became of a proposal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrchestrationResult {
    /// Where the run stands now, if it moved.
    pub state: Option<StateBody>,
    /// What the rules said.
    pub status: SetStateStatus,
    /// Why.
    pub details: ResponseDetails,
}

/// What rules said of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum SetStateStatus {
    /// The run is in the proposed state.
    Accept,
    /// The run is in another one.
    Reject,
    /// Whoever proposed it must stop.
    Abort,
    /// Ask again later.
    Wait,
}

/// Why rules said so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type")]
pub enum ResponseDetails {
    /// There is nothing to say.
    #[serde(rename = "accept_details")]
    Accept {},
    /// Another state was entered.
    #[serde(rename = "reject_details")]
    Reject {
        /// In a sentence.
        reason: Option<String>,
    },
    /// It must stop.
    #[serde(rename = "abort_details")]
    Abort {
        /// In a sentence.
        reason: Option<String>,
    },
    /// It must wait.
    #[serde(rename = "wait_details")]
    Wait {
        /// For so long.
        delay_seconds: i64,
        /// In a sentence.
        reason: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn proposed(body: Value) -> State {
        let create: StateCreate = serde_json::from_value(body).unwrap();
        create.into_state(StateId(Uuid::nil()), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_state_comes_back_as_it_was_proposed() {
        let data = json!({"storage_key": "a", "expiration": null});
        let state = proposed(json!({
            "type": "SCHEDULED", "name": "AwaitingRetry", "message": "soon", "data": data,
            "state_details": {"scheduled_time": "2026-05-28T12:00:00+02:00", "retriable": false, "task_parameters_id": null}
        }));
        let body = serde_json::to_value(StateBody::from(&state)).unwrap();
        assert_eq!(body["data"], data);
        assert_eq!(body["state_details"]["scheduled_time"], "2026-05-28T10:00:00Z");
        assert_eq!(body["state_details"]["cache_key"], Value::Null, "every field is there");
        let read: StateBody = serde_json::from_value(body).unwrap();
        assert_eq!(State::from(read), state);
    }

    #[test]
    fn a_name_and_details_may_be_left_out_and_nothing_may_be_added() {
        let state = proposed(json!({"type": "PENDING"}));
        assert_eq!((&*state.name, state.details), ("Pending", None));
        assert!(serde_json::from_value::<StateCreate>(json!({"type": "PENDING", "colour": 1})).is_err());
    }

    #[test]
    fn our_own_results_keep_their_kind() {
        let state = proposed(json!({"type": "COMPLETED", "data": {"kind": "inline", "value": [1]}}));
        assert!(matches!(state.data.as_deref(), Some(StateData::Inline { .. })));
    }
}
