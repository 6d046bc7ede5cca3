//! Log lines that runs leave.

use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{FlowRunId, LogId, TaskRunId, Timestamp};

/// A level, with Prefect's numbers (those of Python's logging) as its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// 5: every step.
    Trace,
    /// 10: for finding faults.
    Debug,
    /// 20: what happens.
    Info,
    /// 30: unexpected, and dealt with.
    Warning,
    /// 40: something failed.
    Error,
}

impl LogLevel {
    /// Returns the number that stands for the level on the wire and in the store.
    pub fn number(self) -> i32 {
        match self {
            LogLevel::Trace => 5,
            LogLevel::Debug => 10,
            LogLevel::Info => 20,
            LogLevel::Warning => 30,
            LogLevel::Error => 40,
        }
    }

    /// Finds the level that a number belongs to: the highest that is not above it.
    pub fn from_number(number: i32) -> Self {
        match number {
            ..10 => LogLevel::Trace,
            10..20 => LogLevel::Debug,
            20..30 => LogLevel::Info,
            30..40 => LogLevel::Warning,
            40.. => LogLevel::Error,
        }
    }

    /// Returns the level's name in capitals, as log lines show it.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Trace => "TRACE",
            LogLevel::Debug => "DEBUG",
            LogLevel::Info => "INFO",
            LogLevel::Warning => "WARNING",
            LogLevel::Error => "ERROR",
        }
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "TRACE" => Ok(LogLevel::Trace),
            "DEBUG" => Ok(LogLevel::Debug),
            "INFO" => Ok(LogLevel::Info),
            "WARNING" | "WARN" => Ok(LogLevel::Warning),
            // Prefect has one level more; there is nothing graver than an error here.
            "ERROR" | "CRITICAL" => Ok(LogLevel::Error),
            _ => Err(format!("`{text}` is not a level; use one of TRACE, DEBUG, INFO, WARNING, ERROR")),
        }
    }
}

/// One line that was logged inside a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Names the line; also orders lines of one time.
    pub id: LogId,
    /// When it was logged.
    pub timestamp: Timestamp,
    /// How grave it is.
    pub level: LogLevel,
    /// Which part of the program logged it: the `tracing` target.
    pub logger: String,
    /// The text.
    pub message: String,
    /// What else was said, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
    /// The flow run it was logged in.
    pub flow_run_id: Option<FlowRunId>,
    /// The task run it was logged in.
    pub task_run_id: Option<TaskRunId>,
}

impl LogLine {
    /// Writes the text as people read it: the message, and the fields behind it as `name=value`.
    pub fn text(&self) -> String {
        with_fields(&self.message, &self.fields)
    }
}

/// Writes a message with fields behind it. Texts that would run into what follows are quoted.
pub(crate) fn with_fields(message: &str, fields: &Map<String, Value>) -> String {
    let mut text = message.to_owned();
    for (name, value) in fields {
        let space = if text.is_empty() { "" } else { " " };
        let is_plain = |value: &str| {
            !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '=')
        };
        // Writing to a text cannot fail.
        let _ = match value {
            Value::String(value) if is_plain(value) => write!(text, "{space}{name}={value}"),
            value => write!(text, "{space}{name}={value}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_told_apart_in_texts() {
        let fields = json!({"code": 7, "name": "x", "path": "a b", "empty": "", "is": "a=b", "list": [1], "no": null});
        let Value::Object(fields) = fields else { return };
        let text = with_fields("it is said", &fields);
        assert_eq!(text, "it is said code=7 empty=\"\" is=\"a=b\" list=[1] name=x no=null path=\"a b\"");
        assert_eq!(with_fields("", &fields).split(' ').next(), Some("code=7"));
    }
}
