//! `/events/in`: events from clients, among them all that happens to task runs.
//!
//! A client knows that its events are kept when a ping is answered: the answer goes out when what came before the ping
//! is committed. Events that have arrived together are committed together.

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures_util::FutureExt;

use super::conversation::{POLICY_VIOLATION, close};
use super::handshake::{SUBPROTOCOL, greet};
use crate::events::EventBody;
use crate::recorder::record;
use crate::state::App;

/// How many events are committed at once, at most.
const TOGETHER: usize = 500;

/// Opens the connection.
pub(super) async fn open(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols([SUBPROTOCOL]).on_upgrade(|socket| async move {
        if let Some(socket) = greet(&app, socket).await {
            receive(&app, socket).await;
        }
    })
}

async fn receive(app: &App, mut socket: WebSocket) {
    let mut events: Vec<EventBody> = Vec::new();
    loop {
        // What has arrived is taken without waiting; when there is no more, it is committed.
        let next = if events.is_empty() { Some(socket.recv().await) } else { socket.recv().now_or_never() };
        match next {
            Some(Some(Ok(Message::Text(text)))) => match serde_json::from_str(&text) {
                Ok(event) => events.push(event),
                Err(error) => {
                    tracing::warn!(target: "flowcore_server", "a message is no event: {error}");
                    if keep(app, &mut events).await {
                        close(socket, POLICY_VIOLATION, "Expected an event").await;
                    }
                    return;
                }
            },
            // The answer to a ping is sent with the next read: behind the commit.
            Some(Some(Ok(Message::Ping(_)))) | None => {
                if !keep(app, &mut events).await {
                    return;
                }
            }
            Some(Some(Ok(Message::Pong(_) | Message::Binary(_)))) => {}
            Some(None | Some(Err(_)) | Some(Ok(Message::Close(_)))) => {
                keep(app, &mut events).await;
                return;
            }
        }
        if events.len() >= TOGETHER && !keep(app, &mut events).await {
            return;
        }
    }
}

/// Commits the events so far. When that fails the connection is to be dropped: the client sends again what was not
/// acknowledged.
async fn keep(app: &App, events: &mut Vec<EventBody>) -> bool {
    if events.is_empty() {
        return true;
    }
    match record(app, std::mem::take(events)).await {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(target: "flowcore_server", "events were not kept: {error:?}");
            false
        }
    }
}
