//! A value held against a JSON schema.

use serde_json::{Map, Value, json};

use super::resolve;
use super::scalar::{Wrong, flag, integer, number, one_of, text};

/// What a check finds.
pub(super) struct Check<'a> {
    schema: &'a Value,
    definitions: &'a Value,
    place: Vec<Value>,
    pub(super) mistakes: Vec<Value>,
}

impl<'a> Check<'a> {
    pub(super) fn new(schema: &'a Value, source: &str) -> Self {
        Check { schema, definitions: &schema["$defs"], place: vec![source.into()], mistakes: Vec::new() }
    }

    /// Checks the whole, and gives it in the form that it should have.
    pub(super) fn root(&mut self, mut value: Value) -> Value {
        let schema = resolve(self.schema, self.definitions);
        // Of several objects that come as the fields of a body, `null` stands for an absent one.
        if let (Value::Object(fields), None) = (&mut value, schema.get("additionalProperties")) {
            fields.retain(|name, value| !value.is_null() || self.allows_null(&schema["properties"][name]));
        }
        self.check(schema, value)
    }

    fn wrong(&mut self, wrong: Wrong, input: &Value) {
        let mut mistake = json!({"type": wrong.kind, "loc": self.place, "msg": wrong.message, "input": input});
        if let Some(figures) = wrong.figures {
            mistake["ctx"] = figures;
        }
        self.mistakes.push(mistake);
    }

    fn at(&mut self, step: Value, schema: &'a Value, value: Value) -> Value {
        self.place.push(step);
        let value = self.check(schema, value);
        self.place.pop();
        value
    }

    fn check(&mut self, schema: &'a Value, value: Value) -> Value {
        let is_named = is_named(schema);
        let schema = resolve(schema, self.definitions);
        if value.is_null() && self.allows_null(schema) {
            return value;
        }
        if let Some(expected) = self.constants(schema) {
            return self.taken(one_of(value.clone(), &expected, is_named), value);
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return parts.iter().fold(value, |value, part| self.check(part, value));
        }
        if let Some(kinds) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
            return self.one_of_several(kinds, value);
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
            kind => kind.as_str(),
        };
        let input = value.clone();
        match kind {
            Some("string") => self.taken(text(value, schema), input),
            Some("integer") => self.taken(integer(value, schema), input),
            Some("number") => self.taken(number(value, schema), input),
            Some("boolean") => self.taken(flag(&value), input),
            Some("array") => self.list(schema, value),
            Some("object") => self.object(schema, value),
            _ => value,
        }
    }

    /// Gives what was read, or notes what is wrong.
    fn taken(&mut self, read: Result<Value, Wrong>, input: Value) -> Value {
        read.unwrap_or_else(|wrong| {
            self.wrong(wrong, &input);
            input
        })
    }

    fn list(&mut self, schema: &'a Value, value: Value) -> Value {
        let Value::Array(values) = value else {
            let wrong = match schema["uniqueItems"] == true {
                true => Wrong::new("set_type", "Input should be a valid set"),
                false => Wrong::new("list_type", "Input should be a valid list"),
            };
            self.wrong(wrong, &value);
            return value;
        };
        let items = &schema["items"];
        values.into_iter().enumerate().map(|(index, value)| self.at(index.into(), items, value)).collect()
    }

    fn object(&mut self, schema: &'a Value, value: Value) -> Value {
        let properties = schema["properties"].as_object();
        let Value::Object(mut fields) = value else {
            let wrong = match properties {
                Some(_) => Wrong::new(
                    "model_attributes_type",
                    "Input should be a valid dictionary or object to extract fields from",
                ),
                None => Wrong::new("dict_type", "Input should be a valid dictionary"),
            };
            self.wrong(wrong, &value);
            return value;
        };
        // Parameters behind the path are no object to their sender, nor are several parts of a body.
        let is_loose =
            self.place == ["query"] || (self.place == ["body"] && schema.get("additionalProperties").is_none());
        let input = if is_loose { Value::Null } else { Value::Object(fields.clone()) };
        let mut read = Map::new();
        let required = schema["required"].as_array();
        for (name, schema) in properties.into_iter().flatten() {
            if let Some(value) = fields.remove(name) {
                read.insert(name.clone(), self.at(name.as_str().into(), schema, value));
            } else if required.is_some_and(|required| required.iter().any(|required| required == name)) {
                self.place.push(name.as_str().into());
                self.wrong(Wrong::new("missing", "Field required"), &input);
                self.place.pop();
            }
        }
        let others = &schema["additionalProperties"];
        for (name, value) in fields {
            if *others == false {
                self.place.push(name.as_str().into());
                self.wrong(Wrong::new("extra_forbidden", "Extra inputs are not permitted"), &value);
                self.place.pop();
            } else {
                let value = self.at(name.as_str().into(), others, value);
                read.insert(name, value);
            }
        }
        Value::Object(read)
    }

    /// Reads a value that may be of several kinds: as the first that takes it as it is, or else as the first that takes it.
    fn one_of_several(&mut self, kinds: &'a [Value], value: Value) -> Value {
        let kinds: Vec<&Value> = kinds.iter().filter(|kind| kind["type"] != "null").collect();
        if let [only] = &*kinds {
            return self.check(only, value);
        }
        let before = self.mistakes.len();
        let mut lenient = None;
        for kind in &kinds {
            let noted = self.mistakes.len();
            let name = self.name(kind);
            let read = self.at(name.into(), kind, value.clone());
            if self.mistakes.len() > noted {
                continue;
            }
            if read == value {
                self.mistakes.truncate(before);
                return value;
            }
            lenient = lenient.or(Some(read));
        }
        match lenient {
            Some(read) => {
                self.mistakes.truncate(before);
                read
            }
            None => value,
        }
    }

    /// Names a kind as pydantic does in the place of a mistake.
    fn name(&self, schema: &Value) -> String {
        let referred = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        if let Some(name) = referred.or(schema["title"].as_str()) {
            return match name {
                // Python checks these as a whole as well, and says so.
                "CronSchedule" | "IntervalSchedule" => format!("function-after[validate_timezone(), {name}]"),
                "CompoundTrigger" => {
                    format!("function-after[validate_require(), function-after[validate_require(), {name}]]")
                }
                _ => name.to_owned(),
            };
        }
        match (schema["type"].as_str(), schema["format"].as_str()) {
            (Some("string"), Some("uuid")) => "uuid".to_owned(),
            (Some("string"), Some("date-time")) => "datetime".to_owned(),
            (Some("string"), _) => "str".to_owned(),
            (Some("integer"), _) => "int".to_owned(),
            (Some("number"), _) => "float".to_owned(),
            (Some("boolean"), _) => "bool".to_owned(),
            (Some("array"), _) => format!("list[{}]", self.name(&schema["items"])),
            (Some("object"), _) => class(schema).unwrap_or_else(|| "dict".to_owned()),
            _ => "any".to_owned(),
        }
    }

    /// Lists the values that a schema allows, if it allows only some: written at once, or one by one with their documentation.
    fn constants(&self, schema: &'a Value) -> Option<Vec<&'a Value>> {
        if let Some(only) = schema.get("const") {
            return Some(vec![only]);
        }
        if let Some(values) = schema["enum"].as_array() {
            return Some(values.iter().collect());
        }
        let kinds = schema["oneOf"].as_array().or(schema["anyOf"].as_array())?;
        let each = kinds.iter().filter(|kind| kind["type"] != "null");
        let values: Vec<Vec<&Value>> =
            each.map(|kind| self.constants(resolve(kind, self.definitions))).collect::<Option<_>>()?;
        Some(values.concat())
    }

    fn allows_null(&self, schema: &Value) -> bool {
        let schema = resolve(schema, self.definitions);
        let among =
            |key: &str| schema[key].as_array().is_some_and(|kinds| kinds.iter().any(|kind| self.allows_null(kind)));
        let null = |kind: &Value| kind == "null";
        null(&schema["type"])
            || schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(null))
            || schema["enum"].as_array().is_some_and(|values| values.iter().any(Value::is_null))
            || among("anyOf")
            || among("oneOf")
            // A schema without a type takes anything.
            || schema.as_bool() == Some(true)
            || schema.as_object().is_some_and(|schema| !["type", "anyOf", "oneOf", "allOf", "const", "enum"].iter().any(|key| schema.contains_key(*key)))
    }
}

/// Tells whether a schema, or what it says beside `null`, has a name of its own. Python has classes for such texts, and lists
/// others where they are used.
fn is_named(schema: &Value) -> bool {
    let kinds = schema["anyOf"].as_array().into_iter().flatten();
    !schema["$ref"].is_null() || kinds.into_iter().any(|kind| !kind["$ref"].is_null())
}

/// Names a variant of a tagged union as its class is named in Python: `call-webhook` is `CallWebhook`.
fn class(schema: &Value) -> Option<String> {
    let tag = schema["properties"].as_object()?.values().find_map(|field| field["const"].as_str())?;
    let word = |word: &str| {
        word.char_indices().map(|(at, one)| if at == 0 { one.to_ascii_uppercase() } else { one }).collect()
    };
    Some(tag.split('-').map(word).collect::<Vec<String>>().concat())
}
