//! An event in the making.

use flowcore::model::{Event, RESOURCE_ID, RESOURCE_NAME, Resource, Timestamp, related_resource};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Something that happens now, and what is told of it.
///
/// ```
/// # use flowcore_server::NewEvent;
/// let event = NewEvent::of("shop.order.placed", "shop.order.17")
///     .name("seventeen")
///     .related("shop.customer.4", "buyer", Some("Ada"))
///     .payload("total", 99.5);
/// ```
#[derive(Clone, Debug)]
pub struct NewEvent {
    event: String,
    resource: Resource,
    related: Vec<Resource>,
    payload: Map<String, Value>,
    follows: Option<Uuid>,
    occurred: Option<Timestamp>,
}

impl NewEvent {
    /// Names what happened (`prefect.variable.created`), and to what (`prefect.variable.ID`).
    #[must_use]
    pub fn of(event: impl Into<String>, resource: impl Into<String>) -> Self {
        NewEvent {
            event: event.into(),
            resource: Resource::from([(RESOURCE_ID.to_owned(), resource.into())]),
            related: Vec::new(),
            payload: Map::new(),
            follows: None,
            occurred: None,
        }
    }

    /// Says what people call the thing that it happened to.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.label(RESOURCE_NAME, name)
    }

    /// Adds a label to the thing that it happened to.
    #[must_use]
    pub fn label(mut self, label: &str, value: impl Into<String>) -> Self {
        self.resource.insert(label.to_owned(), value.into());
        self
    }

    /// Says what else it concerns: its id, what it is to the event, and what people call it.
    #[must_use]
    pub fn related(mut self, id: impl Into<String>, role: &str, name: Option<&str>) -> Self {
        self.related.push(related_resource(id, role, name));
        self
    }

    /// Says what else it concerns, with labels of one's own; the id and the role have to be among them.
    #[must_use]
    pub fn also(mut self, resource: Resource) -> Self {
        self.related.push(resource);
        self
    }

    /// Says when it happened, unless that is now.
    #[must_use]
    pub fn occurred(mut self, time: Timestamp) -> Self {
        self.occurred = Some(time);
        self
    }

    /// Adds a field to the payload. What cannot be written as JSON becomes null.
    #[must_use]
    pub fn payload(mut self, field: &str, value: impl serde::Serialize) -> Self {
        self.payload.insert(field.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// Says after which event it came, where two of nearly the same time belong together.
    #[must_use]
    pub fn follows(mut self, event: Uuid) -> Self {
        self.follows = Some(event);
        self
    }

    /// Makes it an event of this id and time.
    pub(super) fn at(self, id: Uuid, now: Timestamp) -> Event {
        Event {
            id,
            occurred: self.occurred.unwrap_or(now),
            event: self.event,
            resource: self.resource,
            related: self.related,
            payload: Value::Object(self.payload),
            follows: self.follows,
            received: now,
        }
    }
}
