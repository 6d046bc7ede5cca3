//! `/events/out`: events as they happen, behind those that have happened lately.

use std::collections::HashSet;

use axum::extract::State;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::Response;
use chrono::Duration;
use flowcore::model::{Event, Order, Page};
use flowcore::store::StoreError;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::conversation::{INTERNAL_ERROR, PROTOCOL_ERROR, TRY_AGAIN, close, gone, hear, say};
use super::handshake::{SUBPROTOCOL, greet};
use crate::events::{ReceivedEvent, complete};
use crate::filter::EventFilter;
use crate::state::App;

/// How long what has happened counts as lately.
const BACKFILL: Duration = Duration::minutes(15);

/// How many events are read at once.
const PAGE: u32 = 250;

/// Opens the connection.
pub(super) async fn open(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols([SUBPROTOCOL]).on_upgrade(|socket| async move {
        if let Some(socket) = greet(&app, socket).await {
            converse(&app, socket).await;
        }
    })
}

/// An event as it is sent.
#[derive(Serialize)]
struct Told {
    #[serde(rename = "type")]
    kind: &'static str,
    event: ReceivedEvent,
}

impl From<Event> for Told {
    fn from(event: Event) -> Self {
        Told { kind: "event", event: ReceivedEvent::from(event) }
    }
}

async fn converse(app: &App, mut socket: WebSocket) {
    let Some(mut wish) = hear(&mut socket).await else { return };
    if wish["type"] != "filter" {
        return close(socket, PROTOCOL_ERROR, "Expected 'filter' message").await;
    }
    let backfill = wish["backfill"].as_bool().unwrap_or(true);
    let filter = match serde_json::from_value::<EventFilter>(wish["filter"].take()) {
        Ok(filter) => filter.not_before(app.now() - BACKFILL),
        Err(error) => return close(socket, PROTOCOL_ERROR, &format!("Invalid filter: {error}")).await,
    };
    // Listening begins before the events that are there are read, so that none is between.
    let Ok(mut live) = app.events.live().listen().await else {
        return close(socket, INTERNAL_ERROR, "the database cannot be read").await;
    };
    let mut sent = HashSet::new();
    if backfill {
        match tell_of_the_past(app, &mut socket, &filter, &mut sent).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::error!(target: "flowcore_server", "events cannot be read: {error}");
                return close(socket, INTERNAL_ERROR, "the database cannot be read").await;
            }
        }
    }
    let wanted = filter.selecting(Page::ALL);
    loop {
        let event = tokio::select! {
            event = live.recv() => event,
            () = gone(&mut socket) => return,
        };
        match event {
            Ok(event) if sent.remove(&event.id) || !wanted.selects(&event) => {}
            Ok(event) => {
                if !say(&mut socket, &Told::from(Event::clone(&event))).await {
                    return;
                }
            }
            Err(RecvError::Lagged(_)) => {
                return close(socket, TRY_AGAIN, "events come faster than they are read: connect again").await;
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Sends what has happened up to now, oldest first, and notes what it was; tells whether the client is there.
async fn tell_of_the_past(
    app: &App,
    socket: &mut WebSocket,
    filter: &EventFilter,
    sent: &mut HashSet<Uuid>,
) -> Result<bool, StoreError> {
    let mut wanted = filter.selecting(Page::first(PAGE));
    wanted.order = Order::OldestFirst;
    loop {
        let mut events = app.store.events(&wanted).await?;
        complete(&*app.store, app.now(), &mut events).await?;
        let is_last = events.len() < PAGE as usize;
        // The next page begins at the time of the last event, behind what was sent of that time.
        if let Some(time) = events.last().map(|event| event.occurred) {
            let of_that_time = events.iter().rev().take_while(|event| event.occurred == time).count();
            let skipped = if wanted.since == Some(time) { wanted.page.offset } else { 0 };
            wanted.page.offset = skipped + u32::try_from(of_that_time).unwrap_or(PAGE);
            wanted.since = Some(time);
        }
        for event in events {
            let id = event.id;
            if sent.insert(id) && !say(socket, &Told::from(event)).await {
                return Ok(false);
            }
        }
        if is_last {
            return Ok(true);
        }
    }
}
