//! Moving runs on that were seen in a state, without asking any rule.

use flowcore::model::{FlowRun, State};
use flowcore::store::{StoreError, Swap};

use crate::state::App;
use crate::subflows::tell_parent;

/// Lets a run enter a state, if it is still in the one in which it was seen, and gives it as it is then.
pub(crate) async fn move_on(app: &App, seen: &FlowRun, mut state: State) -> Result<Option<FlowRun>, StoreError> {
    let details = state.details_mut();
    (details.flow_run_id, details.task_run_id) = (Some(seen.id), seen.parent_task_run_id);
    state.keep_slot_lease(&seen.state);
    let mut next = seen.clone();
    next.times.enter_client_state(Some(&seen.state), &state, false);
    next.state = state;
    next.updated = app.now();
    if !matches!(app.store.swap_flow_run(next.clone(), seen.state.id).await?, Swap::Applied) {
        return Ok(None);
    }
    tell_parent(app, &next).await?;
    Ok(Some(next))
}
