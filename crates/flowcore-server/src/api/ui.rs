//! What Prefect's UI asks beside the other operations.

mod flow_runs;
mod flows;
mod schemas;
mod task_runs;

use crate::routes::Routes;

/// How many ids a request has, at most.
const MOST_IDS: usize = 200;

pub(super) fn routes() -> Routes {
    flows::routes().merge(flow_runs::routes()).merge(task_runs::routes()).merge(schemas::routes())
}

/// Refuses more ids than Prefect does.
fn few(ids: &[uuid::Uuid]) -> Result<(), crate::error::ApiError> {
    if ids.len() <= MOST_IDS {
        return Ok(());
    }
    let why = format!("List should have at most {MOST_IDS} items after validation, not {}", ids.len());
    Err(crate::error::ApiError::Refused(axum::http::StatusCode::UNPROCESSABLE_ENTITY, why))
}
