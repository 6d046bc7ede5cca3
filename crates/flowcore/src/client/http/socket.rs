//! The websocket that takes events: task runs' states among them.

use std::io;
use std::time::Duration;

use reqwest::Upgraded;

use super::api::CONNECT;
use super::frames::{Frames, Incoming};
use super::server::Server;
use crate::client::ServerError;

/// How long the server may take to acknowledge what it was sent.
const ACKNOWLEDGED: Duration = Duration::from_secs(30);

/// An open connection to `/events/in`.
pub(super) struct EventSocket {
    frames: Frames<Upgraded>,
    /// Tells pings apart.
    pings: u64,
}

impl EventSocket {
    /// Opens a connection.
    pub(super) async fn open(server: &Server) -> Result<Self, ServerError> {
        Ok(EventSocket { frames: connect(server, "/events/in").await?, pings: 0 })
    }

    /// Sends events, and waits until the server has taken them.
    pub(super) async fn deliver(&mut self, events: &[String]) -> Result<(), String> {
        let delivered = tokio::time::timeout(ACKNOWLEDGED, async {
            for event in events {
                self.frames.text(event).await.map_err(told)?;
            }
            self.pings += 1;
            let ping = self.pings.to_string().into_bytes();
            self.frames.ping(&ping).await.map_err(told)?;
            // The answer to a ping goes out behind what came before the ping.
            while self.next().await? != Incoming::Pong(ping.clone()) {}
            Ok(())
        });
        delivered
            .await
            .unwrap_or_else(|_| Err(format!("events were not acknowledged for {} s", ACKNOWLEDGED.as_secs())))
    }

    async fn next(&mut self) -> Result<Incoming, String> {
        match self.frames.next().await.map_err(told)? {
            Incoming::Close(why) => Err(format!("it closed the connection for events: {why}")),
            incoming => Ok(incoming),
        }
    }
}

/// Opens a websocket, and says who asks.
pub(super) async fn connect(server: &Server, path: &str) -> Result<Frames<Upgraded>, ServerError> {
    let opened = tokio::time::timeout(CONNECT, introduced(server, path)).await;
    opened.unwrap_or_else(|_| Err(server.away(format!("no connection within {} s", CONNECT.as_secs()))))
}

async fn introduced(server: &Server, path: &str) -> Result<Frames<Upgraded>, ServerError> {
    let stream = server.upgrade(path).await?.upgrade().await.map_err(|error| server.away(error.to_string()))?;
    let mut frames = Frames::new(stream);
    let proof = serde_json::json!({"type": "auth", "token": server.token()}).to_string();
    let lost = |error: io::Error| server.away(told(error));
    frames.text(&proof).await.map_err(lost)?;
    frames.flush().await.map_err(lost)?;
    loop {
        match frames.next().await.map_err(lost)? {
            Incoming::Text(text) if text.contains("auth_success") => return Ok(frames),
            // It says why, and then it closes.
            Incoming::Text(_) | Incoming::Close(_) => {
                return Err(server.forbidden(&format!("use its websocket {path}")));
            }
            _ => {}
        }
    }
}

fn told(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the websocket was closed".to_owned(),
        _ => error.to_string(),
    }
}
