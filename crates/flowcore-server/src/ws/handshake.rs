//! How a connection begins: the subprotocol `prefect`, and a message that proves who is there.

use axum::extract::ws::{Message, WebSocket};
use serde::Deserialize;

use super::conversation::{POLICY_VIOLATION, close};

/// The subprotocol of Prefect's clients.
pub(super) const SUBPROTOCOL: &str = "prefect";

#[derive(Deserialize)]
struct First {
    #[serde(rename = "type")]
    kind: String,
}

/// Waits for the message with the proof, and acknowledges it. Clients that do not speak the subprotocol send none.
pub(super) async fn greet(mut socket: WebSocket) -> Option<WebSocket> {
    if socket.protocol().is_none() {
        return Some(socket);
    }
    loop {
        match socket.recv().await?.ok()? {
            Message::Text(text) => {
                let first: Option<First> = serde_json::from_str(&text).ok();
                if first.is_none_or(|first| first.kind != "auth") {
                    close(socket, POLICY_VIOLATION, "Expected 'auth' message").await;
                    return None;
                }
                socket.send(Message::text(r#"{"type":"auth_success"}"#)).await.ok()?;
                return Some(socket);
            }
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Binary(_) | Message::Close(_) => return None,
        }
    }
}
