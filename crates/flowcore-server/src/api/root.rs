//! Whether the server is there, and which one.

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use flowcore::model::{FlowFilter, Page};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::state::App;

/// The version of Prefect whose API this is: clients want the same major version.
pub(crate) const PREFECT_VERSION: &str = "3.8.8";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/health", get(|| async { Json(true) }))
        .route("/hello", get(|| async { Json("👋") }))
        .route("/version", get(version))
        .route("/ready", get(ready))
        .route("/admin/version", get(version))
        .route("/csrf-token", get(csrf_token))
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
