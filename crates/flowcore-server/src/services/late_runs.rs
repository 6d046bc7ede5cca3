//! Runs whose time has passed and that nobody has begun are called late; or cancelled, if their deployment wants that of runs
//! that find its limit full.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use flowcore::model::{Order, Page, StateName, StateType};
use flowcore::store::query::{Condition, Selection, Test, Values, flow_run};

use super::moving::enter;
use crate::deployments::{FULL, cancels_new_runs};
use crate::error::ApiError;
use crate::state::App;

/// How many runs are moved in a turn; the others have the next one.
const MOST: u32 = 400;

/// Moves runs to `Late`, or to `Cancelled`, that should have begun some time ago.
pub(super) async fn turn(app: &App) -> Result<usize, ApiError> {
    let before = app.now() - app.config.services.late_runs_after;
    // Said so that no database looks them up by their state, in which all are that are still to come.
    let is = |column, text: &str| {
        Condition::Not(Box::new(Condition::Column(column, Test::NoneOf(Values::Texts(vec![text.to_owned()])))))
    };
    let selection = Selection {
        condition: Condition::All(vec![
            is(flow_run::STATE_TYPE, StateType::Scheduled.as_str()),
            is(flow_run::STATE_NAME, StateType::Scheduled.default_name()),
            Condition::Column(flow_run::NEXT_SCHEDULED_START_TIME, Test::AtMost(before.timestamp_micros())),
        ]),
        sort: vec![(flow_run::NEXT_SCHEDULED_START_TIME, Order::OldestFirst)],
        page: Page::first(MOST),
    };
    let (mut moved, mut cancels) = (0, BTreeMap::new());
    for run in app.store.select_flow_runs(&selection).await? {
        let Some(due) = run.times.next_scheduled_start_time else { continue };
        let cancelled = match run.origin.deployment_id.map(|deployment| cancels.entry(deployment)) {
            None => false,
            Some(Entry::Occupied(known)) => *known.get(),
            Some(Entry::Vacant(new)) => {
                let deployment = *new.key();
                *new.insert(cancels_new_runs(app, deployment).await?)
            }
        };
        let state = match cancelled {
            true => app.state(StateType::Cancelled).message(FULL),
            false => app.state(StateType::Scheduled).named(StateName::LATE).scheduled_for(due),
        };
        moved += usize::from(enter(app, &run, state).await?);
    }
    Ok(moved)
}
