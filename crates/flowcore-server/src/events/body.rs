//! Events as they travel.

use flowcore::model::{Event, RESOURCE_ID, RESOURCE_ROLE, Resource, Timestamp};
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// How many characters the name of an event may have.
const LONGEST_NAME: usize = 1024;

/// How many labels a resource may have.
const MOST_LABELS: usize = 500;

/// How many related resources an event may have.
const MOST_RELATED: usize = 100;

/// An event as clients send it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "UncheckedEvent")]
pub(crate) struct EventBody(pub(crate) UncheckedEvent);

/// An event that may not be what it should be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct UncheckedEvent {
    pub(crate) occurred: Moment,
    pub(crate) event: String,
    pub(crate) resource: Resource,
    #[serde(default)]
    pub(crate) related: Vec<Resource>,
    #[serde(default)]
    pub(crate) payload: Map<String, Value>,
    pub(crate) id: Uuid,
    #[serde(default)]
    pub(crate) follows: Option<Uuid>,
}

impl TryFrom<UncheckedEvent> for EventBody {
    type Error = String;

    fn try_from(event: UncheckedEvent) -> Result<Self, String> {
        if event.event.chars().count() > LONGEST_NAME {
            return Err(format!("Event name must be at most {LONGEST_NAME} characters"));
        }
        if event.related.len() > MOST_RELATED {
            return Err(format!("The maximum number of related resources is {MOST_RELATED}"));
        }
        let there = |resource: &Resource, label: &str| resource.get(label).is_some_and(|value| !value.is_empty());
        for resource in std::iter::once(&event.resource).chain(&event.related) {
            if resource.len() > MOST_LABELS {
                return Err(format!("The maximum number of labels per resource is {MOST_LABELS}"));
            }
            if !there(resource, RESOURCE_ID) {
                return Err(format!("Resources must include the {RESOURCE_ID} label, and it must be non-empty"));
            }
        }
        if !event.related.iter().all(|related| there(related, RESOURCE_ROLE)) {
            return Err(format!("Related Resources must include the {RESOURCE_ROLE} label, and it must be non-empty"));
        }
        Ok(EventBody(event))
    }
}

impl EventBody {
    /// Takes it in.
    pub(crate) fn received(self, now: Timestamp) -> Event {
        let EventBody(event) = self;
        Event {
            id: event.id,
            occurred: event.occurred.0,
            event: event.event,
            resource: event.resource,
            related: event.related,
            payload: Value::Object(event.payload),
            follows: event.follows,
            received: now,
        }
    }
}

/// An event as the server tells it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ReceivedEvent {
    occurred: Moment,
    event: String,
    resource: Resource,
    related: Vec<Resource>,
    payload: Map<String, Value>,
    id: Uuid,
    follows: Option<Uuid>,
    received: Moment,
}

impl From<Event> for ReceivedEvent {
    fn from(event: Event) -> Self {
        let payload = match event.payload {
            Value::Object(payload) => payload,
            _ => Map::new(),
        };
        ReceivedEvent {
            occurred: Moment(event.occurred),
            event: event.event,
            resource: event.resource,
            related: event.related,
            payload,
            id: event.id,
            follows: event.follows,
            received: Moment(event.received),
        }
    }
}
