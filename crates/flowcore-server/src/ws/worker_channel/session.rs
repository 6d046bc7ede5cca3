//! A channel from its beginning to its end.

use std::num::NonZeroU32;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use flowcore::model::Timestamp;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::super::conversation::{close, hear, say};
use super::super::handshake::{Admits, SUBPROTOCOL, greet_or_end};
use super::frames::{Cleanup, CloseReason, Frame, OperationResult, Ready, Release, Said, Snapshot};
use super::hands::Hands;
use super::setup::{Joined, beat, join};
use crate::api::pool_body;
use crate::pools::{WorkPool, pool};
use crate::state::App;
use crate::teardowns::Operation;

/// Opens the connection. Nothing but Prefect's subprotocol will do.
pub(in crate::ws) async fn open(
    State(app): State<App>,
    Path(name): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return StatusCode::FORBIDDEN.into_response();
    }
    upgrade.on_upgrade(|socket| async move {
        let refusal = |_| CloseReason::AuthenticationFailed.as_str();
        if let Some(mut socket) = greet_or_end(&app, socket, Admits::Nobody, refusal).await
            && let Err(reason) = converse(&app, &mut socket, &name).await
        {
            close(socket, reason.code(), reason.as_str()).await;
        }
    })
}

/// Speaks with a worker until it has gone, or until there is a reason to end the channel.
async fn converse(app: &App, socket: &mut WebSocket, name: &str) -> Result<(), CloseReason> {
    let Some(first) = hear(socket).await else { return Ok(()) };
    let Ok(Said::Hello(hello)) = serde_json::from_value(first) else { return Err(CloseReason::ProtocolError) };
    let hello = hello.payload;
    // Listening begins before the pool is read, so that no change is between.
    let (mut changes, mut teardowns) = (app.changed_pools.listen(), app.teardowns.listen());
    let joined = join(app, name, &hello).await?;
    let mut session = Session {
        app,
        consumer_id: hello.consumer_id,
        worker_name: hello.worker_name.clone(),
        known: joined.pool.updated,
        sequence: 1,
        hands: Hands::new(&hello, &joined),
    };
    let Joined { pool, queues } = joined;
    let (pool_id, body) = (pool.id, pool_body(app, pool.clone()).await?);
    let ready = Ready::new(hello, queues, body).told(app);
    if !say(socket, &ready).await || !session.hands.fill(app, socket).await? {
        return Ok(());
    }
    loop {
        let goes_on = tokio::select! {
            said = hear(socket) => match said {
                Some(said) => {
                    let said = serde_json::from_value(said).map_err(|_| CloseReason::ProtocolError)?;
                    session.answer(socket, &pool, said).await?
                }
                None => false,
            },
            () = news_of(&mut changes, pool_id) => session.tell(socket, pool_id, "work_pool_updated").await?,
            () = news_of(&mut teardowns, pool_id) => session.hands.fill(app, socket).await?,
        };
        if !goes_on {
            return Ok(());
        }
    }
}

/// Waits until there is news of a pool, or may be: who is behind does not know.
async fn news_of(news: &mut Receiver<Uuid>, pool: Uuid) {
    loop {
        match news.recv().await {
            Ok(other) if other != pool => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // The server is what announces: this is its end, and the channel's.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// What is known of the worker, and what it knows.
struct Session<'a> {
    app: &'a App,
    consumer_id: Uuid,
    worker_name: String,
    /// Which change of the pool the worker has been told of last.
    known: Timestamp,
    sequence: u64,
    hands: Hands,
}

impl Session<'_> {
    /// Tells of the pool as it stands; tells whether the worker is there.
    async fn tell(&mut self, socket: &mut WebSocket, pool: Uuid, reason: &'static str) -> Result<bool, CloseReason> {
        let pool: Option<WorkPool> = self.app.store.records().first(pool::ID.is(pool)).await?;
        let pool = pool.ok_or(CloseReason::AuthorizationFailed)?;
        self.known = pool.updated;
        self.sequence += 1;
        let snapshot =
            Snapshot { snapshot_sequence: self.sequence, reason, work_pool: pool_body(self.app, pool).await? };
        Ok(say(socket, &snapshot.told(self.app)).await)
    }

    /// Does what the worker says; tells whether it is there.
    async fn answer(&mut self, socket: &mut WebSocket, pool: &WorkPool, said: Said) -> Result<bool, CloseReason> {
        match said {
            Said::Hello(_) => Err(CloseReason::ProtocolError),
            Said::Heartbeat(frame) => {
                let is_itself =
                    (frame.payload.consumer_id, &frame.payload.worker_name) == (self.consumer_id, &self.worker_name);
                if !is_itself {
                    return Err(CloseReason::ProtocolError);
                }
                self.beat(socket, pool, frame.payload.heartbeat_interval_seconds).await
            }
            Said::Ack(frame) => self.tear_down(socket, frame.id, Operation::Ack, frame.payload).await,
            Said::Renew(frame) => self.tear_down(socket, frame.id, Operation::Renew, frame.payload).await,
            Said::Release(Frame { payload: Release { reason, .. }, .. }) if reason.is_empty() => {
                Err(CloseReason::ProtocolError)
            }
            Said::Release(Frame { id, payload: Release { message_id, reservation_token, reason }, .. }) => {
                tracing::info!(target: "flowcore_server", "the worker {} gives a teardown back: {reason}", self.worker_name);
                self.tear_down(socket, id, Operation::Release, Cleanup { message_id, reservation_token }).await
            }
        }
    }

    /// Does what the worker says of something that it is to tear down; tells whether it is there.
    async fn tear_down(
        &mut self,
        socket: &mut WebSocket,
        request: Uuid,
        operation: Operation,
        of: Cleanup,
    ) -> Result<bool, CloseReason> {
        if of.reservation_token.is_empty() {
            return Err(CloseReason::ProtocolError);
        }
        let answer = self.hands.answer(self.app, operation, of.message_id, &of.reservation_token).await?;
        let result = OperationResult::new(request, of.message_id, operation, answer);
        Ok(say(socket, &result.told(self.app)).await && self.hands.fill(self.app, socket).await?)
    }

    /// Keeps that the worker is there. What has changed of its pool through another server, or is to be torn down since, shows now
    /// at the latest.
    async fn beat(
        &mut self,
        socket: &mut WebSocket,
        pool: &WorkPool,
        seconds: NonZeroU32,
    ) -> Result<bool, CloseReason> {
        let pool = beat(self.app, pool, &self.worker_name, seconds.get()).await?;
        let is_there = match pool.updated == self.known {
            true => true,
            false => self.tell(socket, pool.id, "heartbeat_reconciliation").await?,
        };
        Ok(is_there && self.hands.fill(self.app, socket).await?)
    }
}
