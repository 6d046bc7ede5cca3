//! Events that programs tell of, inside of runs and outside.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::background::Background;
use super::context::{Around, Scope};
use super::core::Engine;
use super::outbox::MOST_WAITING;
use crate::clock::{Clock, SystemClock};
use crate::model::{
    Event, FLOW_RUN_PREFIX, RESOURCE_ID, RESOURCE_ROLE, Resource, TASK_RUN_PREFIX, Timestamp, related_resource,
};

/// Only events as near in time as this follow one another, as in Prefect: for others their times tell the order.
const TIGHT: TimeDelta = TimeDelta::minutes(5);

/// An event to be told of: make one, say more of it, and [`emit`](NewEvent::emit) it.
#[derive(Clone, Debug)]
#[must_use = "an event is told of when it is emitted"]
pub struct NewEvent {
    event: String,
    resource: Resource,
    related: Vec<Resource>,
    payload: Result<Value, String>,
    occurred: Option<Timestamp>,
    id: Option<Uuid>,
    follows: Option<(Uuid, Timestamp)>,
    engine: Option<Engine>,
}

/// Says why an event was not emitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// It has no name.
    #[error("an event needs a name, such as `order.received`")]
    NoName,
    /// It does not say what it happened to.
    #[error("event `{0}` needs a resource: say what it happened to by `.resource(\"shop.order.17\")`")]
    NoResource(String),
    /// A related resource is incomplete.
    #[error("a related resource of event `{0}` needs both `prefect.resource.id` and `prefect.resource.role`")]
    IncompleteRelated(String),
    /// Its payload is no object.
    #[error("the payload of event `{event}` has to be a JSON object: {reason}")]
    Payload {
        /// The event's name.
        event: String,
        /// What it is instead.
        reason: String,
    },
}

/// Makes an event: something that has happened to a resource, for people to see and for others to react to.
///
/// Inside of a run the event is related to the run, its flow and their tags. It is kept within milliseconds, off the path
/// of the code that tells of it, and before the flow run ends.
///
/// ```
/// # fn example() -> flowcore::Result<()> {
/// let received = flowcore::event("order.received")
///     .resource("shop.order.17")
///     .related("shop.customer.4", "customer")
///     .payload(serde_json::json!({ "amount": 30 }))
///     .emit()?;
/// flowcore::event("order.paid").resource("shop.order.17").follows(&received).emit()?;
/// # Ok(())
/// # }
/// ```
pub fn event(name: impl Into<String>) -> NewEvent {
    NewEvent {
        event: name.into(),
        resource: Resource::new(),
        related: Vec::new(),
        payload: Ok(Value::Object(serde_json::Map::new())),
        occurred: None,
        id: None,
        follows: None,
        engine: None,
    }
}

impl NewEvent {
    /// Sets what it happened to, by its id. Ids are paths with dots by custom, the most general first.
    pub fn resource(self, id: impl Into<String>) -> Self {
        self.label(RESOURCE_ID, id)
    }

    /// Sets a label of what it happened to, such as `prefect.resource.name`.
    pub fn label(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.resource.insert(label.into(), value.into());
        self
    }

    /// Adds a resource that it also concerns, with what that is to the event.
    pub fn related(self, id: impl Into<String>, role: impl Into<String>) -> Self {
        self.related_resource(related_resource(id, role, None))
    }

    /// Adds a resource that it also concerns, with all its labels; `prefect.resource.id` and `prefect.resource.role` have
    /// to be among them.
    pub fn related_resource(mut self, resource: Resource) -> Self {
        self.related.push(resource);
        self
    }

    /// Sets anything more that is to be known: what serde writes as an object.
    pub fn payload(mut self, payload: impl Serialize) -> Self {
        self.payload = match serde_json::to_value(payload) {
            Ok(payload @ Value::Object(_)) => Ok(payload),
            Ok(other) => Err(format!("it is {other}")),
            Err(error) => Err(error.to_string()),
        };
        self
    }

    /// Sets when it happened, if that is not now.
    pub fn occurred(mut self, occurred: Timestamp) -> Self {
        self.occurred = Some(occurred);
        self
    }

    /// Sets its id, so that an event which is emitted twice is kept once.
    pub fn id(mut self, id: Uuid) -> Self {
        self.id = Some(id);
        self
    }

    /// Says that this happened after another event, for readers who cannot tell it by the times. It is not noted for events
    /// that are more than five minutes apart.
    pub fn follows(mut self, earlier: &Event) -> Self {
        self.follows = Some((earlier.id, earlier.occurred));
        self
    }

    /// Keeps it by this engine, instead of the one that the run around is on or, outside of runs, the process's own.
    pub fn on(mut self, engine: &Engine) -> Self {
        self.engine = Some(engine.clone());
        self
    }

    /// Tells of the event, and gives it as it is kept. Plain functions may do so, too.
    ///
    /// Outside of runs the process's own engine keeps it, which is made for it if need be. A program without
    /// `#[flowcore::main]` flushes that before it ends: `Engine::default().await?.flush().await?`.
    ///
    /// # Errors
    ///
    /// The event has no name or no resource, a related resource is incomplete, or the payload is no JSON object.
    pub fn emit(mut self) -> Result<Event, EventError> {
        let engine = self.engine.take().or_else(|| Scope::peek(|around| around.engine.clone()));
        let engine = engine.or_else(|| Engine::made().inspect(Early::give_to));
        let clock = engine.as_ref().map(|engine| engine.0.clock.clone());
        let event = self.build(clock.as_deref().unwrap_or(&SystemClock))?;
        match engine {
            Some(engine) => engine.0.events.push(event.clone()),
            None => Early::push(event.clone()),
        }
        Ok(event)
    }

    /// Completes the event as of this clock's time without telling of it, for those who keep it by themselves.
    ///
    /// # Errors
    ///
    /// As of [`NewEvent::emit`].
    pub fn build(self, clock: &dyn Clock) -> Result<Event, EventError> {
        let NewEvent { event, resource, mut related, payload, occurred, id, follows, .. } = self;
        let has = |resource: &Resource, label: &str| resource.get(label).is_some_and(|value| !value.is_empty());
        if event.is_empty() {
            return Err(EventError::NoName);
        }
        if !has(&resource, RESOURCE_ID) {
            return Err(EventError::NoResource(event));
        }
        if !related.iter().all(|related| has(related, RESOURCE_ID) && has(related, RESOURCE_ROLE)) {
            return Err(EventError::IncompleteRelated(event));
        }
        let payload = match payload {
            Ok(payload) => payload,
            Err(reason) => return Err(EventError::Payload { event, reason }),
        };
        let named = |id: &str, related: &[Resource]| {
            std::iter::once(&resource)
                .chain(related)
                .any(|resource| resource.get(RESOURCE_ID).is_some_and(|one| one == id))
        };
        for around in Scope::peek(of_run).unwrap_or_default() {
            if around.get(RESOURCE_ID).is_some_and(|id| !named(id, &related)) {
                related.push(around);
            }
        }
        let received = clock.now();
        let occurred = occurred.unwrap_or(received);
        let follows = follows.filter(|(_, earlier)| (occurred - *earlier).abs() < TIGHT).map(|(id, _)| id);
        let id = id.unwrap_or_else(|| clock.uuid_at(received));
        Ok(Event { id, occurred, event, resource, related, payload, follows, received })
    }
}

/// Lists what an event inside of a run is related to: the flow run, the task run, the flow, and their tags.
fn of_run(around: &Around) -> Vec<Resource> {
    let mut related = Vec::new();
    let mut tags = BTreeSet::new();
    if let Some(flow) = &around.flow {
        related.push(related_resource(format!("{FLOW_RUN_PREFIX}{}", flow.id), "flow-run", Some(&flow.name)));
        tags.extend(flow.tags.iter().cloned());
    }
    if let Some(task) = &around.task {
        let (name, of_task) = task.name_and_tags();
        related.push(related_resource(format!("{TASK_RUN_PREFIX}{}", task.id), "task-run", Some(&name)));
        tags.extend(of_task);
    }
    if let Some(flow) = &around.flow {
        related.push(related_resource(format!("prefect.flow.{}", flow.flow_id), "flow", Some(&flow.flow_name)));
    }
    related.extend(tags.into_iter().map(|tag| related_resource(format!("prefect.tag.{tag}"), "tag", None)));
    related
}

/// Events from before the process's own engine was made, which they are waiting for.
pub(crate) struct Early {
    waiting: Mutex<Waiting>,
    background: Background,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Event>,
    /// Whether the engine is being made for them.
    asked: bool,
}

static EARLY: LazyLock<Early> =
    LazyLock::new(|| Early { waiting: Mutex::default(), background: Background::default() });

impl Early {
    fn lock() -> MutexGuard<'static, Waiting> {
        EARLY.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(event: Event) {
        if Early::lock().push(event) {
            EARLY.background.run(async {
                match Engine::default().await {
                    Ok(engine) => Early::give_to(&engine),
                    Err(error) => {
                        Early::lock().asked = false;
                        tracing::error!(target: "flowcore", "events cannot be kept, which the next one tries again: {error}");
                    }
                }
            });
        }
    }

    /// Tells whether events are waiting.
    #[cfg(feature = "macros")]
    pub(crate) fn are_waiting() -> bool {
        !Early::lock().events.is_empty()
    }

    /// Gives those that are waiting to the process's own engine, which has been made.
    pub(crate) fn give_to(own: &Engine) {
        let waiting = std::mem::take(&mut *Early::lock());
        waiting.events.into_iter().for_each(|event| own.0.events.push(event));
    }
}

impl Waiting {
    /// Adds an event, in the place of the oldest if there are too many; tells whether the engine is to be made for it.
    fn push(&mut self, event: Event) -> bool {
        if self.events.len() >= MOST_WAITING {
            self.events.pop_front();
        }
        self.events.push_back(event);
        !std::mem::replace(&mut self.asked, true)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]

    use super::*;

    #[test]
    fn events_ask_again_for_an_engine_that_could_not_be_made_and_the_oldest_make_room() {
        let told = |name: String| event(name).resource("shop").build(&SystemClock).expect("it is complete");
        let mut waiting = Waiting::default();
        assert!(waiting.push(told("first".into())));
        assert!(!waiting.push(told("second".into())), "it is being made");
        waiting.asked = false;
        assert!(waiting.push(told("third".into())));
        let template = told("more".into());
        for _ in 0..MOST_WAITING - 2 {
            waiting.push(template.clone());
        }
        assert_eq!((waiting.events.len(), &*waiting.events[0].event), (MOST_WAITING, "second"));
    }
}
