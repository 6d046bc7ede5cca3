//! What runs have left behind that a worker is to tear down.
//!
//! A run whose cancellation nobody carried out counts as cancelled some time later, and what it runs on may still be there. Workers
//! that can end it are told so over their channel, one of them at a time: it is theirs until a token's lease ends, which they
//! renew. Who says nothing more, or gives it back, leaves it to the next, but not for ever.

use chrono::TimeDelta;
use flowcore::model::{FlowRun, Timestamp};
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Condition, Kind, Table, Test};
use flowcore::store::records::{Record, Row, Tx, Value};
use uuid::Uuid;

use crate::pools::{WorkPool, WorkQueue, pool, queue};
use crate::state::App;

pub(crate) const TABLE: Table = Table::new("teardowns");
const ID: Column = Column::new("id", Kind::Id, false);
const CREATED: Column = Column::new("created", Kind::Time, false);
pub(crate) const WORK_POOL_ID: Column = Column::new("work_pool_id", Kind::Id, false);
const WORK_QUEUE_ID: Column = Column::new("work_queue_id", Kind::Id, false);
const FLOW_RUN_ID: Column = Column::new("flow_run_id", Kind::Id, false);
const INFRASTRUCTURE_PID: Column = Column::new("infrastructure_pid", Kind::Text, true);
const DELIVERIES: Column = Column::new("deliveries", Kind::Number, false);
const TOKEN: Column = Column::new("token", Kind::Text, false);
const EXPIRES: Column = Column::new("expires", Kind::Number, false);

/// For how long a worker that has been told need not say anything.
const LEASE: TimeDelta = TimeDelta::seconds(30);

/// How many workers are told, at most.
const MOST_DELIVERIES: i64 = 3;

/// Pools of these kinds have no workers.
const WITHOUT_WORKERS: [&str; 2] = [":push", ":managed"];

/// Something that is to be torn down.
#[derive(Clone, Debug)]
pub(crate) struct Teardown {
    /// The id of the state in which the run was not ended in time, so that it is planned once.
    pub(crate) id: Uuid,
    created: Timestamp,
    work_pool_id: Uuid,
    pub(crate) work_queue_id: Uuid,
    pub(crate) flow_run_id: Uuid,
    /// What the worker that started it calls it, if it said so.
    pub(crate) infrastructure_pid: Option<String>,
    /// How many workers were told.
    pub(crate) deliveries: i64,
    /// What who has it shows; empty while nobody has.
    pub(crate) token: String,
    /// Until when it is somebody's, in microseconds since 1970; 0 while it is nobody's.
    expires: i64,
}

impl Teardown {
    /// Tells until when it is somebody's.
    pub(crate) fn lease(&self) -> Timestamp {
        Timestamp::from_timestamp_micros(self.expires).unwrap_or_default()
    }

    fn is_spent(&self) -> bool {
        self.deliveries >= MOST_DELIVERIES
    }
}

impl Record for Teardown {
    const TABLE: Table = TABLE;
    const COLUMNS: &'static [Column] =
        &[ID, CREATED, WORK_POOL_ID, WORK_QUEUE_ID, FLOW_RUN_ID, INFRASTRUCTURE_PID, DELIVERIES, TOKEN, EXPIRES];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Teardown {
            id: row.id()?,
            created: row.time()?,
            work_pool_id: row.id()?,
            work_queue_id: row.id()?,
            flow_run_id: row.id()?,
            infrastructure_pid: row.optional_text()?,
            deliveries: row.number()?,
            token: row.text()?,
            expires: row.number()?,
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.created.into(),
            self.work_pool_id.into(),
            self.work_queue_id.into(),
            self.flow_run_id.into(),
            self.infrastructure_pid.clone().into(),
            self.deliveries.into(),
            self.token.clone().into(),
            self.expires.into(),
        ]
    }
}

/// Plans that what a run has left behind is torn down, and gives its pool. Runs that no worker has started leave nothing.
pub(crate) async fn plan(app: &App, run: &FlowRun) -> Result<Option<Uuid>, StoreError> {
    let Some(work_queue_id) = run.origin.work_queue_id else { return Ok(None) };
    let records = app.store.records();
    let Some(queue) = records.first::<WorkQueue>(queue::ID.is(work_queue_id)).await? else { return Ok(None) };
    let Some(pool) = records.first::<WorkPool>(pool::ID.is(queue.work_pool_id)).await? else { return Ok(None) };
    if WITHOUT_WORKERS.iter().any(|kind| pool.kind.ends_with(kind)) {
        return Ok(None);
    }
    let planned = Teardown {
        id: run.state.id.0,
        created: app.now(),
        work_pool_id: pool.id,
        work_queue_id,
        flow_run_id: run.id.0,
        infrastructure_pid: run.origin.infrastructure_pid.clone(),
        deliveries: 0,
        token: String::new(),
        expires: 0,
    };
    let work = records.transact(move |tx| {
        let planned = planned.clone();
        Box::pin(async move { tx.insert_new(&planned).await })
    });
    work.await?;
    Ok(Some(pool.id))
}

/// Forgets what was planned for a run that has ended by itself.
pub(crate) async fn forget(app: &App, run: &FlowRun) -> Result<(), StoreError> {
    let id = run.state.id.0;
    app.store.records().transact(move |tx| Box::pin(async move { tx.delete(TABLE, ID.is(id)).await.map(drop) })).await
}

/// Gives a worker of a pool something to tear down, of these queues first.
pub(crate) async fn reserve(app: &App, pool: Uuid, queues: &[Uuid]) -> Result<Option<Teardown>, StoreError> {
    let (now, token, queues) = (app.now(), Uuid::new_v4().simple().to_string(), queues.to_vec());
    let work = app.store.records().transact(move |tx| {
        let (token, queues) = (token.clone(), queues.clone());
        Box::pin(async move {
            let is_free = Condition::Column(EXPIRES, Test::AtMost(now.timestamp_micros()));
            let free: Vec<Teardown> = tx.lock(Condition::All(vec![WORK_POOL_ID.is(pool), is_free])).await?;
            let (spent, free): (Vec<_>, Vec<_>) = free.into_iter().partition(Teardown::is_spent);
            for teardown in &spent {
                give_up(tx, teardown).await?;
            }
            let first = |one: &Teardown| (!queues.contains(&one.work_queue_id), one.created, one.id);
            let Some(next) = free.into_iter().min_by_key(first) else { return Ok(None) };
            let expires = (now + LEASE).timestamp_micros();
            let next = Teardown { deliveries: next.deliveries + 1, token, expires, ..next };
            tx.put(&next).await?;
            Ok::<_, StoreError>(Some(next))
        })
    });
    work.await
}

/// What a worker says of something that it has in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// It is torn down.
    Ack,
    /// Somebody else is to do it.
    Release,
    /// It takes longer.
    Renew,
}

impl Operation {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Operation::Ack => "ack",
            Operation::Release => "release",
            Operation::Renew => "renew",
        }
    }
}

/// What has become of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    /// It is theirs until then.
    Renewed(Timestamp),
    /// It was not done, or for the last time: a status, and why.
    Refused(&'static str, &'static str),
}

const SPENT: Answer = Answer::Refused("dead_lettered", "max_delivery_attempts_reached");

/// Does what a worker of a pool says of something that it has in hand; tells whether somebody else may have it now.
pub(crate) async fn carry_out(
    app: &App,
    operation: Operation,
    (pool, id, token): (Uuid, Uuid, &str),
) -> Result<(Answer, bool), StoreError> {
    let (now, token) = (app.now(), token.to_owned());
    let work = app.store.records().transact(move |tx| {
        let token = token.clone();
        Box::pin(async move {
            let refused = |status, why| Ok((Answer::Refused(status, why), false));
            let Some(known) = tx.lock_first::<Teardown>(ID.is(id)).await? else {
                return refused("not_found", "message_not_found");
            };
            if known.work_pool_id != pool {
                return refused("unauthorized", "work_pool_mismatch");
            }
            if known.token.is_empty() {
                return refused("not_current", "no_active_reservation");
            }
            if known.token != token {
                return refused("invalid_token", "reservation_token_mismatch");
            }
            let has_ended = known.lease() <= now;
            match operation {
                Operation::Ack if !has_ended => {
                    tx.delete(TABLE, ID.is(id)).await?;
                    return Ok((Answer::Accepted, false));
                }
                Operation::Renew if !has_ended => {
                    let until = now + LEASE;
                    tx.put(&Teardown { expires: until.timestamp_micros(), ..known }).await?;
                    return Ok((Answer::Renewed(until), false));
                }
                _ if known.is_spent() => {
                    give_up(tx, &known).await?;
                    return Ok((SPENT, false));
                }
                _ => tx.put(&Teardown { token: String::new(), expires: 0, ..known }).await?,
            }
            Ok((if has_ended { Answer::Refused("expired", "lease_expired") } else { Answer::Accepted }, true))
        })
    });
    work.await
}

async fn give_up(tx: &mut Tx<'_>, teardown: &Teardown) -> Result<(), StoreError> {
    tracing::warn!(
        target: "flowcore_server",
        "no worker has torn down what the cancelled flow run {} has left behind ({}): look whether it is still there",
        teardown.flow_run_id,
        teardown.infrastructure_pid.as_deref().unwrap_or("nobody said what it is"),
    );
    tx.delete(TABLE, ID.is(teardown.id)).await.map(drop)
}
