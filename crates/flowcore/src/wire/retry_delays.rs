//! How long retries of a task wait, as bodies say it.

use serde::de::Error as _;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// How many delays a task has at most, as in Prefect.
const MOST: usize = 50;

/// Seconds before each retry, of which the last one is repeated. A single one is written as a number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetryDelays(pub Vec<f64>);

impl Serialize for RetryDelays {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let [one] = &*self.0 {
            return number(*one).serialize(serializer);
        }
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for delay in &self.0 {
            list.serialize_element(&number(*delay))?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for RetryDelays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Value::deserialize(deserializer)?;
        let list = if let Value::Array(delays) = given { delays } else { vec![given] };
        let delays: Option<Vec<f64>> = list.iter().map(Value::as_f64).collect();
        let delays = delays.ok_or_else(|| D::Error::custom("a delay is a number of seconds, or a list of them"))?;
        if delays.len() > MOST {
            return Err(D::Error::custom("Can not configure more than 50 retry delays per task."));
        }
        Ok(RetryDelays(delays))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for RetryDelays {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RetryDelays".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"anyOf": [
            {"type": "integer"},
            {"type": "number"},
            {"type": "array", "items": {"type": "integer"}},
            {"type": "array", "items": {"type": "number"}},
        ]})
    }
}

/// Writes a delay as Prefect does: whole where it is.
fn number(delay: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
    if delay.fract() == 0.0 && delay.abs() < 1e15 { Value::from(delay as i64) } else { Value::from(delay) }
}
