//! Whether a value is what a JSON schema describes, and what is wrong with it, in words for people.
//!
//! It knows the keywords that the schemas of Rust types use. What it does not know it lets pass: the flow that reads the
//! value has the last word.

use std::fmt;

use serde_json::{Map, Value};

/// Something in an input that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputProblem {
    /// Where: `address.street`, `items[2]`; empty for the input itself.
    pub at: String,
    /// What is expected there.
    pub expected: String,
    /// What is found there; none if nothing is.
    pub found: Option<String>,
}

impl InputProblem {
    /// Says that no input is expected at all.
    pub(super) fn unexpected() -> Self {
        InputProblem { at: String::new(), expected: "no input".to_owned(), found: Some("one".to_owned()) }
    }
}

impl fmt::Display for InputProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() { "the input" } else { &self.at };
        match &self.found {
            Some(found) => write!(f, "{at}: expected {}, found {found}", self.expected),
            None => write!(f, "{at}: missing, expected {}", self.expected),
        }
    }
}

/// Lists what is wrong with an input; an absent one counts as an object without fields, or else as null.
pub fn problems(schema: &Value, input: Option<&Value>) -> Vec<InputProblem> {
    let check = Check { root: schema };
    let mut found = Vec::new();
    match input {
        Some(input) => check.value(schema, input, "", &mut found),
        None => {
            let empty = Value::Object(Map::new());
            let mut with_null = Vec::new();
            check.value(schema, &empty, "", &mut found);
            check.value(schema, &Value::Null, "", &mut with_null);
            if with_null.is_empty() {
                found.clear();
            } else if found.iter().any(|problem| problem.at.is_empty()) {
                found = vec![InputProblem { at: String::new(), expected: check.describe(schema), found: None }];
            }
        }
    }
    found
}

/// A field of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputField {
    /// Its name; empty if the input is no object and has no fields: then this is the input itself.
    pub name: String,
    /// What is expected, in words: `an integer`.
    pub expected: String,
    /// Whether it has to be there.
    pub required: bool,
}

/// Lists the fields of the input that a schema describes, the required ones first.
pub fn input_fields(schema: &Value) -> Vec<InputField> {
    let check = Check { root: schema };
    let whole = check.resolve(schema);
    let Some(properties) = whole.get("properties").and_then(Value::as_object) else {
        let expected = check.describe(schema);
        return vec![InputField { name: String::new(), expected, required: true }];
    };
    let required: Vec<&str> =
        whole.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut fields = Vec::with_capacity(properties.len());
    for (name, schema) in properties {
        let required = required.contains(&name.as_str());
        fields.push(InputField { name: name.clone(), expected: check.describe(schema), required });
    }
    fields.sort_by_key(|field| !field.required);
    fields
}

/// Tells whether an input can have a field of this name, as far as the schema says. What people type has to be one: a flow
/// may leave aside what it does not know, and a mistyped field that may be left out would go unnoticed.
pub fn takes_input_field(schema: &Value, name: &str) -> bool {
    const MORE: [&str; 5] = ["additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf"];
    let whole = Check { root: schema }.resolve(schema);
    let fields = whole.get("properties").and_then(Value::as_object);
    fields.is_none_or(|fields| fields.contains_key(name)) || MORE.iter().any(|keyword| whole.get(keyword).is_some())
}

/// Reads a field of an input as people write it on a command line: where the schema takes texts, the text as it is, else
/// as JSON. What is no JSON stays a text, and is told as a problem later.
pub fn read_input_field(schema: &Value, name: &str, text: &str) -> Value {
    let check = Check { root: schema };
    let as_text = Value::String(text.to_owned());
    let field = check.resolve(schema).get("properties").and_then(|fields| fields.get(name));
    if let Some(field) = field.filter(|field| check.resolve(field).as_object().is_some_and(|rules| !rules.is_empty())) {
        let mut wrong = Vec::new();
        check.value(field, &as_text, "", &mut wrong);
        if wrong.is_empty() {
            return as_text;
        }
    }
    serde_json::from_str(text).unwrap_or(as_text)
}

struct Check<'a> {
    /// Where references point into.
    root: &'a Value,
}

impl<'a> Check<'a> {
    /// Follows references; one that leads nowhere describes nothing.
    fn resolve(&self, mut schema: &'a Value) -> &'a Value {
        // More steps than any type needs; a reference to itself ends here.
        for _ in 0..16 {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return schema };
            schema = reference.strip_prefix('#').and_then(|at| self.root.pointer(at)).unwrap_or(&Value::Null);
        }
        schema
    }

    fn value(&self, schema: &'a Value, value: &Value, at: &str, found: &mut Vec<InputProblem>) {
        let schema = self.resolve(schema);
        let Some(rules) = schema.as_object() else { return };
        let right = is_of_type(rules.get("type"), value)
            && rules.get("enum").and_then(Value::as_array).is_none_or(|allowed| allowed.contains(value))
            && rules.get("const").is_none_or(|allowed| allowed == value)
            && is_in_bounds(rules, value);
        if !right {
            found.push(InputProblem { at: at.to_owned(), expected: self.describe(schema), found: Some(show(value)) });
            return;
        }
        for (keyword, one_only) in [("anyOf", false), ("oneOf", true)] {
            if let Some(alternatives) = rules.get(keyword).and_then(Value::as_array) {
                self.alternatives(schema, alternatives, one_only, value, at, found);
            }
        }
        for part in rules.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.value(part, value, at, found);
        }
        match value {
            Value::Object(fields) => self.fields(rules, fields, at, found),
            Value::Array(items) => {
                if let Some(schema) = rules.get("items") {
                    for (nth, item) in items.iter().enumerate() {
                        self.value(schema, item, &format!("{at}[{nth}]"), found);
                    }
                }
            }
            _ => {}
        }
    }

    fn fields(
        &self,
        rules: &'a Map<String, Value>,
        fields: &Map<String, Value>,
        at: &str,
        found: &mut Vec<InputProblem>,
    ) {
        let path = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
        let known = rules.get("properties").and_then(Value::as_object);
        for name in rules.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                let schema = known.and_then(|known| known.get(name));
                let expected = schema.map_or_else(|| "a value".to_owned(), |schema| self.describe(schema));
                found.push(InputProblem { at: path(name), expected, found: None });
            }
        }
        for (name, value) in fields {
            match (known.and_then(|known| known.get(name)), rules.get("additionalProperties")) {
                (Some(schema), _) => self.value(schema, value, &path(name), found),
                (None, Some(Value::Bool(false))) => {
                    let names: Vec<_> = known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                    let expected = format!("no such field (there are {})", names.join(", "));
                    found.push(InputProblem { at: path(name), expected, found: Some(show(value)) });
                }
                (None, Some(schema)) => self.value(schema, value, &path(name), found),
                (None, None) => {}
            }
        }
    }

    fn alternatives(
        &self,
        schema: &'a Value,
        alternatives: &'a [Value],
        one_only: bool,
        value: &Value,
        at: &str,
        found: &mut Vec<InputProblem>,
    ) {
        let tried: Vec<Vec<InputProblem>> = alternatives
            .iter()
            .map(|alternative| {
                let mut problems = Vec::new();
                self.value(alternative, value, at, &mut problems);
                problems
            })
            .collect();
        let fitting = tried.iter().filter(|problems| problems.is_empty()).count();
        if fitting == 1 || (fitting > 1 && !one_only) {
            return;
        }
        // Where one alternative fits but for something within it, that is what has to be mended.
        let mut inner = tried.iter().filter(|problems| !problems.is_empty() && problems.iter().all(|one| one.at != at));
        match (inner.next(), inner.next()) {
            (Some(problems), None) => found.extend(problems.iter().cloned()),
            _ => found.push(InputProblem {
                at: at.to_owned(),
                expected: self.describe(schema),
                found: Some(show(value)),
            }),
        }
    }

    fn describe(&self, schema: &'a Value) -> String {
        self.describe_within(schema, 4)
    }

    fn describe_within(&self, schema: &'a Value, depth: u8) -> String {
        let schema = self.resolve(schema);
        if depth == 0 {
            return "a value".to_owned();
        }
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
            return format!("one of {}", allowed.iter().map(Value::to_string).collect::<Vec<_>>().join(", "));
        }
        if let Some(allowed) = schema.get("const") {
            return allowed.to_string();
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(alternatives) = schema.get(keyword).and_then(Value::as_array) {
                let mut words: Vec<String> =
                    alternatives.iter().map(|schema| self.describe_within(schema, depth - 1)).collect();
                words.dedup();
                return words.join(" or ");
            }
        }
        let types: Vec<&str> = match schema.get("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => return "a value".to_owned(),
        };
        let mut words = types.into_iter().map(|kind| name_of(kind).to_owned()).collect::<Vec<_>>().join(" or ");
        for (keyword, word) in [
            ("minimum", "at least"),
            ("maximum", "at most"),
            ("exclusiveMinimum", "more than"),
            ("exclusiveMaximum", "less than"),
        ] {
            if let Some(bound) = schema.get(keyword) {
                words.push_str(&format!(" of {word} {bound}"));
            }
        }
        if let Some(format) = schema.get("format").and_then(Value::as_str).filter(|_| words == "a text") {
            words.push_str(&format!(" ({format})"));
        }
        words
    }
}

fn is_of_type(kinds: Option<&Value>, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    match kinds {
        Some(Value::String(kind)) => is(kind),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

fn is_in_bounds(rules: &Map<String, Value>, value: &Value) -> bool {
    let number = |keyword: &str, fits: fn(f64, f64) -> bool| match (value.as_f64(), rules.get(keyword)) {
        (Some(value), Some(bound)) => bound.as_f64().is_none_or(|bound| fits(value, bound)),
        _ => true,
    };
    let length = match value {
        Value::String(text) => Some((text.chars().count(), "minLength", "maxLength")),
        Value::Array(items) => Some((items.len(), "minItems", "maxItems")),
        _ => None,
    };
    let long_enough = length.is_none_or(|(length, least, most)| {
        let bound = |keyword: &str| rules.get(keyword).and_then(Value::as_u64);
        let length = length as u64;
        bound(least).is_none_or(|least| length >= least) && bound(most).is_none_or(|most| length <= most)
    });
    long_enough
        && number("minimum", |value, bound| value >= bound)
        && number("maximum", |value, bound| value <= bound)
        && number("exclusiveMinimum", |value, bound| value > bound)
        && number("exclusiveMaximum", |value, bound| value < bound)
}

fn name_of(kind: &str) -> &str {
    match kind {
        "null" => "null",
        "boolean" => "true or false",
        "string" => "a text",
        "integer" => "an integer",
        "number" => "a number",
        "array" => "a list",
        "object" => "an object",
        other => other,
    }
}

/// Shows a value, cut where it is long.
fn show(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}..", &text[..cut]),
        None => text,
    }
}

#[cfg(test)]
#[path = "input_schema_tests.rs"]
mod tests;
