//! How many deployments flows have, for lists of flows.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use flowcore::store::StoreError;
use flowcore::store::query::Values;
use flowcore::store::records::Group;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::deployments::deployment::{FLOW_ID, TABLE};
use crate::error::ApiError;
use crate::extract::Body;
use crate::routes::{Routes, op};
use crate::state::App;

pub(super) fn routes() -> Routes {
    Routes::new(&["Flows", "UI"]).post("/ui/flows/count-deployments", op("count_deployments_by_flow", by_flow))
}

#[derive(Deserialize, JsonSchema)]
struct Flows {
    #[schemars(length(max = 200))]
    flow_ids: Vec<Uuid>,
}

async fn by_flow(State(app): State<App>, Body(asked): Body<Flows>) -> Result<Json<BTreeMap<Uuid, i64>>, ApiError> {
    let mut counts: BTreeMap<Uuid, i64> = asked.flow_ids.iter().map(|id| (*id, 0)).collect();
    let of_these = FLOW_ID.one_of(Values::Ids(asked.flow_ids));
    for mut row in app.store.records().count_groups(TABLE, &[Group::Column(FLOW_ID)], &of_these).await? {
        let counted: Result<_, StoreError> = row.id().and_then(|id| Ok((id, row.number()?)));
        counts.extend([counted?]);
    }
    Ok(Json(counts))
}
