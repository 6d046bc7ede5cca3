//! Templates: whether they can be read.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::automations::check_template;
use crate::extract::Body;
use crate::routes::{Routes, op};

pub(super) fn routes() -> Routes {
    Routes::new(&["Automations"])
        .post("/automations/templates/validate", op("validate_template", validate).gives(StatusCode::OK))
        .post("/templates/validate", op("validate_template", validate).gives(StatusCode::OK))
}

/// Reads a template, which is a JSON text. None at all is an empty one.
async fn validate(Body(template): Body<Value>) -> Response {
    let template = match &template {
        Value::String(template) => template,
        Value::Object(fields) if fields.is_empty() => "",
        _ => {
            return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"detail": "a template is a text"}))).into_response();
        }
    };
    match check_template(template) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) => {
            let error = json!({"line": problem.line, "message": problem.message, "source": template});
            (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"error": error}))).into_response()
        }
    }
}
