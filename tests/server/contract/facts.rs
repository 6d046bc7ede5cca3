//! What an OpenAPI document says, as lines that can be compared.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A document in the form of OpenAPI 3.1.
pub(super) struct Document(Value);

impl Document {
    pub(super) fn new(document: Value) -> Self {
        Document(document)
    }

    fn each_operation(&self) -> impl Iterator<Item = (String, &Value)> {
        fields(&self.0["paths"]).flat_map(|(path, operations)| {
            fields(operations).map(move |(method, about)| (format!("{} {path}", method.to_uppercase()), about))
        })
    }

    /// Names the operations: `GET /flows/{id}`.
    pub(super) fn operations(&self) -> BTreeSet<String> {
        self.each_operation().map(|(name, _)| name).collect()
    }

    /// Lists what it says of some operations.
    pub(super) fn facts(&self, operations: &BTreeSet<String>) -> BTreeSet<String> {
        let mut facts = BTreeSet::new();
        for (name, about) in self.each_operation().filter(|(name, _)| operations.contains(name)) {
            facts.insert(format!("{name} id {}", text(&about["operationId"])));
            facts.insert(format!("{name} tags {}", about["tags"]));
            for parameter in list(&about["parameters"]) {
                let required = parameter["required"] == true;
                let (place, parameter_name) = (text(&parameter["in"]), text(&parameter["name"]));
                let said = self.field(&parameter["schema"], required, false);
                facts.insert(format!("{name} {place} {parameter_name}: {said}"));
            }
            let body = &about["requestBody"];
            if !body.is_null() {
                if body["required"] == true {
                    facts.insert(format!("{name} body is required"));
                }
                self.body(&name, &body["content"]["application/json"]["schema"], &mut facts);
            }
            for (status, answer) in fields(&about["responses"]).filter(|(status, _)| *status != "422") {
                let said = self.answer(&answer["content"]["application/json"]["schema"]);
                facts.insert(format!("{name} answers {status} {said}"));
            }
        }
        facts
    }

    fn body(&self, operation: &str, schema: &Value, facts: &mut BTreeSet<String>) {
        let body = self.resolve(schema);
        if body["properties"].is_null() {
            facts.insert(format!("{operation} body: {}", self.kind(schema)));
        }
        // Several objects, which come as the fields of a body, may each be null, whatever Prefect's document says.
        let several = body["additionalProperties"].is_null();
        if !several {
            facts.insert(format!("{operation} body has no other fields"));
        }
        for (field, schema) in fields(&body["properties"]) {
            let required = list(&body["required"]).iter().any(|name| name == field);
            facts.insert(format!("{operation} body {field}: {}", self.field(schema, required, several)));
            self.nested(field, schema, &mut Vec::new(), facts);
        }
        if body["type"] == "array" {
            self.nested(&format!("{operation}[]"), &body["items"], &mut Vec::new(), facts);
        }
    }

    /// Lists the fields of objects within a field. They are told once, whichever operation has the field.
    fn nested<'a>(&'a self, path: &str, schema: &'a Value, above: &mut Vec<&'a str>, facts: &mut BTreeSet<String>) {
        let name = schema["$ref"].as_str().unwrap_or("");
        if above.contains(&name) {
            return;
        }
        if !name.is_empty() {
            above.push(name);
        }
        let object = self.resolve(schema);
        for (field, schema) in fields(&object["properties"]) {
            let required = list(&object["required"]).iter().any(|name| name == field);
            let path = format!("{path}.{field}");
            facts.insert(format!("{path}: {}", self.field(schema, required, false)));
            self.nested(&path, schema, above, facts);
        }
        if !object["properties"].is_null() && object["additionalProperties"] == false {
            facts.insert(format!("{path} has no other fields"));
        }
        let inner = ["items", "additionalProperties"].iter().filter_map(|key| object.get(*key));
        let kinds = ["anyOf", "oneOf", "allOf"].iter().flat_map(|key| list(&object[*key]));
        for schema in inner.chain(kinds) {
            self.nested(path, schema, above, facts);
        }
        if !name.is_empty() {
            above.pop();
        }
    }

    fn field(&self, schema: &Value, required: bool, null_is_absent: bool) -> String {
        let kind = self.kind(schema);
        let kind = kind.strip_suffix('?').filter(|_| null_is_absent).unwrap_or(&kind);
        let default = match &schema["default"] {
            Value::Null | Value::Object(_) => String::new(),
            Value::Array(values) if values.is_empty() => String::new(),
            Value::Number(number) => format!(" = {}", number.as_f64().unwrap()),
            default => format!(" = {default}"),
        };
        format!("{kind}{}{default}", if required { ", required" } else { "" })
    }

    fn answer(&self, schema: &Value) -> String {
        let answer = self.resolve(schema);
        if answer["type"] == "array" {
            return format!("[{}]", self.answer(&answer["items"]));
        }
        let names: Vec<&str> = fields(&answer["properties"]).map(|(name, _)| name.as_str()).collect();
        // How small a number can be is no matter of those who read it.
        let kind = || self.kind(schema).split(' ').next().unwrap_or_default().to_owned();
        if names.is_empty() { kind() } else { format!("{{{}}}", names.join(" ")) }
    }

    /// Says in a few letters what a value may be.
    fn kind(&self, schema: &Value) -> String {
        let schema = self.resolve(schema);
        if let Some(value) = schema.get("const") {
            return text(value).to_owned();
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            return alternatives(values.iter().map(|value| text(value).to_owned()));
        }
        if let Some(Value::Array(kinds)) = schema.get("anyOf").or(schema.get("oneOf")).or(schema.get("allOf")) {
            return alternatives(kinds.iter().map(|kind| self.kind(kind)));
        }
        if let Value::Array(kinds) = &schema["type"] {
            return alternatives(kinds.iter().map(|kind| self.one_kind(text(kind), schema)));
        }
        self.one_kind(schema["type"].as_str().unwrap_or("any"), schema)
    }

    fn one_kind(&self, name: &str, schema: &Value) -> String {
        match name {
            "string" => match schema["format"].as_str() {
                Some(format @ ("uuid" | "date-time" | "duration")) => format.to_owned(),
                _ => "string".to_owned(),
            },
            "array" => format!("[{}]", schema.get("items").map_or("any".to_owned(), |items| self.kind(items))),
            "object" if !schema["properties"].is_null() => "object".to_owned(),
            "object" => match schema.get("additionalProperties") {
                Some(values) => format!("{{{}}}", self.kind(values)),
                None => "{any}".to_owned(),
            },
            "integer" | "number" => {
                let bound = |key: &str| schema[key].as_f64();
                let step = if name == "integer" { 1.0 } else { 0.0 };
                let least = bound("minimum").or(bound("exclusiveMinimum").map(|least| least + step));
                let most = bound("maximum").or(bound("exclusiveMaximum").map(|most| most - step));
                let least = least.map_or(String::new(), |least| format!(" from {least}"));
                let most = most.map_or(String::new(), |most| format!(" to {most}"));
                format!("{name}{least}{most}")
            }
            other => other.to_owned(),
        }
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            Some(name) => self.resolve(&self.0["components"]["schemas"][name]),
            None => schema,
        }
    }
}

/// Joins kinds: `null` becomes a question mark at the end.
fn alternatives(kinds: impl Iterator<Item = String>) -> String {
    let mut kinds: BTreeSet<String> = kinds
        .flat_map(|kind| match kind.strip_suffix('?') {
            Some(kind) => vec![kind.to_owned(), "null".to_owned()],
            None => vec![kind],
        })
        .collect();
    let null = kinds.remove("null");
    if kinds.contains("any") {
        return "any".to_owned();
    }
    let joined = kinds.into_iter().collect::<Vec<_>>().join("|");
    if null { format!("{joined}?") } else { joined }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("null")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
