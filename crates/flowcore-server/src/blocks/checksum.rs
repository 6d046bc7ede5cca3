//! The checksum by which clients recognize a schema: that of Python's `json.dumps` of its fields.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::definitions::not_of_blocks;

/// Computes the checksum of a schema's fields as Prefect's client does: which fields are secret does not count, nor do the
/// definitions of nested blocks, which have checksums of their own.
pub(super) fn checksum(fields: &Map<String, Value>) -> String {
    let mut fields = without_secrets(fields);
    if let Some(Value::Object(definitions)) = fields.get("definitions").cloned() {
        let others = not_of_blocks(&Value::Object(fields.clone()), &definitions);
        if others.is_empty() {
            fields.remove("definitions");
        } else {
            fields.insert("definitions".to_owned(), Value::Object(others));
        }
    }
    // The client hashes the arguments of a call: one positional, none by name.
    let mut text = "[[".to_owned();
    write_python(&Value::Object(fields), &mut text);
    text.push_str("], {}]");
    let mut written = "sha256:".to_owned();
    for byte in Sha256::digest(text) {
        // Writing to a text cannot fail.
        let _ = write!(written, "{byte:02x}");
    }
    written
}

/// Leaves out lists of secret fields, in objects within objects. Lists are left as they are.
fn without_secrets(fields: &Map<String, Value>) -> Map<String, Value> {
    let kept = fields.iter().filter(|(name, _)| *name != "secret_fields");
    let cleared = kept.map(|(name, value)| match value {
        Value::Object(object) => (name.clone(), Value::Object(without_secrets(object))),
        other => (name.clone(), other.clone()),
    });
    cleared.collect()
}

/// Writes JSON as Python does with sorted keys: spaces behind commas and colons, and ASCII only.
fn write_python(value: &Value, text: &mut String) {
    match value {
        Value::Null | Value::Bool(_) => text.push_str(&value.to_string()),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(real) => text.push_str(&python_float(real)),
            None => text.push_str(&number.to_string()),
        },
        Value::String(string) => write_string(string, text),
        Value::Array(values) => {
            text.push('[');
            for (number, value) in values.iter().enumerate() {
                text.push_str(if number == 0 { "" } else { ", " });
                write_python(value, text);
            }
            text.push(']');
        }
        Value::Object(object) => {
            text.push('{');
            let mut fields: Vec<_> = object.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            for (number, (name, value)) in fields.into_iter().enumerate() {
                text.push_str(if number == 0 { "" } else { ", " });
                write_string(name, text);
                text.push_str(": ");
                write_python(value, text);
            }
            text.push('}');
        }
    }
}

fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            ' '..='~' => text.push(character),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('"');
}

/// Writes a number as Python's `repr` does: the shortest digits that mean it, with an exponent from 1e16 and below 1e-4.
fn python_float(number: f64) -> String {
    let magnitude = number.abs();
    if number == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return format!("{number:?}");
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(fields: &Value) -> String {
        checksum(fields.as_object().unwrap_or(&Map::new()))
    }

    /// The checksums are those that `Block._calculate_schema_checksum` of prefect 3.8.8 gives.
    #[test]
    fn checksums_are_those_of_prefects_client() {
        let inner = json!({
            "title": "Inner", "type": "object", "block_type_slug": "inner", "properties": {"s": {"type": "string"}},
            "secret_fields": ["s", "d.*"], "block_schema_references": {}
        });
        assert_eq!(of(&inner), "sha256:d9851c29dac34443fcb3128d4ced8a9c5171a72b7901adce206b0356857fb068");
        let outer = json!({
            "title": "Outer", "type": "object", "block_type_slug": "outer", "secret_fields": ["i.s"],
            "properties": {"i": {"$ref": "#/definitions/Inner"}, "k": {"$ref": "#/definitions/Other"}},
            "block_schema_references": {"i": {
                "block_type_slug": "inner",
                "block_schema_checksum": "sha256:d9851c29dac34443fcb3128d4ced8a9c5171a72b7901adce206b0356857fb068"
            }},
            "definitions": {"Other": {"title": "Other", "type": "object"}, "Inner": inner}
        });
        assert_eq!(of(&outer), "sha256:adbb7ed9c911e8adf6f596d4f60f2fc7edfdc6ad2ee8353f347b05f29b6e04b3");
        let odd =
            json!({"é\n\u{1f600}\u{7f}/": [1.0, 1e16, 1.5e-5, 123_456_789.25, -0.0, 1e22, 0.0001, 12, -3, null, true]});
        assert_eq!(of(&odd), "sha256:dca3a88a5824e8133723eedf83e489650177238075c598656c9db2d4974861bd");
    }
}
