//! Whether the server is there, and which one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use flowcore::model::{FlowFilter, Page};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::access::CsrfToken;
use crate::error::ApiError;
use crate::extract::Query;
use crate::routes::{Routes, op};
use crate::state::App;

/// The version of the API itself.
const API_VERSION: &str = "0.8.4";

pub(super) fn routes() -> Routes {
    let tokens = Routes::new(&[]).get("/csrf-token", op("create_csrf_token", csrf_token));
    Routes::new(&["Root"])
        .get("/health", op("health_check", || async { Json(true) }).open_to_all().of_any_version())
        .get("/ready", op("perform_readiness_check", ready).open_to_all().gives(StatusCode::OK))
        .get("/hello", op("hello", || async { Json("👋") }))
        .get("/version", op("server_version", || async { Json(API_VERSION) }).of_any_version())
        .merge(tokens)
}

/// Ready is who can read the database, and whose services take their turns.
async fn ready(State(app): State<App>) -> Response {
    if let Some(service) = app.pulse.missing(app.now()) {
        tracing::warn!(target: "flowcore_server", service, "the server is not ready: a service misses its turns");
        let message = format!("Service {service} is not running");
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"message": message}))).into_response();
    }
    let filter = FlowFilter { page: Page::first(1), ..FlowFilter::default() };
    match app.store.flows(&filter).await {
        Ok(_) => Json(json!({"message": "OK"})).into_response(),
        Err(error) => {
            tracing::warn!(target: "flowcore_server", "the server is not ready: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"message": "Database is not available"}))).into_response()
        }
    }
}

#[derive(Deserialize, JsonSchema)]
struct Asking {
    /// What the client calls itself.
    client: String,
}

/// Gives a client a token for requests that change something.
async fn csrf_token(State(app): State<App>, Query(asking): Query<Asking>) -> Result<Json<CsrfToken>, ApiError> {
    let Some(csrf) = &app.config.csrf else {
        return Err(ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, "CSRF protection is disabled.".to_owned()));
    };
    Ok(Json(csrf.give(asking.client, app.clock.uuid(), app.now())))
}
