//! What servers and workers log, written to standard error: lines for people, or an object a line.

use std::fmt;
use std::io::{self, Write as _};

use flowcore::clock::{Clock, SystemClock};
use flowcore::model::LogLevel;
use flowcore::settings::LogFormat;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::time::rfc3339;

/// Begins to write log lines that are at least so grave. Of what libraries say only warnings are written.
pub(crate) fn begin(level: LogLevel, format: LogFormat) {
    let level = match level.number() {
        ..10 => Level::TRACE,
        10..20 => Level::DEBUG,
        20..30 => Level::INFO,
        30..40 => Level::WARN,
        _ => Level::ERROR,
    };
    // Nothing else in this program brings a subscriber.
    drop(tracing::subscriber::set_global_default(LogLines { level, format }));
}

struct LogLines {
    level: Level,
    format: LogFormat,
}

impl Subscriber for LogLines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let most = if metadata.target().starts_with("flowcore") { self.level } else { self.level.min(Level::WARN) };
        metadata.is_event() && *metadata.level() <= most
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = self.line(event.metadata(), fields);
        // Where nobody reads, nothing is to be said.
        drop(writeln!(io::stderr().lock(), "{line}"));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl LogLines {
    fn line(&self, metadata: &Metadata<'_>, fields: Fields) -> String {
        let time = rfc3339(SystemClock.now());
        let Fields { message, others } = fields;
        match self.format {
            LogFormat::Json => {
                let mut line = Map::new();
                line.insert("timestamp".into(), time.into());
                line.insert("level".into(), metadata.level().as_str().into());
                line.insert("target".into(), metadata.target().into());
                line.insert("message".into(), message.into());
                line.extend(others);
                Value::Object(line).to_string()
            }
            LogFormat::Text => {
                let mut line = format!("{time} {:5} {message}", metadata.level().as_str());
                for (name, value) in others {
                    line.push_str(&match value {
                        Value::String(text) => format!(" {name}={text}"),
                        value => format!(" {name}={value}"),
                    });
                }
                line
            }
        }
    }
}

/// What an event says: its message, and its other fields.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn keep(&mut self, field: &Field, value: impl Into<Value>) {
        match (field.name(), value.into()) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => drop(self.others.insert(name.to_owned(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.keep(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value);
    }
}
