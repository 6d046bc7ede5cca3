//! `/task_runs/subscriptions/scheduled`: background tasks for task workers, one at a time.

use std::collections::HashSet;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::Response;
use flowcore::model::TaskRun;
use flowcore::store::StoreError;
use flowcore::wire::TaskRunBody;
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::conversation::{INTERNAL_ERROR, close, gone, hear, say};
use super::handshake::{SUBPROTOCOL, greet};
use crate::state::App;

/// Prefect's code for a message that was not expected.
const UNEXPECTED: u16 = 4001;

/// How often it is noted that the worker still has what it has got.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// Opens the connection.
pub(super) async fn open(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols([SUBPROTOCOL]).on_upgrade(|socket| async move {
        if let Some(socket) = greet(&app, socket).await {
            converse(&app, socket).await;
        }
    })
}

async fn converse(app: &App, mut socket: WebSocket) {
    let Some(wish) = hear(&mut socket).await else { return };
    if wish["type"] != "subscribe" {
        return close(socket, UNEXPECTED, "Protocol violation: expected 'subscribe' message").await;
    }
    let task_keys: Vec<String> = serde_json::from_value(wish["keys"].clone()).unwrap_or_default();
    if task_keys.is_empty() {
        return close(socket, UNEXPECTED, "Protocol violation: expected 'keys' in subscribe message").await;
    }
    let Some(client_id) = wish["client_id"].as_str().filter(|id| !id.is_empty()) else {
        return close(socket, UNEXPECTED, "Protocol violation: expected 'client_id' in subscribe message").await;
    };
    match serve(app, &mut socket, &task_keys, client_id).await {
        Ok(End::Gone) => {}
        Ok(End::Quit) => close(socket, axum::extract::ws::close_code::NORMAL, "").await,
        Ok(End::Unexpected) => close(socket, UNEXPECTED, "Protocol violation: expected 'ack' message").await,
        Err(error) => {
            tracing::error!(target: "flowcore_server", "task runs cannot be given out: {error}");
            close(socket, INTERNAL_ERROR, "the database cannot be read").await;
        }
    }
}

/// How a worker takes its leave.
enum End {
    Gone,
    Quit,
    Unexpected,
}

/// Gives a worker one run after the other.
async fn serve(app: &App, socket: &mut WebSocket, task_keys: &[String], client_id: &str) -> Result<End, StoreError> {
    let connected = app.workers.connect(client_id, task_keys, app.now());
    let mut held = Held { app, runs: HashSet::new(), renewed: Instant::now() };
    loop {
        connected.heard(app.now());
        held.renew().await?;
        let news = app.deliveries.news();
        let Some(run) = app.deliveries.take(task_keys, client_id).await? else {
            tokio::select! {
                () = news => continue,
                () = gone(socket) => return Ok(End::Gone),
            }
        };
        held.runs.insert(run.id.0);
        if let Some(end) = offer(app, socket, &run, &mut held).await? {
            app.deliveries.take_back(run.id.0).await?;
            return Ok(end);
        }
    }
}

/// Sends a run, and waits until the worker says that it has it: a worker that is busy does so when it has room.
async fn offer(
    app: &App,
    socket: &mut WebSocket,
    run: &TaskRun,
    held: &mut Held<'_>,
) -> Result<Option<End>, StoreError> {
    if !say(socket, &TaskRunBody::new(run, app.now())).await {
        return Ok(Some(End::Gone));
    }
    loop {
        let Ok(answer) = tokio::time::timeout(RENEW_EVERY, hear(socket)).await else {
            held.renew().await?;
            continue;
        };
        return Ok(match answer.map(|mut answer| answer["type"].take()) {
            None => Some(End::Gone),
            Some(Value::String(kind)) if kind == "ack" => None,
            Some(Value::String(kind)) if kind == "quit" => Some(End::Quit),
            Some(_) => Some(End::Unexpected),
        });
    }
}

/// What a worker has got and may not have begun.
struct Held<'a> {
    app: &'a App,
    runs: HashSet<Uuid>,
    renewed: Instant,
}

impl Held<'_> {
    /// Notes from time to time that the worker still has it.
    async fn renew(&mut self) -> Result<(), StoreError> {
        if self.renewed.elapsed() >= RENEW_EVERY {
            self.runs = self.app.deliveries.renew(std::mem::take(&mut self.runs)).await?;
            self.renewed = Instant::now();
        }
        Ok(())
    }
}
