//! How many slots of pools and queues are taken: by the runs that are under way.

use std::collections::HashMap;

use flowcore::model::{Page, StateType};
use flowcore::store::query::{Condition, Selection, Table, Values, flow_run};
use flowcore::store::records::Group;
use uuid::Uuid;

use super::queue::{self, WorkQueue};
use crate::error::ApiError;
use crate::state::App;

/// States of runs that take a slot of their pool.
pub(crate) const UNDER_WAY: &[StateType] = &[StateType::Pending, StateType::Running];
/// States of runs that take a slot of a queue that is asked for by itself: also those that are about to end.
pub(crate) const NOT_YET_ENDED: &[StateType] = &[StateType::Pending, StateType::Running, StateType::Cancelling];

/// Selects the runs of queues that are in such states.
pub(crate) fn runs_in(queues: Vec<Uuid>, states: &[StateType]) -> Condition {
    let states = states.iter().map(|state| state.as_str().to_owned()).collect();
    Condition::All(vec![
        flow_run::WORK_QUEUE_ID.one_of(Values::Ids(queues)),
        flow_run::STATE_TYPE.one_of(Values::Texts(states)),
    ])
}

/// Counts the runs of each of these queues that are in such states; queues without any are left out.
pub(crate) async fn occupied_of_queues(
    app: &App,
    queues: Vec<Uuid>,
    states: &[StateType],
) -> Result<HashMap<Uuid, u64>, ApiError> {
    if queues.is_empty() {
        return Ok(HashMap::new());
    }
    let groups = [Group::Column(flow_run::WORK_QUEUE_ID)];
    let rows = app.store.records().count_groups(Table::FLOW_RUNS, &groups, &runs_in(queues, states)).await?;
    let mut counts = HashMap::with_capacity(rows.len());
    for mut row in rows {
        counts.insert(row.id()?, u64::try_from(row.number()?).unwrap_or_default());
    }
    Ok(counts)
}

/// Counts the runs of each of these pools that are under way.
pub(crate) async fn occupied_of_pools(app: &App, pools: Vec<Uuid>) -> Result<HashMap<Uuid, u64>, ApiError> {
    if pools.is_empty() {
        return Ok(HashMap::new());
    }
    let selection = Selection {
        condition: queue::WORK_POOL_ID.one_of(Values::Ids(pools)),
        sort: Vec::new(),
        page: Page::first(u32::MAX),
    };
    let queues: Vec<WorkQueue> = app.store.records().list(&selection).await?;
    let taken = occupied_of_queues(app, queues.iter().map(|queue| queue.id).collect(), UNDER_WAY).await?;
    let mut counts = HashMap::new();
    for queue in queues {
        *counts.entry(queue.work_pool_id).or_default() += taken.get(&queue.id).copied().unwrap_or_default();
    }
    Ok(counts)
}
