//! Parameters that stand for others: `{"__prefect_kind": "workspace_variable", "variable_name": "region"}`.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// The name that tells a stand-in from a plain object.
const KIND: &str = "__prefect_kind";

/// Why parameters cannot be filled in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HydrationError {
    /// A stand-in does not say what it stands for.
    #[error("Missing '{0}' key in __prefect object")]
    Missing(&'static str),
    /// There is no variable of that name.
    #[error("Variable '{0}' not found in workspace.")]
    NoVariable(String),
    /// A text is no JSON.
    #[error("Invalid JSON: {0}")]
    Json(String),
    /// A template would have to be rendered.
    #[error("Invalid jinja: templates with expressions are not rendered in parameters; give the value itself")]
    Template,
}

/// Tells whether there may be a stand-in among values.
pub(crate) fn has_stand_ins(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.contains_key(KIND) || fields.values().any(has_stand_ins),
        Value::Array(items) => items.iter().any(has_stand_ins),
        _ => false,
    }
}

/// Replaces all stand-ins by what they stand for.
///
/// # Errors
///
/// One of them cannot be.
pub(crate) fn hydrate(
    parameters: Map<String, Value>,
    variables: &HashMap<String, Value>,
) -> Result<Map<String, Value>, HydrationError> {
    match filled(Value::Object(parameters), variables)? {
        Some(Value::Object(parameters)) => Ok(parameters),
        _ => Ok(Map::new()),
    }
}

/// Fills in a value. `None` if it is to be left out.
fn filled(value: Value, variables: &HashMap<String, Value>) -> Result<Option<Value>, HydrationError> {
    match value {
        Value::Object(fields) if fields.contains_key(KIND) => stand_in(fields, variables),
        Value::Object(fields) => {
            let mut all = Map::new();
            for (name, value) in fields {
                if let Some(value) = filled(value, variables)? {
                    all.insert(name, value);
                }
            }
            Ok(Some(Value::Object(all)))
        }
        Value::Array(items) => {
            let mut all = Vec::new();
            for item in items {
                all.extend(filled(item, variables)?);
            }
            Ok(Some(Value::Array(all)))
        }
        other => Ok(Some(other)),
    }
}

fn stand_in(
    mut fields: Map<String, Value>,
    variables: &HashMap<String, Value>,
) -> Result<Option<Value>, HydrationError> {
    let kind = fields.remove(KIND).unwrap_or_default();
    // A part that is an object may be a stand-in itself.
    let part = |value: Value| if value.is_object() { filled(value, variables) } else { Ok(Some(value)) };
    match kind.as_str() {
        Some("none") => filled(fields.remove("value").ok_or(HydrationError::Missing("value"))?, variables),
        Some("json") => {
            let Some(value) = fields.remove("value") else { return Ok(None) };
            match part(value)? {
                Some(Value::String(text)) => {
                    serde_json::from_str(&text).map(Some).map_err(|error| HydrationError::Json(error.to_string()))
                }
                other => Ok(other),
            }
        }
        Some("jinja") => {
            let template = part(fields.remove("template").ok_or(HydrationError::Missing("template"))?)?;
            match &template {
                Some(Value::String(text)) if text.contains("{{") || text.contains("{%") => {
                    Err(HydrationError::Template)
                }
                _ => Ok(template),
            }
        }
        Some("workspace_variable") => {
            let Some(name) = fields.remove("variable_name") else { return Ok(None) };
            let Some(name) = part(name)? else { return Ok(None) };
            let name = name.as_str().unwrap_or_default();
            variables.get(name).cloned().map(Some).ok_or_else(|| HydrationError::NoVariable(name.to_owned()))
        }
        _ => Ok(Some(fields.remove("value").unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn hydrated(parameters: Value) -> Result<Value, HydrationError> {
        let variables = HashMap::from([("region".to_owned(), json!("north"))]);
        hydrate(parameters.as_object().unwrap().clone(), &variables).map(Value::Object)
    }

    #[test]
    fn stand_ins_are_replaced_at_every_depth() {
        let given = json!({
            "plain": 1,
            "nested": {"list": [{"__prefect_kind": "json", "value": "[1, 2]"}, {"__prefect_kind": "json"}]},
            "where": {"__prefect_kind": "workspace_variable", "variable_name": "region"},
            "none": {"__prefect_kind": "none", "value": {"__prefect_kind": "json", "value": "{}"}},
            "unknown": {"__prefect_kind": "color", "value": "red"},
        });
        assert_eq!(
            hydrated(given).unwrap(),
            json!({
                "plain": 1, "nested": {"list": [[1, 2]]}, "where": "north", "none": {}, "unknown": "red",
            })
        );
    }

    #[test]
    fn what_cannot_be_filled_in_is_said() {
        let refused = |stand_in| hydrated(json!({"x": stand_in})).unwrap_err().to_string();
        assert_eq!(refused(json!({"__prefect_kind": "none"})), "Missing 'value' key in __prefect object");
        let missing = json!({"__prefect_kind": "workspace_variable", "variable_name": "color"});
        assert_eq!(refused(missing), "Variable 'color' not found in workspace.");
        assert!(refused(json!({"__prefect_kind": "json", "value": "{"})).starts_with("Invalid JSON: "));
    }
}
