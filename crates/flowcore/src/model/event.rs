//! Events: what happened, to whom, when.
//!
//! A change of a run's state is an event whose id is the state's. It is stored once, as the state in the run's
//! history, and read as an event from there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Timestamp;

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
    /// Anything more: an object, or null.
    pub payload: serde_json::Value,
    /// The event that is known to have happened before this one, where two of nearly the same time belong together.
    pub follows: Option<Uuid>,
    /// When it was taken in to be kept.
    pub received: Timestamp,
}

/// The label that every resource has: what it is called, uniquely.
pub const RESOURCE_ID: &str = "prefect.resource.id";

/// The label of a related resource that says what it is to the event.
pub const RESOURCE_ROLE: &str = "prefect.resource.role";

/// The label that names a resource for people.
pub const RESOURCE_NAME: &str = "prefect.resource.name";

/// Makes a related resource of an id, its role in the event, and a name if it has one.
pub fn related_resource(id: impl Into<String>, role: impl Into<String>, name: Option<&str>) -> Resource {
    let labels =
        [(RESOURCE_ID, Some(id.into())), (RESOURCE_ROLE, Some(role.into())), (RESOURCE_NAME, name.map(Into::into))];
    labels.into_iter().filter_map(|(label, value)| Some((label.to_owned(), value?))).collect()
}

/// What the names of changes of flow runs' states begin with, and the ids of flow runs as resources.
pub(crate) const FLOW_RUN_PREFIX: &str = "prefect.flow-run.";

/// The same of task runs.
pub(crate) const TASK_RUN_PREFIX: &str = "prefect.task-run.";

impl Event {
    /// Tells the id of what it happened to.
    pub fn resource_id(&self) -> &str {
        self.resource.get(RESOURCE_ID).map_or("", String::as_str)
    }

    /// Goes through what it happened to and what else it concerns.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        std::iter::once(&self.resource).chain(&self.related)
    }
}
