//! Parameters behind the path.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::validation::{Source, read_leniently};

/// Parameters behind the path, as the fields of a struct.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        if let Ok(axum::extract::Query(read)) = axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            return Ok(Query(read));
        }
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let pairs = pairs.map_or_else(|_| Vec::new(), |axum::extract::Query(pairs)| pairs);
        let fields: Map<String, Value> = pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        read_leniently(Source::Query, Value::Object(fields)).map(Query)
    }
}
