//! The JSON schema of a flow's parameters, in the form that Prefect deployments carry (that of pydantic).
//!
//! Each parameter has its schema, `title` and `position` in `properties`; named types are in `definitions`, and
//! references to them begin with `#/definitions/`. What a type looks like comes from schemars, with the feature
//! `schema`; a type that does not implement its `JsonSchema`, or any type without the feature, may be anything.

use std::marker::PhantomData;

use serde::Serialize;
use serde_json::{Map, Value, json};

/// One parameter of a flow.
pub struct ParameterSchema {
    /// Its name.
    pub name: &'static str,
    /// Its documentation, or an empty text.
    pub documentation: &'static str,
    /// Whether it may be left out.
    pub optional: bool,
    /// Makes its default, if there is one that JSON can show.
    pub default: fn() -> Option<Value>,
    /// Makes the schema of its type.
    pub schema: fn(&mut Schemas) -> Value,
}

/// Makes the schema of all parameters of a flow.
pub fn parameters_schema(parameters: &[ParameterSchema]) -> Value {
    let mut schemas = Schemas::new();
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (position, parameter) in parameters.iter().enumerate() {
        let mut property = plain((parameter.schema)(&mut schemas));
        // What can be null may be left out, whatever its type is called.
        let default = (parameter.default)().or_else(|| accepts_null(&property).then_some(Value::Null));
        if default.is_none() && !parameter.optional {
            required.push(parameter.name);
        }
        if let Some(default) = default {
            property.insert("default".to_owned(), default);
        }
        property.insert("title".to_owned(), parameter.name.into());
        property.insert("position".to_owned(), position.into());
        if !parameter.documentation.is_empty() {
            property.insert("description".to_owned(), parameter.documentation.into());
        }
        properties.insert(parameter.name.to_owned(), property.into());
    }
    json!({
        "title": "Parameters",
        "type": "object",
        "properties": properties,
        "required": required,
        "definitions": schemas.definitions(),
    })
}

/// The schemas of named types that parameters refer to.
pub struct Schemas {
    #[cfg(feature = "schema")]
    generator: schemars::SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        Schemas {
            #[cfg(feature = "schema")]
            generator: schemars::generate::SchemaSettings::draft2020_12()
                .with(|settings| settings.definitions_path = "/definitions".into())
                .into_generator(),
        }
    }

    #[cfg(feature = "schema")]
    fn definitions(mut self) -> Map<String, Value> {
        let definitions = self.generator.take_definitions(true);
        definitions.into_iter().map(|(name, schema)| (name.clone(), titled(&name, plain(schema)).into())).collect()
    }

    #[cfg(not(feature = "schema"))]
    fn definitions(self) -> Map<String, Value> {
        Map::new()
    }
}

/// Asks what can be told of a type, if its traits allow it: an associated function that is found here is taken before
/// that of [`SchemaFallback`].
pub struct SchemaProbe<T>(PhantomData<T>);

/// What [`SchemaProbe`] falls back on for types without the traits.
pub trait SchemaFallback {
    /// The type itself.
    type Type;

    /// Says that the value may be anything.
    fn schema(_: &mut Schemas) -> Value {
        Value::Object(Map::new())
    }

    /// Shows no default.
    fn default_json(_: fn() -> Self::Type) -> Option<Value> {
        None
    }
}

impl<T> SchemaFallback for SchemaProbe<T> {
    type Type = T;
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> SchemaProbe<T> {
    /// Gives the schema of the type.
    pub fn schema(schemas: &mut Schemas) -> Value {
        schemas.generator.subschema_for::<T>().to_value()
    }
}

impl<T: Serialize> SchemaProbe<T> {
    /// Shows a default as JSON; one that JSON cannot show is left out.
    pub fn default_json(default: fn() -> T) -> Option<Value> {
        serde_json::to_value(default()).ok()
    }
}

/// Turns a schema into pydantic's form: no formats of numbers (clients do not know them), and `anyOf` where a type has
/// several names. The schema that allows everything is an empty object.
fn plain(schema: Value) -> Map<String, Value> {
    let Value::Object(mut schema) = schema else { return Map::new() };
    if matches!(schema.get("type"), Some(Value::String(kind)) if kind == "integer" || kind == "number") {
        schema.remove("format");
    }
    for (keyword, value) in &mut schema {
        let old = value.take();
        *value = match keyword.as_str() {
            "items" | "additionalProperties" | "not" | "contains" | "propertyNames" if old.is_object() => {
                plain(old).into()
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => each_in_list(old),
            "properties" | "patternProperties" => each_in_object(old),
            _ => old,
        };
    }
    if schema.get("type").is_some_and(Value::is_array) { split_types(schema) } else { schema }
}

fn each_in_list(list: Value) -> Value {
    match list {
        Value::Array(schemas) => schemas.into_iter().map(|schema| Value::Object(plain(schema))).collect(),
        other => other,
    }
}

fn each_in_object(object: Value) -> Value {
    match object {
        Value::Object(schemas) => {
            schemas.into_iter().map(|(name, schema)| (name, Value::Object(plain(schema)))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

/// Writes `{"type": ["integer", "null"], "minimum": 0}` as `anyOf`; what describes the whole stays outside.
fn split_types(mut schema: Map<String, Value>) -> Map<String, Value> {
    let mut outside = Map::new();
    for keyword in ["title", "description", "default", "deprecated", "examples", "readOnly", "writeOnly"] {
        if let Some(value) = schema.remove(keyword) {
            outside.insert(keyword.to_owned(), value);
        }
    }
    let types = match schema.remove("type") {
        Some(Value::Array(types)) => types,
        _ => Vec::new(),
    };
    let alternatives = types.into_iter().map(|kind| {
        let mut alternative = if kind == "null" { Map::new() } else { schema.clone() };
        alternative.insert("type".to_owned(), kind);
        Value::Object(plain(alternative.into()))
    });
    outside.insert("anyOf".to_owned(), alternatives.collect());
    outside
}

/// Tells whether a schema in pydantic's form says that the value may be null.
fn accepts_null(schema: &Map<String, Value>) -> bool {
    let is_null = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "null");
    let alternatives = schema.get("anyOf").and_then(Value::as_array);
    alternatives.is_some_and(|alternatives| alternatives.iter().any(is_null))
        || schema.get("type").is_some_and(|kind| kind == "null")
}

/// Gives a named type and its fields the titles that pydantic gives them.
#[cfg(feature = "schema")]
fn titled(name: &str, mut schema: Map<String, Value>) -> Map<String, Value> {
    schema.entry("title").or_insert_with(|| name.into());
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        for (field, schema) in fields {
            if let Value::Object(schema) = schema
                && !schema.contains_key("$ref")
            {
                schema.entry("title").or_insert_with(|| title_of(field).into());
            }
        }
    }
    schema
}

/// Makes `Retry Delay` of `retry_delay`.
#[cfg(feature = "schema")]
fn title_of(field: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    field.split('_').filter(|word| !word.is_empty()).map(capital).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
