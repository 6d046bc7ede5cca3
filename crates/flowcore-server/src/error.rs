//! Failures as Prefect's server tells them.

use std::fmt;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use flowcore::store::StoreError;
use serde_json::{Value, json};

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// What it is about is not there.
    NotFound(&'static str),
    /// What is to be changed is not there, told as Prefect's models tell it.
    Unknown(String),
    /// The body is not what it should be.
    Invalid {
        /// What is wrong, each with its place.
        detail: Vec<Value>,
        /// What was sent.
        body: Value,
    },
    /// It cannot be done, for this reason.
    Refused(StatusCode, String),
    /// It cannot be done now.
    Locked {
        /// Why not.
        why: String,
        /// When it may be asked again, in seconds, if that is known.
        seconds: Option<f64>,
    },
    /// The store failed.
    Store(StoreError),
}

impl ApiError {
    /// Refuses what would belong to something that is not there.
    pub(crate) fn dangling() -> Self {
        let why = "Data integrity conflict. This usually means a unique or foreign key constraint was violated. See server logs \
                   for details.";
        ApiError::Refused(StatusCode::CONFLICT, why.to_owned())
    }

    /// Says of a part of the body what is wrong with it, in the form of Python's validator.
    pub(crate) fn invalid(kind: &str, place: &[Value], message: impl Into<String>, body: Value) -> Self {
        let mut loc = vec![Value::from("body")];
        loc.extend_from_slice(place);
        let input = part_of(&body, place);
        let mut mistake = json!({"type": kind, "loc": loc, "msg": message.into(), "input": input});
        if kind == "value_error" {
            mistake["ctx"] = json!({"error": {}});
        }
        ApiError::Invalid { detail: vec![mistake], body }
    }
}

/// Gives what is at a place in a value: null where there is nothing.
pub(crate) fn part_of<'v>(whole: &'v Value, place: &[Value]) -> &'v Value {
    place.iter().fold(whole, |value, step| match (step.as_str(), step.as_u64()) {
        (Some(name), _) => &value[name],
        (_, Some(index)) => &value[usize::try_from(index).unwrap_or(usize::MAX)],
        _ => value,
    })
}

impl fmt::Display for ApiError {
    /// Tells it in a line, for answers about several things of which one failed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApiError::NotFound(what) => f.write_str(what),
            ApiError::Unknown(why) | ApiError::Refused(_, why) | ApiError::Locked { why, .. } => f.write_str(why),
            ApiError::Invalid { detail, .. } => {
                let first = detail.first().and_then(|mistake| mistake["msg"].as_str());
                f.write_str(first.unwrap_or("Invalid request received."))
            }
            ApiError::Store(error) => error.fmt(f),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        ApiError::Store(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            ApiError::NotFound(what) => (StatusCode::NOT_FOUND, Json(json!({"detail": what}))).into_response(),
            ApiError::Unknown(what) => {
                (StatusCode::NOT_FOUND, Json(json!({"exception_message": what}))).into_response()
            }
            ApiError::Invalid { detail, body } => {
                let answer = json!({
                    "exception_message": "Invalid request received.",
                    "exception_detail": detail,
                    "request_body": body,
                });
                (StatusCode::UNPROCESSABLE_ENTITY, Json(answer)).into_response()
            }
            ApiError::Refused(status, why) => (status, Json(json!({"detail": why}))).into_response(),
            ApiError::Locked { why, seconds } => {
                let after = seconds.map(|seconds| [(header::RETRY_AFTER, format!("{seconds:.3}"))]);
                (StatusCode::LOCKED, after, Json(json!({"detail": why}))).into_response()
            }
            ApiError::Store(error) => {
                tracing::error!(target: "flowcore_server", "the store failed: {error}");
                let status = match &error {
                    // Clients try these again.
                    StoreError::Closed | StoreError::Full { .. } => StatusCode::SERVICE_UNAVAILABLE,
                    _ => StatusCode::INTERNAL_SERVER_ERROR,
                };
                (status, Json(json!({"exception_message": error.to_string()}))).into_response()
            }
        }
    }
}
