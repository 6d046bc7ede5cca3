//! What is wrong with a request, in the words of pydantic, which Prefect's clients know.
//!
//! Bodies are read by serde alone. Only one that serde refuses is held against its JSON schema ([`check`]), which finds all
//! mistakes at once; serde would tell the first. As pydantic does, the check also takes what is meant well, `"20"` for a
//! number or `"yes"` for a truth value, and a request that has nothing worse is read again in the form that it should have.

mod check;
mod scalar;
mod text;

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::Segment;

use self::check::Check;
pub(crate) use self::text::{is_too_deep, parse};
use crate::error::{ApiError, part_of};

/// Where a value came from, which begins the place of each mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The body.
    Body,
    /// The parameters behind the path.
    Query,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Source::Body => "body",
            Source::Query => "query",
        }
    }
}

/// Reads a value that serde has refused in the form in which it came: in the form that it should have, or not at all.
pub(crate) fn read_leniently<T: DeserializeOwned + JsonSchema>(source: Source, sent: Value) -> Result<T, ApiError> {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value();
    unite_variants(&mut schema);
    let body = if source == Source::Body { sent.clone() } else { Value::Null };
    let mut check = Check::new(&schema, source.name());
    let meant = check.root(sent);
    if !check.mistakes.is_empty() {
        return Err(ApiError::Invalid { detail: check.mistakes, body });
    }
    // What types check beyond their schemas is in serde's words.
    serde_path_to_error::deserialize(&meant).map_err(|error| {
        let mut place = vec![Value::from(source.name())];
        place.extend(error.path().iter().filter_map(segment));
        let input = part_of(&meant, &place[1..]);
        let message = format!("Value error, {}", error.inner());
        let detail = json!({"type": "value_error", "loc": place, "msg": message, "input": input, "ctx": {"error": {}}});
        ApiError::Invalid { detail: vec![detail], body }
    })
}

/// Gives the variants of tagged unions as single objects: such a one refers to a definition, and names its tag beside it.
fn unite_variants(schema: &mut Value) {
    let definitions = schema["$defs"].clone();
    let unite = |variant: &mut Value| {
        if variant["$ref"].is_null() {
            return;
        }
        let mut whole = resolve(variant, &definitions).clone();
        let tag = variant.get_mut("properties").map(Value::take);
        if let (Some(Value::Object(fields)), Some(Value::Object(tag))) = (whole.get_mut("properties"), tag) {
            fields.extend(tag);
            *variant = whole;
        }
    };
    let definitions = schema.get_mut("$defs").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, definition) in definitions {
        for key in ["anyOf", "oneOf"] {
            definition.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().for_each(unite);
        }
    }
}

/// Tells whether a list stands where an object must. Serde alone would take it for the object's fields in their order.
pub(crate) fn has_list_for_object<T: JsonSchema + 'static>(text: &[u8]) -> bool {
    let schema = schema_of::<T>();
    serde_json::from_slice(text).is_ok_and(|sent| is_list_for_object(&schema, &schema["$defs"], &sent))
}

fn is_list_for_object(schema: &Value, definitions: &Value, sent: &Value) -> bool {
    let schema = resolve(schema, definitions);
    let within = |schema: &Value, sent: &Value| is_list_for_object(schema, definitions, sent);
    if let Some(kinds) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        return kinds.iter().all(|kind| kind["type"] == "null" || within(kind, sent));
    }
    match sent {
        Value::Array(_) if schema["type"] == "object" => true,
        Value::Array(values) => values.iter().any(|value| within(&schema["items"], value)),
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let known = schema["properties"].get(name);
            within(known.unwrap_or(&schema["additionalProperties"]), value)
        }),
        _ => false,
    }
}

/// Gives the schema of a type. It is made once, since most requests ask for it.
fn schema_of<T: JsonSchema + 'static>() -> Arc<Value> {
    static SCHEMAS: LazyLock<Mutex<HashMap<TypeId, Arc<Value>>>> = LazyLock::new(Mutex::default);
    let mut schemas = SCHEMAS.lock().unwrap_or_else(PoisonError::into_inner);
    let schema = || SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value();
    schemas.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(schema())).clone()
}

/// Says that there is no body where one must be.
pub(crate) fn missing_body() -> ApiError {
    let detail = vec![json!({"type": "missing", "loc": ["body"], "msg": "Field required", "input": null})];
    ApiError::Invalid { detail, body: Value::Null }
}

/// Tells whether a request can do without this body: one that is a single object or a list must be there, one that is several
/// objects, which come as its fields, only if one of these must.
pub(crate) fn may_be_absent(schema: &Value, definitions: &Value) -> bool {
    let body = resolve(schema, definitions);
    let required = body["required"].as_array().is_some_and(|fields| !fields.is_empty());
    body.get("additionalProperties").is_none() && !required && body["type"] != "array"
}

/// Tells the same of a type.
pub(crate) fn type_may_be_absent<T: JsonSchema>() -> bool {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value();
    may_be_absent(&schema, &schema["$defs"])
}

fn resolve<'a>(schema: &'a Value, definitions: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        Some(name) => resolve(&definitions[name], definitions),
        None => schema,
    }
}

fn segment(segment: &Segment) -> Option<Value> {
    match segment {
        Segment::Seq { index } => Some(json!(index)),
        Segment::Map { key } => Some(json!(key)),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}
