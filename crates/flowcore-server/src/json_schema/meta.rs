//! Whether a schema is one.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::check::{Mistake, check};

/// What is asked of the keywords of draft 2020-12 that are looked at.
static META_SCHEMA: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("meta_schema.json")).unwrap_or_default());

/// Checks that a schema is one, and says what is wrong with it in the words of Python's validator.
pub(crate) fn check_schema(schema: &Map<String, Value>) -> Result<(), String> {
    match check(&Value::Object(schema.clone()), &META_SCHEMA) {
        Ok(()) => Ok(()),
        Err(Mistake::Value { why, .. }) => Err(format!("Invalid schema: {why}")),
        Err(other) => Err(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_are_told_from_others() {
        let said = |schema: Value| check_schema(schema.as_object().unwrap());
        let good =
            json!({"type": ["string", "null"], "properties": {"a": {"anyOf": [true, {"enum": [1]}]}}, "title": "T"});
        assert_eq!(said(good), Ok(()));
        let why = "Invalid schema: 'nope' is not valid under any of the given schemas";
        assert_eq!(said(json!({"type": "nope"})), Err(why.to_owned()));
        assert_eq!(said(json!({"properties": {"a": {"type": "nope"}}})), Err(why.to_owned()));
        assert_eq!(said(json!({"required": "a"})), Err("Invalid schema: 'a' is not of type 'array'".to_owned()));
    }
}
