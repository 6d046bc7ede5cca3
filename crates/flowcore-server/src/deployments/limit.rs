//! A deployment's own limit of how many runs are under way at once.

use flowcore::orchestration::{LimitError, LimitUpdate, NewLimit};
use flowcore::store::StoreError;
use uuid::Uuid;

use crate::state::App;

fn name(deployment: Uuid) -> String {
    format!("deployment:{deployment}")
}

/// Gives a deployment a limit of its own, or changes the one that it has; tells its id.
pub(crate) async fn limit_to(app: &App, deployment: Uuid, limit: u32) -> Result<Option<Uuid>, StoreError> {
    let made = match app.orchestrator.create_limit(NewLimit::new(name(deployment), limit)).await? {
        Err(LimitError::Exists(name)) => {
            let update = LimitUpdate { limit: Some(limit), ..LimitUpdate::default() };
            app.orchestrator.update_limit(&name, update).await?
        }
        made => made,
    };
    // It may be deleted meanwhile, which leaves the deployment without one.
    Ok(made.ok().map(|limit| limit.id.0))
}

/// Takes a deployment's own limit away, if it has one. A limit that it shares with others stays.
pub(crate) async fn remove_limit(app: &App, deployment: Uuid) -> Result<(), StoreError> {
    app.orchestrator.delete_limit(&name(deployment)).await.map(drop)
}
