//! What a server asks to hear of what happens, whoever has written it.

use async_trait::async_trait;

use super::StoreError;
use super::timeline::EventVisitor;
use crate::model::{Event, EventFilter, LogLine, Page, State, TaskRun, TaskRunId, Timestamp};

/// A store that can be listened to.
#[async_trait]
pub trait WatchStore: Send + Sync {
    /// Shows all events that a filter selects to a visitor, each once and in no order, until it has seen enough; the filter's
    /// page says nothing.
    async fn visit_events(&self, filter: &EventFilter, visitor: &mut EventVisitor<'_>) -> Result<(), StoreError>;

    /// Lists the events, apart from changes of state, that were taken in at this time or later.
    async fn events_received(&self, since: Timestamp) -> Result<Vec<Event>, StoreError>;

    /// Lists the log lines whose ids were made at this time or later, in the order of the ids.
    async fn logs_made(&self, since: Timestamp) -> Result<Vec<LogLine>, StoreError>;

    /// Lists these task runs, each with its states so far, oldest first.
    async fn task_run_histories(&self, ids: &[TaskRunId]) -> Result<Vec<(TaskRun, Vec<State>)>, StoreError>;

    /// Lists task runs of these tasks, by their keys, that are in SCHEDULED, those that were made first before others.
    async fn scheduled_task_runs(&self, task_keys: &[String], page: Page) -> Result<Vec<TaskRun>, StoreError>;
}
