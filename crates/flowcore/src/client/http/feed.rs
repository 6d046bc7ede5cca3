//! Hearing what happens on the server, over `/events/out`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Upgraded;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::backoff::Backoff;
use super::client::HttpClient;
use super::frames::{Frames, Incoming};
use super::server::Server;
use super::socket::connect;
use crate::client::{Answer, ApiClient, ClientError, EventFeed, Heard, Request, ServerError};
use crate::model::TaskRun;

const PATH: &str = "/events/out";

/// How long nothing has to be heard for the server to be asked whether it is there.
const QUIET: Duration = Duration::from_secs(15);

/// How many events wait for whoever listens.
const ROOM: usize = 1_024;

/// Listens until nobody wants to hear of it any more.
async fn listen(server: Arc<Server>, filter: Value, heard: mpsc::Sender<Heard>) {
    let mut backoff = Backoff::default();
    loop {
        let wait = match opened(&server, &filter).await {
            Ok(mut frames) => {
                backoff = Backoff::default();
                if heard.send(Heard::Connected).await.is_err() {
                    return;
                }
                tokio::select! {
                    () = heard.closed() => return,
                    () = hear(&mut frames, &heard) => {}
                }
                backoff.next()
            }
            Err(error) => {
                if !backoff.has_waited() {
                    tracing::warn!(target: "flowcore", "{error}; what happens there is listened for again");
                }
                error.wants_rest().unwrap_or_default() + backoff.next()
            }
        };
        tokio::select! {
            () = heard.closed() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn opened(server: &Server, filter: &Value) -> Result<Frames<Upgraded>, ServerError> {
    let mut frames = connect(server, PATH).await?;
    let lost = |error: std::io::Error| server.away(error.to_string());
    let wish = json!({"type": "filter", "filter": filter, "backfill": false});
    frames.text(&wish.to_string()).await.map_err(lost)?;
    frames.flush().await.map_err(lost)?;
    Ok(frames)
}

/// Passes on what is heard until the connection is lost.
async fn hear(frames: &mut Frames<Upgraded>, heard: &mpsc::Sender<Heard>) {
    let mut asked = false;
    loop {
        let Ok(frame) = tokio::time::timeout(QUIET, frames.next()).await else {
            if std::mem::replace(&mut asked, true) || frames.ping(b"?").await.is_err() {
                return;
            }
            continue;
        };
        asked = false;
        match frame {
            Ok(Incoming::Text(text)) => {
                let told = serde_json::from_str::<Value>(&text).ok();
                let event = told.and_then(|mut told| told.get_mut("event").map(Value::take));
                if let Some(event) = event
                    && heard.send(Heard::Event(event)).await.is_err()
                {
                    return;
                }
            }
            Ok(Incoming::Close(_)) | Err(_) => return,
            Ok(Incoming::Pong(_) | Incoming::Other) => {}
        }
    }
}

#[async_trait]
impl ApiClient for HttpClient {
    async fn ask(&self, request: Request) -> Result<Answer, ClientError> {
        self.on_thread(|inner| async move { inner.server.ask(request).await }).await
    }

    async fn listen(&self, filter: Value) -> Result<EventFeed, ClientError> {
        let (heard, feed) = mpsc::channel(ROOM);
        self.beside(listen(self.inner.server.clone(), filter, heard));
        Ok(EventFeed(feed))
    }

    async fn announce(&self, run: &TaskRun) -> Result<(), ClientError> {
        let run = run.clone();
        self.on_thread(|inner| async move { inner.announce(&run).await }).await
    }

    fn api_url(&self) -> Option<String> {
        Some(self.inner.server.url().to_owned())
    }
}
