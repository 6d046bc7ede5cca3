//! What those who run the server ask it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::error::ApiError;
use crate::extract::Body;
use crate::routes::{Routes, op};
use crate::server::{self, ServerError};
use crate::state::App;

/// The version of Prefect whose API this is: clients want the same major version.
pub(crate) const PREFECT_VERSION: &str = "3.8.8";

pub(super) fn routes() -> Routes {
    Routes::new(&["Admin"])
        .get("/admin/settings", op("read_settings", settings))
        .get("/admin/version", op("read_version", || async { Json(PREFECT_VERSION) }))
        .post("/admin/database/clear", op("clear_database", clear))
}

/// Shows the settings in their tables, without secrets.
async fn settings(State(app): State<App>) -> Json<Value> {
    Json(app.config.shown.clone())
}

#[derive(Deserialize, JsonSchema)]
struct Confirmation {
    /// Whether it is meant.
    #[serde(default)]
    confirm: bool,
}

/// Deletes everything, where the settings allow it.
async fn clear(State(app): State<App>, Body(said): Body<Confirmation>) -> Result<StatusCode, ApiError> {
    if !app.config.allow_database_clear {
        let why = "The database may not be cleared: set FLOWCORE_SERVER_ALLOW_DATABASE_CLEAR=true to allow it.";
        return Err(ApiError::Refused(StatusCode::FORBIDDEN, why.to_owned()));
    }
    if !said.confirm {
        let why = "Say {\"confirm\": true} to delete everything.";
        return Err(ApiError::Refused(StatusCode::BAD_REQUEST, why.to_owned()));
    }
    server::clear(&app).await.map_err(|error| match error {
        ServerError::Store(error) => error.into(),
        error => ApiError::Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    })?;
    Ok(StatusCode::NO_CONTENT)
}
