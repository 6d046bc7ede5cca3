//! Texts, numbers and truth values.

use chrono::{DateTime, SecondsFormat};
use flowcore::wire::Moment;
use serde_json::{Value, json};
use uuid::Uuid;

/// What is wrong with a value: pydantic's name of it, a sentence, and figures in the sentence.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) kind: &'static str,
    pub(super) message: String,
    pub(super) figures: Option<Value>,
}

impl Wrong {
    pub(super) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Wrong { kind, message: message.into(), figures: None }
    }

    fn with(mut self, figures: Value) -> Self {
        self.figures = Some(figures);
        self
    }
}

/// Beyond this a number for a time counts milliseconds, in seconds it would be in the year 2603.
const SECONDS: f64 = 2e10;

/// Reads a text, of a format if the schema has one.
pub(super) fn text(value: Value, schema: &Value) -> Result<Value, Wrong> {
    match schema["format"].as_str() {
        Some("uuid") => uuid(value),
        Some("date-time") => time(value),
        _ => {
            let Value::String(text) = &value else {
                return Err(Wrong::new("string_type", "Input should be a valid string"));
            };
            let length = text.chars().count() as u64;
            let characters = |count: u64| if count == 1 { "character" } else { "characters" };
            if let Some(least) = schema["minLength"].as_u64().filter(|least| length < *least) {
                let message = format!("String should have at least {least} {}", characters(least));
                return Err(Wrong::new("string_too_short", message).with(json!({"min_length": least})));
            }
            if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
                let message = format!("String should have at most {most} {}", characters(most));
                return Err(Wrong::new("string_too_long", message).with(json!({"max_length": most})));
            }
            Ok(value)
        }
    }
}

fn uuid(value: Value) -> Result<Value, Wrong> {
    let Value::String(text) = &value else {
        return Err(Wrong::new("uuid_type", "UUID input should be a string, bytes or UUID object"));
    };
    match Uuid::parse_str(text) {
        Ok(_) => Ok(value),
        Err(error) => {
            let message = format!("Input should be a valid UUID, {error}");
            Err(Wrong::new("uuid_parsing", message).with(json!({"error": error.to_string()})))
        }
    }
}

fn time(value: Value) -> Result<Value, Wrong> {
    match &value {
        Value::String(text) if Moment::parse(text).is_some() => Ok(value),
        Value::String(text) => {
            let message = format!("Value error, Unable to parse string [{text}]");
            Err(Wrong::new("value_error", message).with(json!({"error": {}})))
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            let seconds = if number.abs() > SECONDS { number / 1000.0 } else { number };
            #[expect(clippy::cast_possible_truncation, reason = "what is beyond is refused below")]
            let time = DateTime::from_timestamp_micros((seconds * 1e6) as i64);
            let time = time.filter(|_| seconds.is_finite() && seconds.abs() < 2.5e11);
            time.map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true).into())
                .ok_or_else(|| Wrong::new("value_error", "value is not a valid datetime"))
        }
        _ => Err(Wrong::new("value_error", "value is not a valid datetime")),
    }
}

/// Reads a whole number.
pub(super) fn integer(value: Value, schema: &Value) -> Result<Value, Wrong> {
    let number = match &value {
        Value::Bool(flag) => json!(u8::from(*flag)),
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            #[expect(clippy::cast_possible_truncation, reason = "whole, and below what it can hold")]
            let whole = number as i64;
            if number.fract() != 0.0 || number.abs() > 9e15 {
                let message = "Input should be a valid integer, got a number with a fractional part";
                return Err(Wrong::new("int_from_float", message));
            }
            json!(whole)
        }
        Value::Number(_) => value,
        Value::String(text) => match text.trim().parse::<i64>() {
            Ok(number) => json!(number),
            Err(_) => {
                let message = "Input should be a valid integer, unable to parse string as an integer";
                return Err(Wrong::new("int_parsing", message));
            }
        },
        _ => return Err(Wrong::new("int_type", "Input should be a valid integer")),
    };
    within(number, schema)
}

/// Reads a number.
pub(super) fn number(value: Value, schema: &Value) -> Result<Value, Wrong> {
    let number = match &value {
        Value::Bool(flag) => json!(f64::from(u8::from(*flag))),
        Value::Number(_) => value,
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => json!(number),
            _ => {
                let message = "Input should be a valid number, unable to parse string as a number";
                return Err(Wrong::new("float_parsing", message));
            }
        },
        _ => return Err(Wrong::new("float_type", "Input should be a valid number")),
    };
    within(number, schema)
}

/// Refuses a number beyond the bounds.
fn within(value: Value, schema: &Value) -> Result<Value, Wrong> {
    let number = value.as_f64().unwrap_or(f64::NAN);
    let bound = |key: &str| schema[key].as_f64();
    let whole = |bound: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and below what it can hold")]
        if bound.fract() == 0.0 && bound.abs() < 9e15 { json!(bound as i64) } else { json!(bound) }
    };
    let wrong = |kind, how: &str, short: &str, bound: f64| {
        let bound = whole(bound);
        let message = format!("Input should be {how} {bound}");
        Err(Wrong::new(kind, message).with(json!({short: bound})))
    };
    if let Some(least) = bound("exclusiveMinimum").filter(|least| number <= *least) {
        return wrong("greater_than", "greater than", "gt", least);
    }
    if let Some(least) = bound("minimum").filter(|least| number < *least) {
        return wrong("greater_than_equal", "greater than or equal to", "ge", least);
    }
    if let Some(most) = bound("maximum").filter(|most| number > *most) {
        return wrong("less_than_equal", "less than or equal to", "le", most);
    }
    if let Some(most) = bound("exclusiveMaximum").filter(|most| number >= *most) {
        return wrong("less_than", "less than", "lt", most);
    }
    Ok(value)
}

/// Reads a truth value.
pub(super) fn flag(value: &Value) -> Result<Value, Wrong> {
    let uninterpretable = || Wrong::new("bool_parsing", "Input should be a valid boolean, unable to interpret input");
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::String(text) => match text.to_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true.into()),
            "false" | "f" | "no" | "n" | "off" | "0" => Ok(false.into()),
            _ => Err(uninterpretable()),
        },
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => Ok(true.into()),
            Some(0.0) => Ok(false.into()),
            _ => Err(uninterpretable()),
        },
        _ => Err(Wrong::new("bool_type", "Input should be a valid boolean")),
    }
}

/// Reads one of several texts, which have a name together or stand where they are used.
pub(super) fn one_of(value: Value, expected: &[&Value], is_named: bool) -> Result<Value, Wrong> {
    if expected.contains(&&value) {
        return Ok(value);
    }
    let quoted: Vec<String> =
        expected.iter().map(|value| value.as_str().map_or(value.to_string(), |text| format!("'{text}'"))).collect();
    let listed = match &*quoted {
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
        [] => String::new(),
    };
    let kind = if is_named { "enum" } else { "literal_error" };
    Err(Wrong::new(kind, format!("Input should be {listed}")).with(json!({"expected": listed})))
}
