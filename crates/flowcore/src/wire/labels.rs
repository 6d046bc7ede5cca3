//! Labels as requests give them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::model::Labels;

/// Labels in a request: each is a truth value, a number or a text.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct GivenLabels(#[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, Label>"))] Labels);

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
enum Label {
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(String),
}

impl From<Label> for Value {
    fn from(label: Label) -> Self {
        match label {
            Label::Flag(flag) => flag.into(),
            Label::Whole(number) => number.into(),
            Label::Number(number) => number.into(),
            Label::Text(text) => text.into(),
        }
    }
}

impl<'de> Deserialize<'de> for GivenLabels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let labels = BTreeMap::<String, Label>::deserialize(deserializer)?;
        Ok(GivenLabels(labels.into_iter().map(|(label, value)| (label, value.into())).collect()))
    }
}

impl From<Labels> for GivenLabels {
    fn from(labels: Labels) -> Self {
        GivenLabels(labels)
    }
}

impl From<GivenLabels> for Labels {
    fn from(GivenLabels(labels): GivenLabels) -> Self {
        labels
    }
}
