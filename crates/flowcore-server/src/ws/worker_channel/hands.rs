//! What a worker has in hand to tear down.

use axum::extract::ws::WebSocket;
use flowcore::model::Timestamp;
use uuid::Uuid;

use super::super::conversation::say;
use super::frames::{CleanupMessage, CloseReason, Hello};
use super::setup::Joined;
use crate::state::App;
use crate::teardowns::{Answer, Operation, carry_out, reserve};

/// What a worker has in hand, and how much it can have.
pub(super) struct Hands {
    pool: Uuid,
    queues: Vec<Uuid>,
    /// Whether the worker has offered to tear down anything at all.
    is_offered: bool,
    most: usize,
    /// Each until when.
    held: Vec<(Uuid, Timestamp)>,
}

impl Hands {
    pub(super) fn new(hello: &Hello, joined: &Joined) -> Self {
        let most = hello.teardowns();
        Hands {
            pool: joined.pool.id,
            queues: joined.queues.iter().map(|queue| queue.id).collect(),
            is_offered: most > 0,
            most: if hello.tears_down_cancelled() { most } else { 0 },
            held: Vec::new(),
        }
    }

    /// Gives the worker as much as it can have; tells whether it is there.
    pub(super) async fn fill(&mut self, app: &App, socket: &mut WebSocket) -> Result<bool, CloseReason> {
        let now = app.now();
        self.held.retain(|(_, until)| *until > now);
        while self.held.len() < self.most {
            let Some(next) = reserve(app, self.pool, &self.queues).await? else { return Ok(true) };
            let (id, token, lease) = (next.id, next.token.clone(), next.lease());
            if !say(socket, &CleanupMessage::from(next).told(app)).await {
                self.answer(app, Operation::Release, id, &token).await?;
                return Ok(false);
            }
            self.held.push((id, lease));
        }
        Ok(true)
    }

    /// Does what the worker says of something that it has.
    pub(super) async fn answer(
        &mut self,
        app: &App,
        operation: Operation,
        id: Uuid,
        token: &str,
    ) -> Result<Answer, CloseReason> {
        if !self.is_offered {
            return Ok(Answer::Refused("unauthorized", "cleanup_delivery_not_accepted"));
        }
        let (answer, is_free) = carry_out(app, operation, (self.pool, id, token)).await?;
        self.held.retain(|(held, _)| *held != id);
        if let Answer::Renewed(until) = answer {
            self.held.push((id, until));
        }
        if is_free {
            app.teardowns.announce(self.pool);
        }
        Ok(answer)
    }
}
