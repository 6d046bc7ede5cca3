//! Completed states of task runs by their cache keys, for clients that ask for each state.

use flowcore::model::{Order, Page, State, StateType, Timestamp};
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Condition, Kind, Selection, Table, Test};
use flowcore::store::records::{Record, Row, Value};
use uuid::Uuid;

use crate::error::ApiError;
use crate::state::App;

/// An entry of the cache.
#[derive(Clone, Debug)]
struct CachedTaskRun {
    id: Uuid,
    cache_key: String,
    expires: Option<Timestamp>,
    state: State,
    created: Timestamp,
}

const ID: Column = Column::new("id", Kind::Id, false);
const CACHE_KEY: Column = Column::new("cache_key", Kind::Text, false);
const EXPIRES: Column = Column::new("expires", Kind::Time, true);
const STATE: Column = Column::new("state", Kind::Json, false);
const CREATED: Column = Column::new("created", Kind::Time, false);

impl Record for CachedTaskRun {
    const TABLE: Table = Table::new("cached_task_runs");
    const COLUMNS: &'static [Column] = &[ID, CACHE_KEY, EXPIRES, STATE, CREATED];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(CachedTaskRun {
            id: row.id()?,
            cache_key: row.text()?,
            expires: row.optional_time()?,
            state: row.json()?,
            created: row.time()?,
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            (&self.cache_key).into(),
            self.expires.into(),
            Value::json(&self.state),
            self.created.into(),
        ]
    }
}

/// Finds what is cached under the key of a state that is RUNNING, unless the cache is to be refreshed.
pub(crate) async fn find(app: &App, proposed: &State) -> Result<Option<State>, ApiError> {
    let details = proposed.details.as_deref().filter(|details| details.refresh_cache != Some(true));
    let key = details.and_then(|details| details.cache_key.clone());
    let Some(key) = key.filter(|_| proposed.kind == StateType::Running) else { return Ok(None) };
    let later = Condition::Column(EXPIRES, Test::AtLeast(app.now().timestamp_micros() + 1));
    let valid = Condition::Any(vec![Condition::Column(EXPIRES, Test::IsNull(true)), later]);
    let condition = Condition::All(vec![CACHE_KEY.is(key), valid]);
    let sort = vec![(CREATED, Order::NewestFirst)];
    let found = app.store.records().list::<CachedTaskRun>(&Selection { condition, sort, page: Page::first(1) }).await?;
    Ok(found.into_iter().next().map(|cached| cached.state))
}

/// Keeps a completed state under its key, if it has one.
pub(crate) async fn keep(app: &App, state: &State) -> Result<(), ApiError> {
    let Some(details) = state.details.as_deref().filter(|_| state.is_completed()) else { return Ok(()) };
    let Some(cache_key) = details.cache_key.clone() else { return Ok(()) };
    let (expires, created) = (details.cache_expiration, app.now());
    let entry = CachedTaskRun { id: state.id.0, cache_key, expires, state: state.clone(), created };
    let kept = app.store.records().transact::<_, ApiError, _>(move |tx| {
        let entry = entry.clone();
        Box::pin(async move { Ok(tx.put(&entry).await?) })
    });
    kept.await
}
