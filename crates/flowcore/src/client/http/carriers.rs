//! The two ways to the server on which things can wait: events by the websocket, log lines by requests.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::value::RawValue;

use super::lane::Carrier;
use super::server::Server;
use super::socket::EventSocket;
use crate::client::{ClientError, Repeat, Request, ServerError};

/// The most bytes of log lines in one request: Prefect's servers refuse more than 4 MB.
const LARGEST_REQUEST: usize = 2 << 20;

/// Carries events.
pub(super) struct EventCarrier {
    server: Arc<Server>,
    socket: Option<EventSocket>,
}

impl EventCarrier {
    pub(super) fn new(server: Arc<Server>) -> Self {
        EventCarrier { server, socket: None }
    }

    async fn try_once(&mut self, events: &[String]) -> Result<(), ServerError> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => EventSocket::open(&self.server).await?,
        };
        socket.deliver(events).await.map_err(|reason| self.server.away(reason))?;
        // Kept only if all went well.
        self.socket = Some(socket);
        Ok(())
    }
}

#[async_trait]
impl Carrier for EventCarrier {
    const WHAT: &'static str = "events of task runs";

    async fn carry(&mut self, events: &[String]) -> Result<usize, ClientError> {
        let is_used = self.socket.is_some();
        let mut carried = self.try_once(events).await;
        if is_used && carried.is_err() {
            // A connection that had been left alone may be gone, which says nothing about the server.
            carried = self.try_once(events).await;
        }
        Ok(carried.map(|()| events.len())?)
    }
}

/// Carries log lines.
pub(super) struct LogCarrier(pub(super) Arc<Server>);

#[async_trait]
impl Carrier for LogCarrier {
    const WHAT: &'static str = "log lines";

    async fn carry(&mut self, lines: &[String]) -> Result<usize, ClientError> {
        let mut size = 0;
        let fits = |line: &&String| {
            size += line.len();
            size <= LARGEST_REQUEST
        };
        // At least one, or they would wait for ever.
        let now = &lines[..lines.iter().take_while(fits).count().max(1)];
        let body: Vec<&RawValue> = now.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        // Whoever carries tries again, and keeps the lines until then.
        let request = Request::post("/logs/", "keep log lines", &body).repeat(Repeat::Never);
        self.0.ask(request).await?;
        Ok(now.len())
    }
}
