//! Moving runs on that a service has seen in a state.

use flowcore::model::{FlowRun, State};
use flowcore::store::Swap;

use crate::deployments::settle_slot;
use crate::error::ApiError;
use crate::state::App;
use crate::subflows::tell_parent;

/// Moves a run on, if it is still in the state in which it was seen; tells whether it was.
pub(super) async fn enter(app: &App, seen: &FlowRun, mut state: State) -> Result<bool, ApiError> {
    let details = state.details_mut();
    (details.flow_run_id, details.task_run_id) = (Some(seen.id), seen.parent_task_run_id);
    let mut next = seen.clone();
    next.times.enter_client_state(Some(&seen.state), &state, false);
    next.state = state;
    next.updated = app.now();
    if !matches!(app.store.swap_flow_run(next.clone(), seen.state.id).await?, Swap::Applied) {
        return Ok(false);
    }
    settle_slot(app, seen.state.kind, &next).await?;
    tell_parent(app, &next).await?;
    Ok(true)
}
