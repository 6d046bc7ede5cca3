//! The definitions in a JSON schema, and what refers to them.

use serde_json::{Map, Value};

const PREFIX: &str = "#/definitions/";

/// Lists the names of the definitions that something refers to, anywhere within it.
pub(super) fn references(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let name = object.get("$ref").and_then(Value::as_str).map(|name| name.replace(PREFIX, ""));
            found.extend(name);
            object.values().for_each(|inner| collect(inner, found));
        }
        Value::Array(values) => values.iter().for_each(|inner| collect(inner, found)),
        _ => {}
    }
}

/// Picks the definitions that something refers to, directly or through others, as long as they are none of blocks: those are
/// schemas of their own.
pub(super) fn not_of_blocks(value: &Value, definitions: &Map<String, Value>) -> Map<String, Value> {
    pick(value, definitions, |definition| definition.get("block_type_slug").is_none_or(Value::is_null))
}

/// Picks the definitions that something refers to, directly or through others.
pub(super) fn definitions_for(value: &Value, definitions: &Map<String, Value>) -> Map<String, Value> {
    pick(value, definitions, |_| true)
}

fn pick(value: &Value, definitions: &Map<String, Value>, wanted: impl Fn(&Value) -> bool) -> Map<String, Value> {
    let mut picked = Map::new();
    let mut names = references(value);
    while let Some(name) = names.pop() {
        let Some(definition) = definitions.get(&name).filter(|definition| wanted(definition)) else { continue };
        if picked.insert(name, definition.clone()).is_none() {
            names.extend(references(definition));
        }
    }
    picked
}
