//! How a connection begins: the subprotocol `prefect`, and a message that proves who is there.

use axum::extract::ws::{Message, WebSocket};
use serde::Deserialize;

use super::conversation::{POLICY_VIOLATION, close};
use crate::state::App;

/// The subprotocol of Prefect's clients.
pub(super) const SUBPROTOCOL: &str = "prefect";

#[derive(Deserialize)]
struct First {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    token: Option<String>,
}

/// Waits for the message with the proof, and acknowledges it. Clients that do not speak the subprotocol send none: where a
/// proof is wanted they have not come this far.
pub(super) async fn greet(app: &App, socket: WebSocket) -> Option<WebSocket> {
    greet_or_end(app, socket, Admits::Runs, |why| why).await
}

/// Whose proof is taken beside the name and password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Admits {
    /// That of a run as well.
    Runs,
    /// No other.
    Nobody,
}

/// The same, with a reason of the caller's in place of ours where a client is refused.
pub(super) async fn greet_or_end(
    app: &App,
    mut socket: WebSocket,
    admits: Admits,
    reason: impl Fn(&'static str) -> &'static str,
) -> Option<WebSocket> {
    if socket.protocol().is_none() {
        return Some(socket);
    }
    loop {
        match socket.recv().await?.ok()? {
            Message::Text(text) => {
                if let Err(why) = check(app, &text, admits).await {
                    close(socket, POLICY_VIOLATION, reason(why)).await;
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

/// Checks the first message.
async fn check(app: &App, text: &str, admits: Admits) -> Result<(), &'static str> {
    let first: Option<First> = serde_json::from_str(text).ok();
    let first = first.filter(|first| first.kind == "auth").ok_or("Expected 'auth' message")?;
    let Some(credentials) = &app.config.credentials else { return Ok(()) };
    let token = first.token.filter(|token| !token.is_empty()).ok_or("Auth required but no token provided")?;
    let is_good =
        credentials.are(&token) || (admits == Admits::Runs && app.config.run_tokens.are_good(app, &token).await);
    if is_good { Ok(()) } else { Err("Invalid token") }
}
