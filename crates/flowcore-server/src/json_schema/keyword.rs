//! Keywords that ask something of a value as a whole.

use std::collections::BTreeSet;

use regex_lite::Regex;
use serde_json::Value;
use uuid::Uuid;

use super::python::{quoted, shown};

/// Checks what a keyword asks of a value as a whole, and says what is wrong.
pub(super) fn simple(keyword: &str, asked: &Value, value: &Value) -> Option<String> {
    let limit = asked.as_f64();
    let wrong = |fails: bool, why: String| fails.then(|| format!("{} {why}", shown(value)));
    let number = value.as_f64().zip(limit);
    let length = value.as_str().map(|text| text.chars().count());
    let length = length.zip(asked.as_u64()).map(|(length, limit)| (length as u64, limit));
    let count = value.as_array().zip(asked.as_u64()).map(|(items, limit)| (items.len() as u64, limit));
    let fields = value.as_object().zip(asked.as_u64()).map(|(fields, limit)| (fields.len() as u64, limit));
    match keyword {
        "type" => {
            let kinds: Vec<&str> = match asked {
                Value::String(kind) => vec![kind],
                Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
                _ => return None,
            };
            let named = kinds.iter().map(|kind| quoted(kind)).collect::<Vec<_>>().join(", ");
            wrong(!kinds.iter().any(|kind| is_of(value, kind)), format!("is not of type {named}"))
        }
        "enum" => {
            let known = asked.as_array().is_some_and(|values| values.iter().any(|known| same(known, value)));
            wrong(!known, format!("is not one of {}", shown(asked)))
        }
        "const" => (!same(asked, value)).then(|| format!("{} was expected", shown(asked))),
        "minimum" => number.and_then(|(n, least)| wrong(n < least, format!("is less than the minimum of {asked}"))),
        "maximum" => number.and_then(|(n, most)| wrong(n > most, format!("is greater than the maximum of {asked}"))),
        "exclusiveMinimum" => {
            number.and_then(|(n, least)| wrong(n <= least, format!("is less than or equal to the minimum of {asked}")))
        }
        "exclusiveMaximum" => {
            number.and_then(|(n, most)| wrong(n >= most, format!("is greater than or equal to the maximum of {asked}")))
        }
        "multipleOf" => {
            let rest = |(n, step): (f64, f64)| ((n / step) - (n / step).round()).abs() > 1e-9;
            number.and_then(|pair| wrong(rest(pair), format!("is not a multiple of {asked}")))
        }
        "minLength" => length.and_then(|(length, least)| wrong(length < least, "is too short".to_owned())),
        "maxLength" => length.and_then(|(length, most)| wrong(length > most, "is too long".to_owned())),
        "minItems" => count.and_then(|(count, least)| wrong(count < least, "is too short".to_owned())),
        "maxItems" => count.and_then(|(count, most)| wrong(count > most, "is too long".to_owned())),
        "minProperties" => {
            fields.and_then(|(count, least)| wrong(count < least, "does not have enough properties".to_owned()))
        }
        "maxProperties" => fields.and_then(|(count, most)| wrong(count > most, "has too many properties".to_owned())),
        "uniqueItems" => {
            let items = value.as_array().filter(|_| asked == true)?;
            let different: BTreeSet<String> = items.iter().map(comparable).collect();
            wrong(different.len() < items.len(), "has non-unique elements".to_owned())
        }
        "pattern" => {
            let (text, pattern) = value.as_str().zip(asked.as_str())?;
            let pattern = Regex::new(pattern).ok()?;
            wrong(!pattern.is_match(text), format!("does not match {}", shown(asked)))
        }
        // Of the formats only what is told by the text is looked at, as there is no schema of pydantic whose types hang on the others.
        "format" if asked == "uuid" => {
            value.as_str().and_then(|text| wrong(Uuid::parse_str(text).is_err(), "is not a 'uuid'".to_owned()))
        }
        _ => None,
    }
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

/// Compares values, of which 1 and 1.0 are the same.
fn same(one: &Value, other: &Value) -> bool {
    one == other || one.as_f64().is_some_and(|number| Some(number) == other.as_f64())
}

/// Writes a value such that the same values are the same texts.
fn comparable(value: &Value) -> String {
    value.as_f64().map_or_else(|| value.to_string(), |number| number.to_string())
}
