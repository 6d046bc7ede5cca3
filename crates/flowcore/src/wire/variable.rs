//! Variables.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::time::Moment;
use crate::model::Variable;

/// A variable to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VariableCreate {
    /// What programs ask for.
    pub name: String,
    /// Any JSON.
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    pub value: Box<RawValue>,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// What is to change of a variable. What is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VariableUpdate {
    /// Another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Another value, which may be `null`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    pub value: Option<Box<RawValue>>,
    /// Other words to find it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// Reads a value that is there, also where it is `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// A variable.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "they are those of `VariableCreate`")]
pub struct VariableBody {
    pub id: Uuid,
    pub created: Option<Moment>,
    pub updated: Option<Moment>,
    pub name: String,
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    pub value: Box<RawValue>,
    pub tags: Vec<String>,
}

impl From<&Variable> for VariableBody {
    fn from(variable: &Variable) -> Self {
        VariableBody {
            id: variable.id.0,
            created: Some(Moment(variable.created)),
            updated: Some(Moment(variable.updated)),
            name: variable.name.clone(),
            value: variable.value.clone(),
            tags: variable.tags.clone(),
        }
    }
}
