//! Bodies.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::Segment;

use crate::error::ApiError;

/// A JSON body. An absent one is an empty object, as all fields of many bodies may be left out.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error: BytesRejection| ApiError::Refused(error.status(), error.body_text()))?;
        let text = if bytes.is_empty() { &b"{}"[..] } else { &bytes };
        let mut reader = serde_json::Deserializer::from_slice(text);
        serde_path_to_error::deserialize(&mut reader).map(Body).map_err(|error| {
            let place: Vec<Value> = error.path().iter().filter_map(segment).collect();
            let message = error.inner().to_string();
            match serde_json::from_slice::<Value>(text) {
                Err(_) => ApiError::invalid("json_invalid", &[], "JSON decode error", Value::Null),
                Ok(body) => ApiError::invalid(kind(&message), &place, message, body),
            }
        })
    }
}

fn segment(segment: &Segment) -> Option<Value> {
    match segment {
        Segment::Seq { index } => Some(json!(index)),
        Segment::Map { key } => Some(json!(key)),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

/// Finds the name that Python's validator has for a mistake.
fn kind(message: &str) -> &'static str {
    if message.starts_with("missing field") {
        "missing"
    } else if message.starts_with("unknown field") {
        "extra_forbidden"
    } else if message.starts_with("unknown variant") {
        "enum"
    } else {
        "value_error"
    }
}
