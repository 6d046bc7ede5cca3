//! What a worker is to execute next.

use chrono::TimeDelta;
use flowcore::model::{FlowRun, Order, Page, StateType, Timestamp};
use flowcore::store::query::{Condition, Selection, Test, Values, flow_run};
use uuid::Uuid;

use super::occupied::{NOT_YET_ENDED, UNDER_WAY, occupied_of_queues};
use super::pool::WorkPool;
use super::queue::WorkQueue;
use crate::error::ApiError;
use crate::state::App;

/// Which runs are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    /// Scheduled at this time or earlier.
    pub(crate) before: Option<Timestamp>,
    /// Scheduled at this time or later.
    pub(crate) after: Option<Timestamp>,
    /// At most so many.
    pub(crate) limit: u32,
}

impl Due {
    /// Splits it into what is due now and what comes later. The first has the free slots first: a run that comes soon may not keep them
    /// from one that could begin.
    fn now_and_later(self, now: Timestamp) -> [Due; 2] {
        let first = Due { before: Some(self.before.map_or(now, |before| before.min(now))), ..self };
        let behind_now = now + TimeDelta::microseconds(1);
        let later = Due { after: Some(self.after.map_or(behind_now, |after| after.max(behind_now))), ..self };
        [first, later]
    }

    /// Selects the runs among these that wait for their time, or for somebody to take them.
    fn of(&self, runs: Condition, limit: u64) -> Selection {
        let micros = |time: Timestamp| time.timestamp_micros();
        let before = self.before.map(|time| Test::AtMost(micros(time)));
        let after = self.after.map(|time| Test::AtLeast(micros(time)));
        let times = before.into_iter().chain(after);
        let times = times.map(|test| Condition::Column(flow_run::NEXT_SCHEDULED_START_TIME, test));
        let mut all = vec![runs, flow_run::STATE_TYPE.is(StateType::Scheduled.as_str())];
        all.extend(times);
        Selection {
            condition: Condition::All(all),
            sort: vec![(flow_run::NEXT_SCHEDULED_START_TIME, Order::OldestFirst)],
            page: Page::first(u32::try_from(limit).unwrap_or(u32::MAX)),
        }
    }
}

/// Lists what is due in a pool: queue by queue in the order of their priorities, within a queue by time, and not more than
/// pool and queues have free slots for, which go to runs that are due already before those that are not yet. `queues` are those
/// that are asked for, `all` those of the pool.
pub(crate) async fn due(
    app: &App,
    pool: &WorkPool,
    all: &[WorkQueue],
    queues: &[WorkQueue],
    due: Due,
) -> Result<Vec<FlowRun>, ApiError> {
    if pool.is_paused {
        return Ok(Vec::new());
    }
    let limited = |queue: &&WorkQueue| pool.concurrency_limit.is_some() || queue.concurrency_limit.is_some();
    let counted: Vec<Uuid> = all.iter().filter(limited).map(|queue| queue.id).collect();
    let halves = match counted.is_empty() {
        // Nobody stands in anybody's way.
        true => vec![due],
        false => due.now_and_later(app.now()).to_vec(),
    };
    let taken = occupied_of_queues(app, counted, NOT_YET_ENDED).await?;
    let free =
        |limit: Option<i64>, taken: u64| limit.map_or(u64::MAX, |limit| limit.unsigned_abs().saturating_sub(taken));
    let mut left = u64::from(due.limit).min(free(pool.concurrency_limit, taken.values().sum()));
    let mut queues: Vec<&WorkQueue> = queues.iter().filter(|queue| !queue.is_paused).collect();
    queues.sort_by_key(|queue| queue.priority);
    let mut runs = vec![Vec::new(); queues.len()];
    for due in halves {
        for (queue, runs) in queues.iter().zip(&mut runs) {
            let taken = taken.get(&queue.id).copied().unwrap_or_default() + runs.len() as u64;
            let limit = left.min(free(queue.concurrency_limit, taken));
            if limit > 0 {
                let found = app.store.select_flow_runs(&due.of(flow_run::WORK_QUEUE_ID.is(queue.id), limit)).await?;
                left -= found.len() as u64;
                runs.extend(found);
            }
        }
    }
    Ok(runs.concat())
}

/// Lists what is due in one queue that is asked for by itself, in the order of time. Runs that name it without knowing it
/// are its runs as well. A queue with a filter has no runs of its own but those that pass.
pub(crate) async fn due_in_queue(app: &App, queue: &WorkQueue, due: Due) -> Result<Vec<FlowRun>, ApiError> {
    if queue.is_paused {
        return Ok(Vec::new());
    }
    let taken = match queue.concurrency_limit {
        Some(_) => occupied(app, queue).await?,
        None => 0,
    };
    let free = queue.concurrency_limit.map_or(u64::MAX, |limit| limit.unsigned_abs().saturating_sub(taken));
    let limit = u64::from(due.limit).min(free);
    let mut runs = Vec::new();
    for part in parts(queue) {
        runs.extend(app.store.select_flow_runs(&due.of(part, limit)).await?);
    }
    runs.sort_by_key(|run| (run.times.next_scheduled_start_time, run.id));
    runs.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(runs)
}

/// Counts the runs that take a slot of a queue that is asked for by itself.
pub(crate) async fn occupied(app: &App, queue: &WorkQueue) -> Result<u64, ApiError> {
    let mut taken = 0;
    for condition in holders(queue) {
        taken += app.store.count(flowcore::store::query::Table::FLOW_RUNS, &condition).await?;
    }
    Ok(taken)
}

/// Selects the runs that take a slot of a queue.
pub(crate) fn holders(queue: &WorkQueue) -> Vec<Condition> {
    let states = if queue.filter.is_some() { UNDER_WAY } else { NOT_YET_ENDED };
    let states = states.iter().map(|state| state.as_str().to_owned()).collect();
    let states = flow_run::STATE_TYPE.one_of(Values::Texts(states));
    parts(queue).into_iter().map(|part| part.and(states.clone())).collect()
}

/// Selects a queue's runs, in parts that have an index each.
fn parts(queue: &WorkQueue) -> Vec<Condition> {
    let Some(filter) = &queue.filter else {
        return vec![
            flow_run::WORK_QUEUE_ID.is(queue.id),
            Condition::All(vec![
                flow_run::WORK_QUEUE_ID.is(None::<Uuid>),
                flow_run::WORK_QUEUE_NAME.is(queue.name.as_str()),
            ]),
        ];
    };
    let tags = filter.tags.clone().map(|tags| Condition::Column(flow_run::TAGS, Test::HasAll(tags)));
    let deployments = filter.deployment_ids.clone().map_or_else(
        || Condition::Column(flow_run::DEPLOYMENT_ID, Test::IsNull(false)),
        |ids| flow_run::DEPLOYMENT_ID.one_of(Values::Ids(ids)),
    );
    vec![Condition::All(tags.into_iter().chain([deployments]).collect())]
}
