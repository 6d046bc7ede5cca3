//! Background tasks over HTTP: a websocket gives a worker one run at a time, and wants to hear that it has it.
//!
//! A worker that has no room for another run ends its connection, so that what it was offered goes to others at once. What
//! it executes stands in its process's folder, by which others on the machine notice that it has died.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Upgraded;
use serde_json::json;

use super::backoff::Backoff;
use super::bodies;
use super::client::HttpClient;
use super::frames::{Frames, Incoming};
use super::inner::Inner;
use super::socket::connect;
use crate::client::{BackgroundClient, ClientError, Request, ServerError};
use crate::model::{State, StateType, TaskRun, TaskRunId};
use crate::wire::{SetState, StateCreate, TaskRunBody};

const PATH: &str = "/task_runs/subscriptions/scheduled";

/// How long nothing has to be heard on a connection for the server to be asked whether it is there.
const QUIET: Duration = Duration::from_secs(30);

/// The connections of workers that wait for their next run.
#[derive(Default)]
pub(super) struct Offers(Mutex<HashMap<String, Frames<Upgraded>>>);

impl Offers {
    fn take(&self, worker: &str) -> Option<Frames<Upgraded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(worker)
    }

    fn keep(&self, worker: &str, frames: Frames<Upgraded>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(worker.to_owned(), frames);
    }
}

impl Inner {
    async fn take_task_run(&self, task_keys: &[String], worker: &str) -> Result<TaskRun, ClientError> {
        let mut backoff = Backoff::default();
        loop {
            let error = match self.offered(task_keys, worker).await {
                Ok(run) => return Ok(run),
                Err(error) => error,
            };
            if !error.is_passing() {
                return Err(error.into());
            }
            if !backoff.has_waited() {
                tracing::warn!(target: "flowcore", "{error}; background tasks are taken when it is back");
            }
            tokio::time::sleep(error.wants_rest().unwrap_or_default() + backoff.next()).await;
        }
    }

    /// Takes the next run that the server offers. If that comes to nothing, or nobody waits for it any more, the connection
    /// ends, and with it the offer.
    async fn offered(&self, task_keys: &[String], worker: &str) -> Result<TaskRun, ServerError> {
        let away = |error: std::io::Error| self.server.away(format!("background tasks: {error}"));
        let mut frames = match self.offers.take(worker) {
            Some(frames) => frames,
            None => {
                let mut frames = connect(&self.server, PATH).await?;
                let wish = json!({"type": "subscribe", "keys": task_keys, "client_id": worker});
                frames.text(&wish.to_string()).await.map_err(away)?;
                frames.flush().await.map_err(away)?;
                frames
            }
        };
        let mut asked = false;
        let run = loop {
            let Ok(frame) = tokio::time::timeout(QUIET, frames.next()).await else {
                if std::mem::replace(&mut asked, true) {
                    return Err(self.server.away("it has fallen silent".to_owned()));
                }
                frames.ping(b"?").await.map_err(away)?;
                continue;
            };
            asked = false;
            match frame.map_err(away)? {
                Incoming::Text(text) => match serde_json::from_str::<TaskRunBody>(&text) {
                    Ok(body) => break bodies::task_run(body),
                    Err(error) => {
                        return Err(ServerError::Unreadable {
                            what: "what to execute in the background".to_owned(),
                            reason: error.to_string(),
                        });
                    }
                },
                Incoming::Close(why) => return Err(self.server.away(format!("it closed the connection: {why}"))),
                Incoming::Pong(_) | Incoming::Other => {}
            }
        };
        frames.text(r#"{"type":"ack"}"#).await.map_err(away)?;
        frames.flush().await.map_err(away)?;
        self.offers.keep(worker, frames);
        Ok(run)
    }

    /// Lets deferred runs of processes that have died wait for a worker again.
    pub(super) async fn free_task_runs(&self) -> Result<(), ClientError> {
        for id in self.outbox.abandoned_tasks() {
            let request = Request::get(format!("/task_runs/{id}"), "read a task run");
            let run: Option<TaskRunBody> = self.server.ask(request).await?.read_if_found()?;
            if let Some(run) = run.map(bodies::task_run)
                && !run.state.is_terminal()
            {
                let mut state = self.state(StateType::Scheduled).message("The worker that had the run has died.");
                defer(&mut state, id);
                let body = SetState { state: StateCreate::from(&state), force: true };
                let path = format!("/task_runs/{id}/set_state");
                self.server.ask(Request::post(path, "schedule a task run anew", &body)).await?;
            }
            self.outbox.bury_task(id);
        }
        Ok(())
    }
}

/// Marks a state as one of a run that waits for a worker. Its arguments are found by its own id.
fn defer(state: &mut State, id: TaskRunId) {
    let due = state.timestamp;
    let details = state.details_mut();
    (details.deferred, details.task_parameters_id) = (Some(true), Some(id.0));
    details.scheduled_time.get_or_insert(due);
}

#[async_trait]
impl BackgroundClient for HttpClient {
    async fn defer_task_run(&self, run: &TaskRun) -> Result<(), ClientError> {
        let mut run = run.clone();
        defer(&mut run.state, run.id);
        self.on_thread(|inner| async move { inner.announce(&run).await }).await
    }

    async fn take_task_run(&self, task_keys: &[String], worker: &str) -> Result<TaskRun, ClientError> {
        let (task_keys, worker) = (task_keys.to_vec(), worker.to_owned());
        let run = self.on_thread(|inner| async move { inner.take_task_run(&task_keys, &worker).await }).await?;
        // Only now, as whoever did not wait any more has not taken it: what was acknowledged and not begun the server gives to
        // another worker after half a minute.
        self.inner.outbox.hold_task(run.id).map_err(|error| ServerError::NotKept {
            folder: self.inner.outbox.place().to_owned(),
            reason: error.to_string(),
        })?;
        Ok(run)
    }

    async fn take_no_task_runs(&self, worker: &str) -> Result<(), ClientError> {
        let worker = worker.to_owned();
        self.on_thread(|inner| async move {
            drop(inner.offers.take(&worker));
            Ok(())
        })
        .await
    }

    async fn finish_task_run(&self, id: TaskRunId) -> Result<(), ClientError> {
        self.on_thread(|inner| async move {
            inner.outbox.let_go_task(id);
            Ok(())
        })
        .await
    }

    async fn free_task_runs_of_dead(&self) -> Result<(), ClientError> {
        self.on_thread(|inner| async move { inner.take_over_the_dead().await }).await
    }
}
