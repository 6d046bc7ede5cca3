//! Bodies.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::validation::{
    Source, has_list_for_object, is_too_deep, missing_body, parse, read_leniently, type_may_be_absent,
};

/// A JSON body. Where all of it may be left out, an absent one is an empty object.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema + 'static, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error: BytesRejection| ApiError::Refused(error.status(), error.body_text()))?;
        let text = match bytes.trim_ascii() {
            b"" | b"null" if type_may_be_absent::<T>() => &b"{}"[..],
            b"" | b"null" => return Err(missing_body()),
            text => text,
        };
        match serde_json::from_slice(text) {
            Ok(body) if is_in_form::<T>(text) => Ok(Body(body)),
            _ => read_leniently(Source::Body, parse(text)?).map(Body),
        }
    }
}

/// Tells whether what serde reads is what it looks like.
fn is_in_form<T: JsonSchema + 'static>(text: &[u8]) -> bool {
    if is_too_deep(text) {
        return false;
    }
    // Bodies that are lists may be long, and are never filters.
    let may_be_filter = text.starts_with(b"{") && text.contains(&b'[');
    !(may_be_filter && has_list_for_object::<T>(text))
}
