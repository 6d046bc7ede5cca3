//! Times as they travel.

use chrono::{DateTime, NaiveDateTime};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::Timestamp;

/// A point in time, which is written with its zone and read with or without: without it is UTC, as in Prefect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// Reads a time in the form of ISO 8601: `2026-05-28T12:00:00Z`, `2026-05-28 12:00:00.5+02:00`, `2026-05-28T12:00:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
        let spaced = || DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%:z").map(|time| time.to_utc());
        let naive = |form| NaiveDateTime::parse_from_str(text, form).map(|time| time.and_utc());
        zoned
            .or_else(|_| spaced())
            .or_else(|_| naive("%Y-%m-%dT%H:%M:%S%.f"))
            .or_else(|_| naive("%Y-%m-%d %H:%M:%S%.f"))
            .map(Moment)
            .ok()
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Moment::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no time: write it as 2026-05-28T12:00:00Z")))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "date-time"})
    }
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Moment(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_forms_that_clients_write() {
        let noon = Moment::parse("2026-05-28T12:00:00Z");
        assert!(noon.is_some());
        for text in [
            "2026-05-28T12:00:00+00:00",
            "2026-05-28 14:00:00.000+02:00",
            "2026-05-28T12:00:00",
            "2026-05-28 12:00:00.000000",
        ] {
            assert_eq!(Moment::parse(text), noon, "{text}");
        }
        for text in ["", "noon", "2026-13-28T12:00:00Z", "2026-05-28"] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
