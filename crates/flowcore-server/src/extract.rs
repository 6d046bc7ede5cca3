//! What handlers take out of a request.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::Segment;
use uuid::Uuid;

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

/// An identifier in the path. What is none is not found.
pub(crate) struct Id(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| ApiError::NotFound("Not Found"))?;
        Uuid::parse_str(&text).map(Id).map_err(|_| ApiError::NotFound("Not Found"))
    }
}

/// Which part of the rows a client wants: at most 200, as in Prefect.
pub(crate) fn page(limit: Option<i64>, offset: i64) -> Result<flowcore::model::Page, ApiError> {
    const MOST: i64 = 200;
    let refuse = |why: String| Err(ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, why));
    let limit = limit.unwrap_or(MOST);
    if limit < 0 {
        return refuse("Invalid limit: must be greater than or equal to 0.".to_owned());
    }
    if limit > MOST {
        return refuse(format!("Invalid limit: must be less than or equal to {MOST}."));
    }
    let Ok(offset) = u32::try_from(offset) else {
        return refuse("Invalid offset: must be greater than or equal to 0.".to_owned());
    };
    Ok(flowcore::model::Page { limit: u32::try_from(limit).unwrap_or(0), offset })
}
