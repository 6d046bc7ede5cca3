//! `/logs/out`: log lines as they are written.

use axum::extract::State;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::Response;
use flowcore::wire::LogBody;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;

use super::conversation::{INTERNAL_ERROR, PROTOCOL_ERROR, TRY_AGAIN, close, gone, hear, say};
use super::handshake::{SUBPROTOCOL, greet};
use crate::filter::LogFilter;
use crate::state::App;

/// Opens the connection.
pub(super) async fn open(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols([SUBPROTOCOL]).on_upgrade(|socket| async move {
        if let Some(socket) = greet(&app, socket).await {
            converse(&app, socket).await;
        }
    })
}

/// A log line as it is sent.
#[derive(Serialize)]
struct Told {
    #[serde(rename = "type")]
    kind: &'static str,
    log: LogBody,
}

async fn converse(app: &App, mut socket: WebSocket) {
    let Some(mut wish) = hear(&mut socket).await else { return };
    if wish["type"] != "filter" {
        return close(socket, PROTOCOL_ERROR, "Expected 'filter' message").await;
    }
    let filter = match serde_json::from_value::<LogFilter>(wish["filter"].take()) {
        Ok(filter) => filter,
        Err(error) => return close(socket, PROTOCOL_ERROR, &format!("Invalid filter: {error}")).await,
    };
    let Ok(mut live) = app.logs.listen().await else {
        return close(socket, INTERNAL_ERROR, "the database cannot be read").await;
    };
    loop {
        let line = tokio::select! {
            line = live.recv() => line,
            () = gone(&mut socket) => return,
        };
        match line {
            Ok(line) if !filter.selects(&line) => {}
            Ok(line) => {
                if !say(&mut socket, &Told { kind: "log", log: LogBody::from(&*line) }).await {
                    return;
                }
            }
            Err(RecvError::Lagged(_)) => {
                return close(socket, TRY_AGAIN, "log lines come faster than they are read: connect again").await;
            }
            Err(RecvError::Closed) => return,
        }
    }
}
