//! Subflows of Prefect's clients, and the task runs that stand for them in their parents.

use flowcore::model::{FlowRun, Page, State, StateId};
use flowcore::store::StoreError;
use flowcore::store::query::{Selection, task_run};

use crate::state::App;

/// Lets the task run that stands for a subflow in its parent enter the same state. Our own engine does so itself, but for
/// runs of deployments, which are executed elsewhere.
pub(crate) async fn tell_parent(app: &App, run: &FlowRun) -> Result<(), StoreError> {
    let Some(parent) =
        run.parent_task_run_id.filter(|_| run.process_id.is_none() || run.origin.deployment_id.is_some())
    else {
        return Ok(());
    };
    let selection = Selection { condition: task_run::ID.is(parent.0), sort: Vec::new(), page: Page::first(1) };
    let Some(mut parent) = app.store.select_task_runs(&selection).await?.pop() else { return Ok(()) };
    let mut state = State { id: StateId(app.clock.uuid()), ..run.state.clone() };
    let details = state.details_mut();
    (details.task_run_id, details.flow_run_id) = (Some(parent.id), parent.flow_run_id);
    details.child_flow_run_id = Some(run.id);
    parent.times.enter_client_state(Some(&parent.state), &state, true);
    parent.state = state;
    app.store.observe_task_runs(vec![parent]).await
}
