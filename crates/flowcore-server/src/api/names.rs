//! Names of objects.

use serde::Serialize;
use serde_json::json;

use crate::error::ApiError;

/// What names have to be like, as Prefect says it.
const PATTERN: &str = "^[^/%&><]+$";

/// Refuses a name that is empty or has characters of paths and pages in it.
pub(super) fn check_object_name(field: &str, name: &str, body: &impl Serialize) -> Result<(), ApiError> {
    if !name.is_empty() && !name.contains(['/', '%', '&', '<', '>']) {
        return Ok(());
    }
    let mistake = json!({
        "type": "string_pattern_mismatch",
        "loc": ["body", field],
        "msg": format!("String should match pattern '{PATTERN}'"),
        "input": name,
        "ctx": {"pattern": PATTERN},
    });
    Err(ApiError::Invalid { detail: vec![mistake], body: json!(body) })
}
