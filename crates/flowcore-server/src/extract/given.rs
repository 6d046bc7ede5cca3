//! Bodies of which it counts what was said and what was left to its default.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A body, and the names of the fields that were in it.
#[derive(Clone, Debug)]
pub(crate) struct Given<T> {
    pub(crate) body: T,
    fields: BTreeSet<String>,
}

impl<T> Given<T> {
    /// Tells whether a field was in the body.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.fields.contains(field)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let said = Map::<String, Value>::deserialize(deserializer)?;
        let fields = said.keys().cloned().collect();
        let body = T::deserialize(Value::Object(said)).map_err(D::Error::custom)?;
        Ok(Given { body, fields })
    }
}

impl<T: JsonSchema> JsonSchema for Given<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
