//! What is done to schemas before values are checked against them.

use serde_json::{Map, Value, json};

/// Lets what is optional be null, and reads tuples as older versions of pydantic write them.
///
/// A property that is not required and has no default may be null, also where its type does not say so. With
/// `null_for_defaults`, so may one that has a default.
pub(crate) fn prepare(schema: &Map<String, Value>, null_for_defaults: bool) -> Map<String, Value> {
    let mut schema = schema.clone();
    properties(&mut schema, null_for_defaults);
    if let Some(Value::Object(definitions)) = schema.get_mut("definitions") {
        definitions.values_mut().filter_map(Value::as_object_mut).for_each(|one| properties(one, null_for_defaults));
    }
    schema
}

fn properties(schema: &mut Map<String, Value>, null_for_defaults: bool) {
    let required: Vec<String> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    let Some(Value::Object(properties_of)) = schema.get_mut("properties") else { return };
    for (name, property) in properties_of {
        let Value::Object(property) = property else { continue };
        let optional = !required.contains(name) && (null_for_defaults || !property.contains_key("default"));
        if optional && let Some(kind) = property.get("type").filter(|kind| *kind != "null").cloned() {
            property.remove("type");
            property.insert("anyOf".to_owned(), json!([{"type": kind}, {"type": "null"}]));
        }
        if !property.contains_key("prefixItems") && property.get("items").is_some_and(Value::is_array) {
            let items = property.remove("items").unwrap_or_default();
            property.insert("prefixItems".to_owned(), items);
        }
        properties(property, null_for_defaults);
    }
}

/// Takes away which properties are required, at every depth: a part of the values may come later.
pub(crate) fn without_required(schema: &Map<String, Value>) -> Map<String, Value> {
    schema.iter().filter(|(name, _)| *name != "required").map(|(name, part)| (name.clone(), pruned(part))).collect()
}

fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(without_required(fields)),
        Value::Array(items) => Value::Array(items.iter().map(pruned).collect()),
        other => other.clone(),
    }
}
