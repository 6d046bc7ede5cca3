//! Parameters of deployments and their runs.

use std::collections::HashMap;

use axum::http::StatusCode;
use flowcore::model::Page;
use flowcore::store::query::{Condition, Selection};
use serde_json::{Map, Value};

use super::hydration::{has_stand_ins, hydrate};
use crate::error::ApiError;
use crate::json_schema::{Mistake, check, prepare, without_required};
use crate::state::App;
use crate::variables::VariableRow;

/// Replaces what stands for variables in parameters. `whose` names them in what is said if that fails.
pub(crate) async fn filled_in(
    app: &App,
    parameters: Map<String, Value>,
    whose: &str,
) -> Result<Map<String, Value>, ApiError> {
    if !parameters.values().any(has_stand_ins) {
        return Ok(parameters);
    }
    let all = Selection { condition: Condition::ALWAYS, sort: Vec::new(), page: Page::first(u32::MAX) };
    let variables: Vec<VariableRow> = app.store.records().list(&all).await?;
    let variables: HashMap<String, Value> = variables
        .into_iter()
        .filter_map(|VariableRow(variable)| Some((variable.name, serde_json::from_str(variable.value.get()).ok()?)))
        .collect();
    hydrate(parameters, &variables).map_err(|error| {
        ApiError::Refused(StatusCode::BAD_REQUEST, format!("Error hydrating {whose} parameters: {error}"))
    })
}

/// Checks parameters against a schema. With `part`, more of them may come later.
pub(crate) fn check_parameters(
    parameters: &Map<String, Value>,
    schema: &Map<String, Value>,
    part: bool,
) -> Result<(), Mistake> {
    let mut schema = prepare(schema, false);
    if part {
        schema = without_required(&schema);
    }
    check(&Value::Object(parameters.clone()), &schema)
}
