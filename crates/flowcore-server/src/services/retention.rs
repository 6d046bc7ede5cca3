//! What is old enough is removed: events, flow runs with all that belongs to them, log lines.
//!
//! In short transactions, each of a bounded number of rows, between which everybody else has a turn; and a bounded number of them in
//! a turn, so that a server that is to end need not wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use flowcore::model::{Order, Page, StateType, Timestamp};
use flowcore::store::StoreError;
use flowcore::store::query::{
    Column, Condition, Kind, Selection, Table, Test, Values, flow_run, log, relation, task_run,
};
use flowcore::store::records::{Record, Row, Tx, Value};
use uuid::Uuid;

use crate::artifacts;
use crate::error::ApiError;
use crate::flow_run_inputs;
use crate::heartbeats;
use crate::state::App;

/// How long it rests between two turns while there is something to do.
pub(super) const PERIOD: Duration = Duration::from_secs(10);

/// How many transactions there are in a turn, at most.
const MOST: usize = 20;

/// How many flow runs are removed together, at most.
const RUNS: u32 = 50;

const OCCURRED: Column = Column::new("occurred", Kind::Time, false);
const STATES: Table = Table::new("flow_run_states");
const RUN_OF_STATE: Column = Column::new("flow_run_id", Kind::Id, false);

/// When it is to be looked again. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Retention(Arc<AtomicI64>);

/// Removes some of what is old enough, if it is time to look; tells how many rows that were.
pub(super) async fn turn(app: &App) -> Result<usize, ApiError> {
    let settings = &app.config.services.retention;
    let now = app.now();
    if now.timestamp_micros() < app.retention.0.load(Ordering::Relaxed) {
        return Ok(0);
    }
    let before = |keep: Duration| {
        let keep = TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX);
        now.checked_sub_signed(keep).unwrap_or(Timestamp::MIN_UTC)
    };
    let batch = settings.batch;
    let mut removed = 0;
    for _ in 0..MOST {
        let mut some = 0;
        if settings.events {
            some += old::<EventRow>(app, OCCURRED, before(settings.keep_events), batch).await?;
        }
        if settings.logs {
            some += old::<LogRow>(app, log::TIMESTAMP, before(settings.keep_logs), batch).await?;
        }
        if settings.flow_runs {
            some += flow_runs(app, before(settings.keep_flow_runs), batch).await?;
        }
        removed += some;
        if some == 0 {
            let next = TimeDelta::from_std(settings.period).ok().and_then(|period| now.checked_add_signed(period));
            app.retention.0.store(next.unwrap_or(Timestamp::MAX_UTC).timestamp_micros(), Ordering::Relaxed);
            break;
        }
        tokio::task::yield_now().await;
    }
    Ok(removed)
}

/// A row of which nothing but its identifier matters.
trait Named: Record {
    /// Gives the identifier.
    fn id(&self) -> Uuid;
}

const ID: Column = Column::new("id", Kind::Id, false);

/// Declares the rows of tables by their identifiers.
macro_rules! rows {
    ($($name:ident = $table:expr,)+) => {$(
        struct $name(Uuid);

        impl Record for $name {
            const TABLE: Table = $table;
            const COLUMNS: &'static [Column] = &[ID];

            fn from_row(row: &mut Row) -> Result<Self, StoreError> {
                row.id().map($name)
            }

            fn values(&self) -> Vec<Value> {
                vec![self.0.into()]
            }
        }

        impl Named for $name {
            fn id(&self) -> Uuid {
                self.0
            }
        }
    )+};
}

rows! {
    RunRow = Table::FLOW_RUNS,
    TaskRunRow = Table::TASK_RUNS,
    LogRow = Table::LOGS,
    EventRow = Table::new("events"),
    ArtifactRow = Table::new("artifacts"),
    InputRow = Table::new("flow_run_inputs"),
}

fn ids(rows: &[impl Named]) -> Vec<Uuid> {
    rows.iter().map(Named::id).collect()
}

/// Removes the oldest rows of a table, if they are from before a time.
async fn old<R: Named + 'static>(app: &App, time: Column, before: Timestamp, batch: u32) -> Result<usize, StoreError> {
    let condition = Condition::Column(time, Test::AtMost(before.timestamp_micros()));
    let selection = Selection { condition, sort: vec![(time, Order::OldestFirst)], page: Page::first(batch) };
    let rows = ids(&app.store.records().list::<R>(&selection).await?);
    if rows.is_empty() {
        return Ok(0);
    }
    let count = rows.len();
    let work = app.store.records().transact(move |tx| {
        let these = ID.one_of(Values::Ids(rows.clone()));
        Box::pin(async move { tx.delete(R::TABLE, these).await })
    });
    let removed: Result<u64, StoreError> = work.await;
    removed.map(|_| count)
}

/// Removes some rows of a table; tells how many.
async fn some<R: Named>(tx: &mut Tx<'_>, condition: Condition, batch: u32) -> Result<usize, StoreError> {
    let selection = Selection { condition, sort: Vec::new(), page: Page::first(batch) };
    let rows = ids(&tx.list::<R>(&selection).await?);
    let count = rows.len();
    if count > 0 {
        tx.delete(R::TABLE, ID.one_of(Values::Ids(rows))).await?;
    }
    Ok(count)
}

/// Flow runs that ended before a time. A subflow stays as long as its parent, which may need its result.
fn ended(before: Timestamp) -> Condition {
    let ended = [StateType::Completed, StateType::Failed, StateType::Cancelled, StateType::Crashed];
    let ended = Values::Texts(ended.iter().map(|kind| kind.as_str().to_owned()).collect());
    let has_parent = Condition::Related(relation::PARENT_OF_FLOW_RUN, Box::new(Condition::ALWAYS));
    Condition::All(vec![
        flow_run::STATE_TYPE.one_of(ended),
        Condition::Column(flow_run::END_TIME, Test::AtMost(before.timestamp_micros())),
        Condition::Not(Box::new(has_parent)),
    ])
}

/// Removes some of the flow runs that ended before a time, and what belongs to them. What is much goes first, over several
/// transactions.
async fn flow_runs(app: &App, before: Timestamp, batch: u32) -> Result<usize, StoreError> {
    let sort = vec![(flow_run::END_TIME, Order::OldestFirst)];
    let selection = Selection { condition: ended(before), sort, page: Page::first(RUNS.min(batch)) };
    let runs = ids(&app.store.records().list::<RunRow>(&selection).await?);
    if runs.is_empty() {
        return Ok(0);
    }
    let work = app.store.records().transact(move |tx| {
        let runs = runs.clone();
        Box::pin(async move { remove(tx, runs, before, batch).await })
    });
    work.await
}

async fn remove(tx: &mut Tx<'_>, runs: Vec<Uuid>, before: Timestamp, batch: u32) -> Result<usize, StoreError> {
    // Somebody may have begun one anew meanwhile.
    let these = flow_run::ID.one_of(Values::Ids(runs)).and(ended(before));
    let runs = ids(&tx.lock::<RunRow>(these).await?);
    let of = |column: Column| column.one_of(Values::Ids(runs.clone()));
    // The latest version of a key is what people look at, whichever run has made it.
    let versions = of(artifacts::FLOW_RUN_ID).and(Condition::Not(Box::new(artifacts::LATEST)));
    let mut removed = 0;
    for kind in 0..4 {
        let count = match kind {
            0 => some::<LogRow>(tx, of(log::FLOW_RUN_ID), batch).await?,
            1 => some::<TaskRunRow>(tx, of(task_run::FLOW_RUN_ID), batch).await?,
            2 => some::<ArtifactRow>(tx, versions.clone(), batch).await?,
            _ => some::<InputRow>(tx, of(flow_run_inputs::FLOW_RUN_ID), batch).await?,
        };
        removed += count;
        if count >= batch as usize {
            // The next transaction goes on with the same runs.
            return Ok(removed);
        }
    }
    tx.delete(STATES, of(RUN_OF_STATE)).await?;
    tx.delete(heartbeats::HEARTBEATS, of(heartbeats::ID)).await?;
    tx.delete(Table::FLOW_RUNS, of(flow_run::ID)).await?;
    Ok(removed + runs.len().max(1))
}
