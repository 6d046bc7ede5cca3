//! Intervals as files write them.

use serde_json::Value;

/// Reads an interval in seconds: a number, a clock's `H:MM:SS`, or a duration of ISO 8601 such as `PT1H30M`.
pub(super) fn seconds(value: &Value) -> Option<f64> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.parse().ok().or_else(|| clock(text)).or_else(|| iso(text))?,
        _ => return None,
    };
    (seconds.is_finite() && seconds > 0.0).then_some(seconds)
}

fn clock(text: &str) -> Option<f64> {
    let parts: Vec<f64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    // Of two parts nobody knows whether they are hours and minutes.
    (parts.len() == 3 && parts.iter().all(|part| *part >= 0.0))
        .then(|| parts.iter().fold(0.0, |seconds, part| seconds * 60.0 + part))
}

fn iso(text: &str) -> Option<f64> {
    let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty())?;
    let (mut seconds, mut of_day) = (0.0, false);
    while !rest.is_empty() {
        if let (false, Some(behind)) = (of_day, rest.strip_prefix('T').filter(|behind| !behind.is_empty())) {
            (rest, of_day) = (behind, true);
            continue;
        }
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit = rest[end..].chars().next()?;
        seconds += number
            * match (of_day, unit) {
                (false, 'W') => 604_800.0,
                (false, 'D') => 86_400.0,
                (true, 'H') => 3_600.0,
                (true, 'M') => 60.0,
                (true, 'S') => 1.0,
                _ => return None,
            };
        rest = &rest[end + unit.len_utf8()..];
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::*;

    #[test]
    fn intervals_have_several_forms() {
        for (value, expected) in [
            (json!(900), Some(900.0)),
            (json!(0.5), Some(0.5)),
            (json!("900"), Some(900.0)),
            (json!("01:30:00"), Some(5400.0)),
            (json!("15:00"), None),
            (json!("PT1H30M"), Some(5400.0)),
            (json!("P1DT0.5S"), Some(86_400.5)),
            (json!(0), None),
            (json!(-5), None),
            (json!("P"), None),
            (json!("PT"), None),
            (json!("P1M"), None),
            (json!("soon"), None),
            (json!(null), None),
        ] {
            assert_eq!(seconds(&value), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_ends_in_a_panic(text in any::<String>(), likely in "[PTHMSDW0-9.:-]{0,12}") {
            for text in [text, likely] {
                let _ = seconds(&json!(text));
            }
        }
    }
}
