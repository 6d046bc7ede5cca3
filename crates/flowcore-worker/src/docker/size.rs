//! Amounts of memory, as Docker's users write them.

use serde_json::Value;

/// Reads an amount in bytes: a number, or a text such as `512m`. A limit of swap may be -1, which is none.
pub(super) fn bytes(name: &str, value: &Value) -> Result<Option<i64>, String> {
    let wrong =
        || format!("`{name}` is {value}, which is no amount of memory: write a number of bytes, or such as 512m or 2g");
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => number.as_i64().map(Some).ok_or_else(wrong),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => {
            let text = text.trim().to_ascii_lowercase();
            let text = text.strip_suffix('b').unwrap_or(&text);
            let (digits, shift) = match text.char_indices().next_back() {
                Some((at, 'k')) => (&text[..at], 10),
                Some((at, 'm')) => (&text[..at], 20),
                Some((at, 'g')) => (&text[..at], 30),
                Some((at, 't')) => (&text[..at], 40),
                _ => (text, 0),
            };
            let number: i64 = digits.parse().map_err(|_| wrong())?;
            number.checked_mul(1 << shift).map(Some).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_have_units() {
        for (value, expected) in [
            (json!("512m"), Some(512 << 20)),
            (json!("2g"), Some(2 << 30)),
            (json!("2GB"), Some(2 << 30)),
            (json!("100000b"), Some(100_000)),
            (json!(1024), Some(1024)),
            (json!("-1"), Some(-1)),
            (json!(""), None),
            (json!(null), None),
        ] {
            assert_eq!(bytes("mem_limit", &value), Ok(expected), "{value}");
        }
        for wrong in [json!("much"), json!("1.5g"), json!("9999999999t"), json!([])] {
            assert!(bytes("mem_limit", &wrong).is_err_and(|why| why.contains("mem_limit")), "{wrong}");
        }
    }
}
