//! Runs that were paused for a time and have not been resumed in it fail.

use chrono::TimeDelta;
use flowcore::model::{FlowRun, Order, Page, StateType, Timestamp};
use flowcore::store::query::{Selection, flow_run};

use super::moving::enter;
use crate::error::ApiError;
use crate::state::App;

/// How many runs are looked at together.
const PAGE: u32 = 200;

/// A run that is paused in its process ends its pause itself; only where that has gone is it done here.
const GRACE: TimeDelta = TimeDelta::seconds(5);

/// Fails the runs whose pause has ended.
pub(super) async fn turn(app: &App) -> Result<usize, ApiError> {
    let (mut failed, mut page) = (0, Page::first(PAGE));
    loop {
        let selection = Selection {
            condition: flow_run::STATE_TYPE.is(StateType::Paused.as_str()),
            sort: vec![(flow_run::ID, Order::OldestFirst)],
            page,
        };
        let runs = app.store.select_flow_runs(&selection).await?;
        let is_last = runs.len() < PAGE as usize;
        let mut left = 0;
        for run in runs {
            let expired = ends(&run).is_some_and(|end| end + GRACE < app.now());
            let message = "The flow was paused and never resumed.";
            if expired && enter(app, &run, app.state(StateType::Failed).message(message)).await? {
                failed += 1;
            } else {
                left += 1;
            }
        }
        if is_last {
            return Ok(failed);
        }
        page.offset += left;
    }
}

/// Tells when a run's pause ends.
fn ends(run: &FlowRun) -> Option<Timestamp> {
    run.state.details.as_ref()?.pause_timeout
}
