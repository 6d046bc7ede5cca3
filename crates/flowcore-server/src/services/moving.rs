//! Moving runs on that a service has seen in a state.

use flowcore::model::{FlowRun, State};

use crate::deployments::settle_slot;
use crate::error::ApiError;
use crate::moving::move_on;
use crate::state::App;

/// Moves a run on, if it is still in the state in which it was seen; tells whether it was.
pub(super) async fn enter(app: &App, seen: &FlowRun, state: State) -> Result<bool, ApiError> {
    let Some(next) = move_on(app, seen, state).await? else { return Ok(false) };
    settle_slot(app, &seen.state, &next).await?;
    Ok(true)
}
