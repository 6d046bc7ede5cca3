//! The program's own events, and what others tell of.

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::held::HeldRun;
use super::inner::Inner;
use super::reading::criteria;
use crate::client::{ClientError, Request};
use crate::clock::Clock;
use crate::model::{Event, EventFilter, Order, Resource, ResourceFilter, Timestamp};
use crate::wire::Moment;

/// How many events a Prefect server gives at once.
const PAGE: usize = 50;

/// How long ago the first events may be that are asked for without a time. A server keeps none for so long.
const LONGEST_AGO: TimeDelta = TimeDelta::days(3650);

/// Writes an event as the server wants it.
pub(super) fn line(event: &Event) -> String {
    let payload = if event.payload.is_null() { json!({}) } else { event.payload.clone() };
    let body = json!({
        "id": event.id,
        "occurred": Moment(event.occurred),
        "event": event.event,
        "resource": event.resource,
        "related": event.related,
        "payload": payload,
        "follows": event.follows,
    });
    body.to_string()
}

/// Writes the event by which Prefect's clients tell that a flow run is alive, and until when that is to be believed.
pub(super) fn heartbeat(run: &HeldRun, expires: Timestamp, clock: &dyn Clock) -> String {
    let body = json!({
        "id": clock.uuid(),
        "occurred": clock.now(),
        "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": format!("prefect.flow-run.{}", run.id), "prefect.resource.name": run.name},
        "related": [],
        "payload": {"flowcore.expires": Moment(expires)},
    });
    body.to_string()
}

/// An event as a server tells it.
#[derive(Deserialize)]
struct EventBody {
    id: Uuid,
    occurred: Moment,
    event: String,
    resource: Resource,
    #[serde(default)]
    related: Vec<Resource>,
    #[serde(default)]
    payload: Value,
    #[serde(default)]
    follows: Option<Uuid>,
    #[serde(default)]
    received: Option<Moment>,
}

impl From<EventBody> for Event {
    fn from(body: EventBody) -> Self {
        Event {
            received: body.received.unwrap_or(body.occurred).0,
            id: body.id,
            occurred: body.occurred.0,
            event: body.event,
            resource: body.resource,
            related: body.related,
            payload: body.payload,
            follows: body.follows,
        }
    }
}

#[derive(Deserialize)]
struct EventPage {
    events: Vec<EventBody>,
    next_page: Option<String>,
}

impl Inner {
    /// Lists events. The server selects what it can, and the rest is left out here, so that it is the same everywhere.
    pub(super) async fn events(&self, filter: &EventFilter) -> Result<Vec<Event>, ClientError> {
        let body = json!({"filter": self.event_criteria(filter), "limit": PAGE});
        let mut page: EventPage =
            self.server.ask(Request::post("/events/filter", "list events", &body)).await?.read()?;
        let (mut found, mut skipped) = (Vec::new(), 0);
        loop {
            let events = std::mem::take(&mut page.events).into_iter().map(Event::from);
            for event in events.filter(|event| filter.selects(event)) {
                if skipped < filter.page.offset {
                    skipped += 1;
                } else {
                    found.push(event);
                }
            }
            if found.len() >= filter.page.limit as usize {
                break;
            }
            let Some(token) = page.next_page.as_deref().and_then(|next| next.split_once("page-token=")) else { break };
            let path = format!("/events/filter/next?page-token={}", token.1);
            page = self.server.ask(Request::get(path, "list events")).await?.read()?;
        }
        found.truncate(filter.page.limit as usize);
        Ok(found)
    }

    fn event_criteria(&self, filter: &EventFilter) -> Value {
        let list = |values: &[String]| (!values.is_empty()).then(|| json!(values));
        let resource = |wanted: &ResourceFilter| {
            Value::Object(criteria([("id", list(&wanted.ids)), ("id_prefix", list(&wanted.id_prefixes))]))
        };
        let names = criteria([
            ("prefix", list(&filter.event.prefixes)),
            ("name", list(&filter.event.names)),
            ("exclude_prefix", list(&filter.event.excluded_prefixes)),
            ("exclude_name", list(&filter.event.excluded_names)),
        ]);
        let now = self.clock.now();
        let since: Timestamp = filter.since.unwrap_or(now - LONGEST_AGO);
        let until = filter.until.unwrap_or(now + TimeDelta::days(1));
        let mut any = Vec::new();
        if let Some(id) = filter.flow_run_id {
            any.push(json!({"id": [format!("prefect.flow-run.{id}")]}));
        }
        any.extend(filter.any_resource.iter().map(resource));
        let order = match filter.order {
            Order::OldestFirst => "ASC",
            Order::NewestFirst => "DESC",
        };
        let mut body = criteria([
            ("any_resource", (!any.is_empty()).then(|| json!(any))),
            ("event", (!names.is_empty()).then_some(Value::Object(names))),
            ("resource", (filter.resource != ResourceFilter::default()).then(|| resource(&filter.resource))),
            ("id", (!filter.ids.is_empty()).then(|| json!({"id": filter.ids}))),
        ]);
        body.insert("occurred".to_owned(), json!({"since": Moment(since), "until": Moment(until)}));
        body.insert("order".to_owned(), json!(order));
        Value::Object(body)
    }
}
