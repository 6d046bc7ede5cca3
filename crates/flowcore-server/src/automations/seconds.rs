//! Lengths of time, which clients write in several ways.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize};

/// A length of time in seconds. It is read as a number or in the form of ISO 8601 (`PT10S`), and written as a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub(crate) struct Seconds(pub(crate) f64);

impl Seconds {
    /// Reads `P1DT2H30M10.5S`, or a number of seconds.
    fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse() {
            return Some(Seconds(number)).filter(|seconds: &Seconds| seconds.0.is_finite());
        }
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1.0, rest),
            None => (1.0, text),
        };
        let (days, times) = match rest.strip_prefix('P')?.split_once('T') {
            Some((days, times)) if !times.is_empty() => (days, times),
            Some(_) => return None,
            None => (&rest[1..], ""),
        };
        if days.is_empty() && times.is_empty() {
            return None;
        }
        let days = sum(days, &[('W', 7.0 * 86_400.0), ('D', 86_400.0)])?;
        let times = sum(times, &[('H', 3600.0), ('M', 60.0), ('S', 1.0)])?;
        Some(Seconds(sign * (days + times)))
    }
}

/// Adds numbers with units, which come in this order, each at most once.
fn sum(mut text: &str, units: &[(char, f64)]) -> Option<f64> {
    let mut sum = 0.0;
    for (unit, seconds) in units {
        if let Some((number, rest)) = text.split_once(*unit) {
            sum += number.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)? * seconds;
            text = rest;
        }
    }
    text.is_empty().then_some(sum)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = match Written::deserialize(deserializer) {
            Ok(Written::Number(number)) => Some(Seconds(number)),
            Ok(Written::Text(text)) => Seconds::parse(&text),
            Err(_) => None,
        };
        read.ok_or_else(|| serde::de::Error::custom("a length of time is a number of seconds, or written as PT10S"))
    }
}

impl JsonSchema for Seconds {
    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "number"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read() {
        for (text, expected) in [
            ("PT10S", Some(10.0)),
            ("P1DT2H30M10.5S", Some(95_410.5)),
            ("P2W", Some(1_209_600.0)),
            ("-PT1M", Some(-60.0)),
            ("60", Some(60.0)),
            ("P", None),
            ("PT", None),
            ("PT10", None),
            ("PT1S1M", None),
            ("P1H", None),
            ("inf", None),
            ("soon", None),
        ] {
            assert_eq!(Seconds::parse(text), expected.map(Seconds), "{text}");
        }
    }
}
