//! Text as JSON.

use serde_json::{Value, json};

use crate::error::ApiError;

/// How deep arrays and objects may be in each other. Python's readers give up not far beyond.
const DEPTH: usize = 128;

/// Reads a body as JSON.
pub(crate) fn parse(text: &[u8]) -> Result<Value, ApiError> {
    if is_too_deep(text) {
        return Err(invalid(text, 0, &format!("It is nested in more than {DEPTH} levels")));
    }
    serde_json::from_slice(text).map_err(|error| {
        let position = position(text, error.line(), error.column());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        invalid(text, position, &message)
    })
}

/// Tells whether arrays and objects are nested too deeply. Whatever is kept as it came is not read, and would not tell.
pub(crate) fn is_too_deep(text: &[u8]) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in text {
        match (quoted, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            (false, b'[' | b'{') => {
                depth += 1;
                if depth > DEPTH {
                    return true;
                }
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

fn invalid(text: &[u8], position: usize, message: &str) -> ApiError {
    let detail = vec![json!({
        "type": "json_invalid",
        "loc": ["body", position],
        "msg": "JSON decode error",
        "input": {},
        "ctx": {"error": message},
    })];
    ApiError::Invalid { detail, body: String::from_utf8_lossy(text).into_owned().into() }
}

/// Counts the bytes before a place that is told by line and column, both from 1.
fn position(text: &[u8], line: usize, column: usize) -> usize {
    let lines = text.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1));
    lines.map(<[u8]>::len).sum::<usize>() + column.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_strings() {
        let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
        assert!(!is_too_deep(&nested(DEPTH)));
        assert!(is_too_deep(&nested(DEPTH + 1)));
        assert!(!is_too_deep(&[&b"\"\\\""[..], &b"[".repeat(500), b"\""].concat()));
        assert!(!is_too_deep(&b"[],".repeat(500)));
    }

    #[test]
    fn the_place_of_a_mistake_is_found() {
        for (text, expected) in [("{bad", 1), ("{\n \"a\": }", 8), ("", 0)] {
            let Err(ApiError::Invalid { detail, .. }) = parse(text.as_bytes()) else { panic!("{text} is read") };
            assert_eq!(detail[0]["loc"], json!(["body", expected]), "{text}");
        }
    }
}
