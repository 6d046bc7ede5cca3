//! What all connections need that the server speaks on: questions in, answers out, and an end with a reason.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde::Serialize;
use serde_json::Value;

/// RFC 6455: what was sent breaks the protocol.
pub(super) const PROTOCOL_ERROR: u16 = 1002;

/// RFC 6455: a message breaks a rule of the server's.
pub(super) const POLICY_VIOLATION: u16 = 1008;

/// RFC 6455: the server failed.
pub(super) const INTERNAL_ERROR: u16 = 1011;

/// The registry of RFC 6455: come again, and it may go better.
pub(super) const TRY_AGAIN: u16 = 1013;

/// How long a client may take to read a message: who takes longer has gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many bytes a reason may have.
const LONGEST_REASON: usize = 123;

/// Waits for the next message of a client's; none if it has gone.
pub(super) async fn hear(socket: &mut WebSocket) -> Option<Value> {
    loop {
        match socket.recv().await?.ok()? {
            Message::Text(text) => return Some(serde_json::from_str(&text).unwrap_or_default()),
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Binary(_) | Message::Close(_) => return None,
        }
    }
}

/// Waits until the client has gone. What it says meanwhile is not asked for.
pub(super) async fn gone(socket: &mut WebSocket) {
    while hear(socket).await.is_some() {}
}

/// Says something; tells whether the client was there to take it.
pub(super) async fn say(socket: &mut WebSocket, message: &impl Serialize) -> bool {
    let Ok(text) = serde_json::to_string(message) else { return false };
    matches!(tokio::time::timeout(PATIENCE, socket.send(Message::text(text))).await, Ok(Ok(())))
}

/// Ends a connection, and says why. It may be gone already, which is as well.
pub(super) async fn close(mut socket: WebSocket, code: u16, why: &str) {
    let mut end = why.len().min(LONGEST_REASON);
    while !why.is_char_boundary(end) {
        end -= 1;
    }
    let frame = CloseFrame { code, reason: why[..end].into() };
    drop(tokio::time::timeout(PATIENCE, socket.send(Message::Close(Some(frame)))).await);
}
