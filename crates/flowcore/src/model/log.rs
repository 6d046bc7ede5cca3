//! Log lines that runs leave.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{FlowRunId, LogId, TaskRunId, Timestamp};

/// A level, with Prefect's numbers (those of Python's logging) as its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// A number of another program's: Python has 50 for what is critical, and whatever a user adds.
    Other(i32),
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
            LogLevel::Other(number) => number,
        }
    }

    /// Finds the level of a number.
    pub fn from_number(number: i32) -> Self {
        match number {
            5 => LogLevel::Trace,
            10 => LogLevel::Debug,
            20 => LogLevel::Info,
            30 => LogLevel::Warning,
            40 => LogLevel::Error,
            other => LogLevel::Other(other),
        }
    }

    /// Returns the level's name in capitals, as log lines show it; of a number without one, that of the next level below.
    pub fn as_str(self) -> &'static str {
        match self.number() {
            ..10 => "TRACE",
            10..20 => "DEBUG",
            20..30 => "INFO",
            30..40 => "WARNING",
            40..50 => "ERROR",
            50.. => "CRITICAL",
        }
    }
}

impl PartialOrd for LogLevel {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Graver is greater.
impl Ord for LogLevel {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number().cmp(&other.number())
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
            "ERROR" => Ok(LogLevel::Error),
            "CRITICAL" => Ok(LogLevel::Other(50)),
            _ => Err(format!("`{text}` is not a level; use one of TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL")),
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
    fn a_number_is_kept_as_it_is() {
        for number in [0, 5, 10, 20, 25, 30, 40, 50, 99] {
            assert_eq!(LogLevel::from_number(number).number(), number);
        }
        assert!(LogLevel::Error < LogLevel::Other(50) && LogLevel::Other(25) < LogLevel::Warning);
        assert_eq!((LogLevel::Other(25).as_str(), LogLevel::Other(50).as_str()), ("INFO", "CRITICAL"));
    }

    #[test]
    fn fields_are_told_apart_in_texts() {
        let fields = json!({"code": 7, "name": "x", "path": "a b", "empty": "", "is": "a=b", "list": [1], "no": null});
        let Value::Object(fields) = fields else { return };
        let text = with_fields("it is said", &fields);
        assert_eq!(text, "it is said code=7 empty=\"\" is=\"a=b\" list=[1] name=x no=null path=\"a b\"");
        assert_eq!(with_fields("", &fields).split(' ').next(), Some("code=7"));
    }
}
