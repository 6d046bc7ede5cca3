//! Whether the server is there, and which one.

use axum::Json;
use axum::http::StatusCode;
use flowcore::model::{FlowFilter, Page};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::routes::{Routes, op};
use crate::state::App;

/// The version of Prefect whose API this is: clients want the same major version.
pub(crate) const PREFECT_VERSION: &str = "3.8.8";

/// The version of the API itself.
pub(crate) const API_VERSION: &str = "0.8.4";

pub(super) fn routes() -> Routes {
    Routes::new(&["Root"])
        .get("/hello", op("hello", || async { Json("👋") }))
        .get("/ready", op("perform_readiness_check", ready))
        .get("/csrf-token", op("create_csrf_token", csrf_token))
        .merge(Routes::new(&["Admin"]).get("/admin/version", op("read_version", version)))
        .merge(
            Routes::new(&["Root"])
                .get("/health", op("health_check", || async { Json(true) }).of_any_version())
                .get("/version", op("server_version", || async { Json(API_VERSION) }).of_any_version()),
        )
}

async fn version() -> Json<&'static str> {
    Json(PREFECT_VERSION)
}

/// Ready is who can read the database.
async fn ready(axum::extract::State(app): axum::extract::State<App>) -> Result<Json<Value>, ApiError> {
    let filter = FlowFilter { page: Page::first(1), ..FlowFilter::default() };
    app.store.flows(&filter).await?;
    Ok(Json(json!({"message": "OK"})))
}

async fn csrf_token() -> ApiError {
    ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, "CSRF protection is disabled.".to_owned())
}
