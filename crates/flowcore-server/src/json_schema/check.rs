//! The check itself: the keywords of draft 2020-12 that describe values.

use std::collections::HashMap;

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::keyword::simple;
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
    /// The schema asks for more looks at the value than anybody waits for.
    #[error("Invalid schema: it leads through too many alternatives to be checked.")]
    Endless,
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

/// How much is looked at and said at most. Alternatives of alternatives would double it with each one.
const MOST_WORK: usize = 20_000_000;

/// What compiling a pattern costs.
const PATTERN: usize = 1000;

/// Checks a value, and tells the mistake nearest to its surface.
pub(crate) fn check(value: &Value, schema: &Map<String, Value>) -> Result<(), Mistake> {
    let found = problems(value, schema, &HashMap::new())?;
    let nearest = found.into_iter().min_by_key(|found| found.path.len());
    nearest.map_or(Ok(()), |found| Err(Mistake::Value { path: written(&found.path), why: found.why }))
}

/// Checks a value, and tells everything that is wrong with it, or why that cannot be told. What is noted of a place is wrong
/// with it if the schema describes the place.
pub(crate) fn problems(
    value: &Value,
    schema: &Map<String, Value>,
    notes: &HashMap<Vec<Step>, String>,
) -> Result<Vec<Problem>, Mistake> {
    let mut checker = Checker { root: schema, notes, found: Vec::new(), failure: None, work: 0 };
    checker.object(value, schema, &mut Vec::new(), 0);
    checker.failure.map_or(Ok(checker.found), Err)
}

/// A step into a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// To a property.
    Name(String),
    /// To an item.
    Index(usize),
}

/// Writes where a value is: `nested.list[0]`.
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

/// Something that is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) path: Vec<Step>,
    pub(crate) why: String,
    /// The property that is not there, if it is that.
    pub(crate) missing: Option<String>,
}

struct Checker<'s> {
    root: &'s Map<String, Value>,
    notes: &'s HashMap<Vec<Step>, String>,
    found: Vec<Problem>,
    failure: Option<Mistake>,
    work: usize,
}

impl<'s> Checker<'s> {
    fn wrong(&mut self, path: &[Step], why: String) {
        self.spend(why.len());
        self.found.push(Problem { path: path.to_vec(), why, missing: None });
    }

    fn spend(&mut self, work: usize) {
        self.work = self.work.saturating_add(work);
        if self.work > MOST_WORK {
            self.failure.get_or_insert(Mistake::Endless);
        }
    }

    fn schema(&mut self, value: &Value, schema: &'s Value, path: &mut Vec<Step>, depth: usize) {
        match schema {
            Value::Object(schema) => self.object(value, schema, path, depth),
            Value::Bool(false) => self.wrong(path, format!("False schema does not allow {}", shown(value))),
            _ => {}
        }
    }

    /// Tells whether a value fits a schema, without saying what is wrong.
    fn fits(&mut self, value: &Value, schema: &'s Value, path: &[Step], depth: usize) -> bool {
        let before = self.found.len();
        self.schema(value, schema, &mut path.to_vec(), depth + 1);
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
            self.spend(asked.as_array().map_or(1, Vec::len));
            if self.failure.is_some() {
                return;
            }
            match (&**keyword, asked) {
                ("$ref", Value::String(reference)) if reference == "#" => {
                    self.object(value, self.root, path, depth + 1)
                }
                ("$ref", Value::String(reference)) => match self.resolve(reference) {
                    Some(target) => self.schema(value, target, path, depth + 1),
                    None => self.failure = Some(Mistake::Unresolvable(reference.clone())),
                },
                ("allOf", Value::Array(parts)) => {
                    parts.iter().for_each(|part| self.schema(value, part, path, depth + 1));
                }
                ("anyOf", Value::Array(parts)) => {
                    if !parts.iter().any(|part| self.fits(value, part, path, depth)) {
                        self.wrong(path, format!("{} is not valid under any of the given schemas", shown(value)));
                    }
                }
                ("oneOf", Value::Array(parts)) => {
                    match parts.iter().filter(|part| self.fits(value, part, path, depth)).count() {
                        0 => self.wrong(path, format!("{} is not valid under any of the given schemas", shown(value))),
                        1 => {}
                        _ => self.wrong(
                            path,
                            format!("{} is valid under each of several of the given schemas", shown(value)),
                        ),
                    }
                }
                ("not", part) if self.fits(value, part, path, depth) => {
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
        if let Some(note) = self.notes.get(path) {
            self.wrong(path, note.clone());
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
                if let Some(problem) = self.found.last_mut() {
                    problem.missing = Some(name.to_owned());
                }
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
        self.spend(patterns.len() * PATTERN);
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
        let next = |number: u32| json!({"$ref": format!("#/definitions/{number}")});
        let mut definitions = Map::from_iter([("50".to_owned(), json!(false))]);
        definitions.extend((0..50).map(|at| (at.to_string(), json!({"anyOf": [next(at + 1), next(at + 1)]}))));
        let schema = json!({"$ref": "#/definitions/0", "definitions": definitions});
        assert!(said(json!(1), schema).contains("too many alternatives"));
    }
}
