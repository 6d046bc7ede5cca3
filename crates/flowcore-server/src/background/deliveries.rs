//! Giving task runs to workers.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use flowcore::clock::Clock;
use flowcore::model::{Page, TaskRun};
use flowcore::store::query::{Condition, Selection, Test, Values};
use flowcore::store::{ServerStore, StoreError};
use tokio::sync::Notify;
use uuid::Uuid;

use super::delivery::{DELIVERIES, Delivery, EXPIRES, ID};

/// How long a run stays with a worker of which nothing is heard, in seconds.
const LEASE: i64 = 30;

/// How often the database is asked for runs that others have made.
const EVERY: Duration = Duration::from_secs(1);

/// How many runs are looked at together.
const PAGE: u32 = 100;

/// Gives task runs out, each to one worker. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Deliveries {
    store: Arc<dyn ServerStore>,
    clock: Arc<dyn Clock>,
    /// Told when there may be something to give.
    news: Arc<Notify>,
}

impl Deliveries {
    pub(crate) fn new(store: Arc<dyn ServerStore>, clock: Arc<dyn Clock>) -> Self {
        Deliveries { store, clock, news: Arc::new(Notify::new()) }
    }

    /// Tells that a run was made that a worker may be waiting for.
    pub(crate) fn tell(&self, run: &TaskRun) {
        if is_deferred(run) {
            self.news.notify_waiters();
        }
    }

    /// Waits until there may be something to give.
    pub(crate) fn news(&self) -> impl Future<Output = ()> + '_ {
        // It counts from here, and not from when it is first waited for.
        let news = self.news.notified();
        async move { drop(tokio::time::timeout(EVERY, news).await) }
    }

    /// Takes the first run of these tasks that nobody has got, for a worker.
    pub(crate) async fn take(&self, task_keys: &[String], client_id: &str) -> Result<Option<TaskRun>, StoreError> {
        let mut page = Page::first(PAGE);
        loop {
            let runs = self.store.scheduled_task_runs(task_keys, page).await?;
            let is_last = runs.len() < PAGE as usize;
            let waiting: Vec<TaskRun> = runs.into_iter().filter(is_deferred).collect();
            let taken = self.taken(&waiting).await?;
            for run in waiting.into_iter().filter(|run| !taken.contains(&run.id.0)) {
                if self.give(run.id.0, client_id).await? {
                    return Ok(Some(run));
                }
            }
            if is_last {
                return Ok(None);
            }
            page.offset += PAGE;
        }
    }

    /// Lists which of these runs somebody has got.
    async fn taken(&self, runs: &[TaskRun]) -> Result<HashSet<Uuid>, StoreError> {
        if runs.is_empty() {
            return Ok(HashSet::new());
        }
        let ids = Values::Ids(runs.iter().map(|run| run.id.0).collect());
        let now = self.clock.now().timestamp_micros();
        let condition = Condition::All(vec![ID.one_of(ids), Condition::Column(EXPIRES, Test::AtLeast(now))]);
        let page = Page::first(PAGE);
        let found = self.store.records().list::<Delivery>(&Selection { condition, sort: Vec::new(), page }).await?;
        Ok(found.into_iter().map(|delivery| delivery.id).collect())
    }

    /// Notes that a worker gets a run; tells whether no other one was faster.
    async fn give(&self, id: Uuid, client_id: &str) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let delivery =
            Delivery { id, client_id: client_id.to_owned(), expires: now + chrono::Duration::seconds(LEASE) };
        let give = self.store.records().transact(move |tx| {
            let delivery = delivery.clone();
            Box::pin(async move {
                let expired = Condition::Column(EXPIRES, Test::AtMost(now.timestamp_micros() - 1));
                tx.delete(DELIVERIES, Condition::All(vec![ID.is(delivery.id), expired])).await?;
                tx.insert_new(&delivery).await
            })
        });
        give.await
    }

    /// Takes back what a worker did not want; others may have it.
    pub(crate) async fn take_back(&self, id: Uuid) -> Result<(), StoreError> {
        self.forget(vec![id]).await?;
        self.news.notify_waiters();
        Ok(())
    }

    /// Renews what a worker has got and not begun yet, and forgets the others of these runs; returns those renewed.
    pub(crate) async fn renew(&self, held: HashSet<Uuid>) -> Result<HashSet<Uuid>, StoreError> {
        if held.is_empty() {
            return Ok(held);
        }
        let ids: Vec<_> = held.iter().map(|id| (*id).into()).collect();
        let histories = self.store.task_run_histories(&ids).await?.into_iter();
        let waiting: HashSet<Uuid> = histories.filter(|(run, _)| is_deferred(run)).map(|(run, _)| run.id.0).collect();
        let begun: Vec<Uuid> = held.difference(&waiting).copied().collect();
        self.forget(begun).await?;
        let ids = Values::Ids(waiting.iter().copied().collect());
        let expires = self.clock.now() + chrono::Duration::seconds(LEASE);
        let renew = self.store.records().transact(move |tx| {
            let ids = ids.clone();
            Box::pin(async move { tx.update(DELIVERIES, vec![(EXPIRES, expires.into())], ID.one_of(ids)).await })
        });
        renew.await?;
        Ok(waiting)
    }

    async fn forget(&self, ids: Vec<Uuid>) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let forget = self.store.records().transact(move |tx| {
            let ids = Values::Ids(ids.clone());
            Box::pin(async move { tx.delete(DELIVERIES, ID.one_of(ids)).await })
        });
        forget.await.map(drop)
    }
}

/// Tells whether a run waits for a task worker.
fn is_deferred(run: &TaskRun) -> bool {
    let state = &run.state;
    state.kind == flowcore::model::StateType::Scheduled
        && state.details.as_ref().is_some_and(|details| details.deferred == Some(true))
}
