//! What a server asks to hear of what happens.

use async_trait::async_trait;
use uuid::Uuid;

use crate::model::{Event, EventFilter, IdRange, LogLine, Page, State, TaskRun, TaskRunId, Timestamp};
use crate::store::timeline::EventVisitor;
use crate::store::{StoreError, WatchStore};

use super::events;
use super::rows::{EVENT_COLUMNS, LOG_COLUMNS, TASK_RUN_COLUMNS, event, log, micros, task_run, task_run_with_history};
use super::select::Select;
use super::store::SqlStore;
use super::strays::first_id;

#[async_trait]
impl WatchStore for SqlStore {
    async fn visit_events(&self, filter: &EventFilter, visitor: &mut EventVisitor<'_>) -> Result<(), StoreError> {
        events::visit(self.readers(), filter, visitor).await
    }

    async fn events_received(&self, since: Timestamp) -> Result<Vec<Event>, StoreError> {
        let ask = |dialect| {
            let mut select = Select::new(dialect, EVENT_COLUMNS, "events");
            select.compare("received >=", Some(micros(since)));
            select.end(" ORDER BY received, id")
        };
        self.readers().fetch(ask).await?.iter().map(event).collect()
    }

    async fn logs_made(&self, since: Timestamp) -> Result<Vec<LogLine>, StoreError> {
        let range = IdRange { from: first_id(micros(since)), to: IdRange::ALL.to };
        let ask = |dialect| {
            let mut select = Select::new(dialect, LOG_COLUMNS, "logs");
            select.id_range("id", Some(range));
            select.end(" ORDER BY id")
        };
        self.readers().fetch(ask).await?.iter().map(log).collect()
    }

    async fn task_run_histories(&self, ids: &[TaskRunId]) -> Result<Vec<(TaskRun, Vec<State>)>, StoreError> {
        let ask = |dialect| {
            let mut select = Select::new(dialect, TASK_RUN_COLUMNS, "task_runs");
            let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
            select.uuids("id", Some(&*ids));
            select.end(" ORDER BY id")
        };
        self.readers().fetch(ask).await?.iter().map(task_run_with_history).collect()
    }

    async fn scheduled_task_runs(&self, task_keys: &[String], page: Page) -> Result<Vec<TaskRun>, StoreError> {
        let ask = |dialect| {
            let mut select = Select::new(dialect, TASK_RUN_COLUMNS, "task_runs");
            // Word for word the condition of the index.
            select.and("state_type = 'SCHEDULED'");
            select.texts("task_key", Some(task_keys.iter().map(String::as_str)));
            select.page("id", page)
        };
        self.readers().fetch(ask).await?.iter().map(task_run).collect()
    }
}
