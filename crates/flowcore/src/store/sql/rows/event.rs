//! The table `events`.

use crate::model::Event;
use crate::store::StoreError;
use crate::store::sql::driver::{Arguments, Row};
use crate::store::sql::template::Template;

use super::json::{from_json, json, micros, time};

/// The columns that [`event`] reads.
pub(in crate::store::sql) const EVENT_COLUMNS: &str =
    "id, occurred, event, resource, related, payload, follows, received";

/// Keeps events; one that is known already stays.
pub(in crate::store::sql) static APPEND_EVENTS: Template = Template::new(
    "INSERT INTO events (id, occurred, event, resource, related, payload, follows, received) VALUES ",
    8,
    " ON CONFLICT (id) DO NOTHING",
);

pub(in crate::store::sql) fn encode_event(event: &&Event, to: &mut Arguments) {
    to.uuid(event.id);
    to.int(micros(event.occurred));
    to.text(event.event.as_str());
    to.owned(json(&event.resource));
    to.owned(json(&event.related));
    to.owned(json(&event.payload));
    to.uuid(event.follows);
    to.int(micros(event.received));
}

pub(in crate::store::sql) fn event(row: &Row) -> Result<Event, StoreError> {
    Ok(Event {
        id: row.uuid(0)?,
        occurred: time(row.int(1)?)?,
        event: row.text(2)?.to_owned(),
        resource: from_json(row.text(3)?)?,
        related: from_json(row.text(4)?)?,
        payload: from_json(row.text(5)?)?,
        follows: row.optional_uuid(6)?,
        received: time(row.int(7)?)?,
    })
}
