//! Putting values in the places of placeholders.

use serde_json::{Map, Value};

use super::find::{Kind, Piece, pieces};

/// What is known of a placeholder.
pub(crate) enum Found {
    Value(Value),
    /// There is no such value.
    Nothing,
    /// It is to stay as it is written.
    Left,
}

/// What becomes of placeholders for outputs that no step has given, and for environment variables that are not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// A field that is nothing but the output is left out; within a text it becomes nothing.
    Dropped,
    /// They stay, for somebody who knows them later.
    Kept,
}

/// Puts the outputs of steps and environment variables into a value; placeholders for blocks and variables stay. None: the
/// whole of it was an output that nobody has given.
pub fn with_outputs(value: &Value, outputs: &Map<String, Value>, unknown: Unknown) -> Option<Value> {
    let look = |kind: Kind, name: &str| {
        let found = match kind {
            // The first is what the run itself will know.
            Kind::Output if name.starts_with("ctx.") => return Ok(Found::Left),
            Kind::Block | Kind::Variable => return Ok(Found::Left),
            Kind::Output => at_path(outputs, name).cloned(),
            Kind::Environment => std::env::var(name).ok().map(Value::String),
        };
        Ok::<_, std::convert::Infallible>(match (found, unknown) {
            (Some(value), _) => Found::Value(value),
            (None, Unknown::Dropped) => Found::Nothing,
            (None, Unknown::Kept) => Found::Left,
        })
    };
    match fill(value, &look) {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// Replaces the placeholders of a value by what `look` finds. None: the whole of it was an output that there is not.
pub(crate) fn fill<E>(value: &Value, look: &dyn Fn(Kind, &str) -> Result<Found, E>) -> Result<Option<Value>, E> {
    Ok(match value {
        Value::String(text) => return fill_text(text, look),
        Value::Array(items) => {
            let mut filled = Vec::with_capacity(items.len());
            for item in items {
                filled.extend(fill(item, look)?);
            }
            Some(Value::Array(filled))
        }
        Value::Object(fields) => {
            let mut filled = Map::new();
            for (name, value) in fields {
                if let Some(value) = fill(value, look)? {
                    filled.insert(name.clone(), value);
                }
            }
            Some(Value::Object(filled))
        }
        other => Some(other.clone()),
    })
}

fn fill_text<E>(text: &str, look: &dyn Fn(Kind, &str) -> Result<Found, E>) -> Result<Option<Value>, E> {
    let pieces = pieces(text);
    if let [Piece::Placeholder { kind, name, .. }] = pieces[..] {
        return Ok(match look(kind, name)? {
            Found::Value(value) => Some(value),
            Found::Nothing if kind == Kind::Output => None,
            Found::Nothing => Some(Value::String(String::new())),
            Found::Left => Some(Value::String(text.to_owned())),
        });
    }
    let mut filled = String::with_capacity(text.len());
    for piece in pieces {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Placeholder { written, kind, name } => match look(kind, name)? {
                Found::Value(Value::String(text)) => filled.push_str(&text),
                Found::Value(other) => filled.push_str(&other.to_string()),
                Found::Nothing => {}
                Found::Left => filled.push_str(written),
            },
        }
    }
    Ok(Some(Value::String(filled)))
}

/// Finds what a path such as `image.tags[0]` names.
pub(crate) fn at_path<'a>(fields: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut parts = path.split(['.', '[']).map(|part| part.trim_end_matches(']'));
    let mut value = fields.get(parts.next()?)?;
    for part in parts {
        value = match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
            Value::Object(fields) => fields.get(part)?,
            _ => return None,
        };
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::*;

    fn outputs() -> Map<String, Value> {
        let outputs = json!({"build": {"tags": ["a", "b"], "size": 3}, "stdout": "done"});
        outputs.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_placeholder_alone_keeps_the_type_of_its_value() {
        let filled = with_outputs(
            &json!({"size": "{{ build.size }}", "tags": "{{ build.tags }}", "text": "{{ build.tags[1] }}:{{build.size}}"}),
            &outputs(),
            Unknown::Dropped,
        );
        assert_eq!(filled, Some(json!({"size": 3, "tags": ["a", "b"], "text": "b:3"})));
    }

    #[test]
    fn outputs_that_nobody_has_given_are_dropped_or_kept() {
        let value =
            json!({"a": "{{ no.such }}", "b": "x{{ no.such }}y", "c": ["{{ none }}", 1], "d": "{{ ctx.run.id }}"});
        let dropped = with_outputs(&value, &outputs(), Unknown::Dropped);
        assert_eq!(dropped, Some(json!({"b": "xy", "c": [1], "d": "{{ ctx.run.id }}"})));
        assert_eq!(with_outputs(&value, &outputs(), Unknown::Kept), Some(value));
    }

    proptest! {
        #[test]
        fn no_path_and_no_text_ends_in_a_panic(path in any::<String>(), text in "[{}\\[\\].$ a-z0-9]{0,60}") {
            let _ = at_path(&outputs(), &path);
            let _ = with_outputs(&json!([path, text]), &outputs(), Unknown::Dropped);
        }
    }
}
