//! Names of objects.

use serde::Serialize;

use crate::error::ApiError;

/// Refuses a name that is empty or has characters of paths and pages in it.
pub(super) fn check_object_name(field: &str, name: &str, body: &impl Serialize) -> Result<(), ApiError> {
    if !name.is_empty() && !name.contains(['/', '%', '&', '<', '>']) {
        return Ok(());
    }
    let why = "a name is not empty and has none of the characters / % & < > in it";
    Err(ApiError::invalid("string_pattern_mismatch", &[field.into()], why, serde_json::json!(body)))
}
