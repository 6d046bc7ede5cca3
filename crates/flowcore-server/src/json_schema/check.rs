//! The check itself: the keywords of draft 2020-12 that describe values.

use regex_lite::Regex;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::python::{quoted, shown};

/// What is wrong with a value, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mistake {
    /// The value is not what it should be.
    #[error("{}Failure reason: {why}", place(path))]
    Value {
        /// Where: `nested.list[0]`; empty for the whole.
        path: String,
        /// What is wrong, in a sentence.
        why: String,
    },
    /// The schema refers to itself without an end.
    #[error("Invalid schema: Unable to validate schema with circular references.")]
    Circular,
    /// The schema refers to something that is not in it.
    #[error("Validation failed. Failure reason: {0} is not in the schema")]
    Unresolvable(String),
}

fn place(path: &str) -> String {
    if path.is_empty() {
        "Validation failed. ".to_owned()
    } else {
        format!("Validation failed for field {}. ", quoted(path))
    }
}

/// How deep schemas may lead: values are not nested deeper, and references that go round in circles end here.
const DEEPEST: usize = 200;

/// Checks a value, and tells the mistake nearest to its surface.
pub(crate) fn check(value: &Value, schema: &Map<String, Value>) -> Result<(), Mistake> {
    let mut checker = Checker { root: schema, found: Vec::new(), failure: None };
    checker.object(value, schema, &mut Vec::new(), 0);
    if let Some(failure) = checker.failure {
        return Err(failure);
    }
    let nearest = checker.found.into_iter().min_by_key(|found| found.path.len());
    nearest.map_or(Ok(()), |found| Err(Mistake::Value { path: written(&found.path), why: found.why }))
}

#[derive(Clone, Debug)]
enum Step {
    Name(String),
    Index(usize),
}

fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Name(name) if text.is_empty() => text.push_str(name),
            Step::Name(name) => text.push_str(&format!(".{name}")),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

struct Found {
    path: Vec<Step>,
    why: String,
}

struct Checker<'s> {
    root: &'s Map<String, Value>,
    found: Vec<Found>,
    failure: Option<Mistake>,
}

impl<'s> Checker<'s> {
    fn wrong(&mut self, path: &[Step], why: String) {
        self.found.push(Found { path: path.to_vec(), why });
    }

    fn schema(&mut self, value: &Value, schema: &'s Value, path: &mut Vec<Step>, depth: usize) {
        match schema {
            Value::Object(schema) => self.object(value, schema, path, depth),
            Value::Bool(false) => self.wrong(path, format!("False schema does not allow {}", shown(value))),
            _ => {}
        }
    }

    /// Tells whether a value fits a schema, without saying what is wrong.
    fn fits(&mut self, value: &Value, schema: &'s Value, depth: usize) -> bool {
        let before = self.found.len();
        self.schema(value, schema, &mut Vec::new(), depth + 1);
        let fits = self.found.len() == before;
        self.found.truncate(before);
        fits
    }

    fn object(&mut self, value: &Value, schema: &'s Map<String, Value>, path: &mut Vec<Step>, depth: usize) {
        if depth > DEEPEST {
            self.failure = Some(Mistake::Circular);
        }
        if self.failure.is_some() {
            return;
        }
        for (keyword, asked) in schema {
            match (&**keyword, asked) {
                ("$ref", Value::String(reference)) => match self.resolve(reference) {
                    Some(target) => self.schema(value, target, path, depth + 1),
                    None => self.failure = Some(Mistake::Unresolvable(reference.clone())),
                },
                ("allOf", Value::Array(parts)) => {
                    parts.iter().for_each(|part| self.schema(value, part, path, depth + 1));
                }
                ("anyOf", Value::Array(parts)) => {
                    if !parts.iter().any(|part| self.fits(value, part, depth)) {
                        self.wrong(path, format!("{} is not valid under any of the given schemas", shown(value)));
                    }
                }
                ("oneOf", Value::Array(parts)) => {
                    match parts.iter().filter(|part| self.fits(value, part, depth)).count() {
                        0 => self.wrong(path, format!("{} is not valid under any of the given schemas", shown(value))),
                        1 => {}
                        _ => self.wrong(
                            path,
                            format!("{} is valid under each of several of the given schemas", shown(value)),
                        ),
                    }
                }
                ("not", part) if self.fits(value, part, depth) => {
                    self.wrong(path, format!("{} should not be valid under {}", shown(value), shown(part)));
                }
                _ => {
                    if let Some(why) = simple(keyword, asked, value) {
                        self.wrong(path, why);
                    }
                }
            }
        }
        match value {
            Value::Object(fields) => self.fields(fields, schema, path, depth),
            Value::Array(items) => self.items(items, schema, path, depth),
            _ => {}
        }
    }

    fn fields(
        &mut self,
        fields: &Map<String, Value>,
        schema: &'s Map<String, Value>,
        path: &mut Vec<Step>,
        depth: usize,
    ) {
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                self.wrong(path, format!("{} is a required property", quoted(name)));
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let patterns: Vec<(Regex, &Value)> = schema
            .get("patternProperties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(pattern, part)| Some((Regex::new(pattern).ok()?, part)))
            .collect();
        let mut unexpected = Vec::new();
        for (name, value) in fields {
            let own = properties.and_then(|properties| properties.get(name));
            let matching = patterns.iter().filter(|(pattern, _)| pattern.is_match(name)).map(|(_, part)| *part);
            let parts: Vec<&Value> = own.into_iter().chain(matching).collect();
            let parts = match schema.get("additionalProperties") {
                Some(Value::Bool(false)) if parts.is_empty() => {
                    unexpected.push(quoted(name));
                    parts
                }
                Some(other) if parts.is_empty() => vec![other],
                _ => parts,
            };
            path.push(Step::Name(name.clone()));
            parts.into_iter().for_each(|part| self.schema(value, part, path, depth + 1));
            path.pop();
        }
        if !unexpected.is_empty() {
            let verb = if unexpected.len() == 1 { "was" } else { "were" };
            let why = format!("Additional properties are not allowed ({} {verb} unexpected)", unexpected.join(", "));
            self.wrong(path, why);
        }
    }

    fn items(&mut self, items: &[Value], schema: &'s Map<String, Value>, path: &mut Vec<Step>, depth: usize) {
        let first = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let rest = schema.get("items");
        for (index, item) in items.iter().enumerate() {
            if let Some(part) = first.get(index).or(rest) {
                path.push(Step::Index(index));
                self.schema(item, part, path, depth + 1);
                path.pop();
            }
        }
    }

    fn resolve(&self, reference: &str) -> Option<&'s Value> {
        let mut steps = reference.strip_prefix("#/")?.split('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
        let mut at = self.root.get(&steps.next()?)?;
        for step in steps {
            at = match at {
                Value::Array(items) => items.get(step.parse::<usize>().ok()?)?,
                other => other.get(&step)?,
            };
        }
        Some(at)
    }
}

/// Checks what a keyword asks of a value as a whole, and says what is wrong.
fn simple(keyword: &str, asked: &Value, value: &Value) -> Option<String> {
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
            let twice = items.iter().enumerate().any(|(at, item)| items[..at].iter().any(|other| same(other, item)));
            wrong(twice, "has non-unique elements".to_owned())
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;
    use crate::json_schema::{prepare, without_required};

    fn said(value: Value, schema: Value) -> String {
        let schema = prepare(schema.as_object().unwrap(), false);
        check(&value, &schema).map_or_else(|mistake| mistake.to_string(), |()| "fits".to_owned())
    }

    #[test]
    fn mistakes_are_told_as_python_tells_them() {
        let schema = json!({
            "properties": {
                "x": {"type": "integer"},
                "who": {"$ref": "#/definitions/Person"},
                "of": {"type": "array", "items": {"enum": ["a", "b"]}, "default": []},
            },
            "required": ["x"],
            "additionalProperties": false,
            "definitions": {"Person": {"type": "object", "properties": {"age": {"minimum": 0}}, "required": ["age"]}},
        });
        let of = |value| said(value, schema.clone());
        assert_eq!(of(json!({"x": 1, "who": {"age": 3}, "of": ["a"]})), "fits");
        assert_eq!(of(json!({"x": 1.0})), "fits");
        assert_eq!(
            of(json!({"x": "a"})),
            "Validation failed for field 'x'. Failure reason: 'a' is not of type 'integer'"
        );
        assert_eq!(of(json!({})), "Validation failed. Failure reason: 'x' is a required property");
        assert_eq!(
            of(json!({"x": 1, "y": 2})),
            "Validation failed. Failure reason: Additional properties are not allowed ('y' was unexpected)"
        );
        assert_eq!(
            of(json!({"x": 1, "who": {"age": -1}})),
            "Validation failed for field 'who.age'. Failure reason: -1 is less than the minimum of 0"
        );
        assert_eq!(
            of(json!({"x": 1, "of": ["a", "c"]})),
            "Validation failed for field 'of[1]'. Failure reason: 'c' is not one of ['a', 'b']"
        );
    }

    #[test]
    fn what_is_optional_may_be_null() {
        let schema = json!({"properties": {"a": {"type": "string"}, "b": {"type": "string", "default": "x"}}});
        assert_eq!(said(json!({"a": null}), schema.clone()), "fits");
        let refused = said(json!({"b": null}), schema.clone());
        assert_eq!(refused, "Validation failed for field 'b'. Failure reason: None is not of type 'string'");
        let lenient = prepare(schema.as_object().unwrap(), true);
        assert_eq!(check(&json!({"b": null}), &lenient), Ok(()));
    }

    #[test]
    fn requirements_are_taken_away_at_every_depth() {
        let schema = json!({"required": ["a"], "properties": {"a": {"type": "object", "required": ["b"]}}});
        assert_eq!(check(&json!({"a": {}}), &without_required(schema.as_object().unwrap())), Ok(()));
    }

    #[test]
    fn circles_and_strange_references_end() {
        let schema = json!({"$ref": "#/definitions/A", "definitions": {"A": {"$ref": "#/definitions/A"}}});
        assert!(said(json!(1), schema).contains("circular references"));
        assert!(said(json!(1), json!({"$ref": "http://example.com/schema"})).contains("is not in the schema"));
    }
}
