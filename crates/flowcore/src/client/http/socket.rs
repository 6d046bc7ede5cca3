//! The websocket that takes events: task runs' states among them.

use std::io;
use std::time::Duration;

use reqwest::{StatusCode, Upgraded};

use super::api::CONNECT;
use super::frames::{Frames, Incoming};
use super::server::Server;

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
    pub(super) async fn open(server: &Server) -> Result<Self, String> {
        let opened = tokio::time::timeout(CONNECT, Self::connect(server)).await;
        opened.unwrap_or_else(|_| Err(format!("no connection within {} s", CONNECT.as_secs())))
    }

    async fn connect(server: &Server) -> Result<Self, String> {
        let answer = server.upgrade("/events/in").await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(format!("it says {} to a websocket", answer.status()));
        }
        let stream = answer.upgrade().await.map_err(|error| error.to_string())?;
        let mut socket = EventSocket { frames: Frames::new(stream), pings: 0 };
        let proof = serde_json::json!({"type": "auth", "token": server.token()});
        socket.frames.text(&proof.to_string()).await.map_err(told)?;
        socket.frames.flush().await.map_err(told)?;
        loop {
            match socket.next().await? {
                Incoming::Text(text) if text.contains("auth_success") => return Ok(socket),
                Incoming::Text(text) => return Err(format!("it does not accept who asks: {text}")),
                _ => {}
            }
        }
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

fn told(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the connection for events was closed".to_owned(),
        _ => error.to_string(),
    }
}
