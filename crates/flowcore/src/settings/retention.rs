//! What a server is told of how long things are kept.

use std::time::Duration;

use super::known_services as known;
use super::layer::Found;
use super::parse;
use super::values::{Reader, Values};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The shortest time for which anything is kept: what happens now is not old.
const SHORTEST: Duration = Duration::from_secs(60 * 60);

/// What a server removes by itself, and when. By default only events, as Prefect does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionSettings {
    /// Whether old events are removed. Set by `events` in `FLOWCORE_SERVER_SERVICES_DB_VACUUM_ENABLED` or
    /// `PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED`; true by default.
    pub events: bool,
    /// Whether flow runs are removed that ended long ago, with all that belongs to them. Set by `flow_runs` in the same variables; false by
    /// default.
    pub flow_runs: bool,
    /// Whether old log lines are removed before their runs. Set by `logs` in the same variables; false by default.
    pub logs: bool,
    /// How often it is looked for what is old enough. Set by `FLOWCORE_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS` or
    /// `PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS`; an hour by default.
    pub period: Duration,
    /// How many rows are removed in a transaction, at most. Set by `FLOWCORE_SERVER_SERVICES_DB_VACUUM_BATCH_SIZE` or
    /// `PREFECT_SERVER_SERVICES_DB_VACUUM_BATCH_SIZE`; 200 by default.
    pub batch: u32,
    /// How long a flow run is kept behind its end. Set by `FLOWCORE_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD` or
    /// `PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD`; 90 days by default.
    pub keep_flow_runs: Duration,
    /// How long a log line is kept. Set by `FLOWCORE_SERVER_SERVICES_DB_VACUUM_LOG_RETENTION_PERIOD`; 90 days by default.
    pub keep_logs: Duration,
    /// How long an event is kept. Set by `FLOWCORE_SERVER_EVENTS_RETENTION_PERIOD` or `PREFECT_SERVER_EVENTS_RETENTION_PERIOD`; 7 days by
    /// default.
    pub keep_events: Duration,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        RetentionSettings {
            events: true,
            flow_runs: false,
            logs: false,
            period: Duration::from_secs(60 * 60),
            batch: 200,
            keep_flow_runs: 90 * DAY,
            keep_logs: 90 * DAY,
            keep_events: 7 * DAY,
        }
    }
}

/// What is removed: events, flow runs, log lines.
type Kinds = (bool, bool, bool);

impl RetentionSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let default = RetentionSettings::default();
        let (events, flow_runs, logs) = reader.read(&known::VACUUM, kinds).unwrap_or((true, false, false));
        let period = reader.read(&known::VACUUM_PERIOD, |found| duration(&found.text).filter(|it| !it.is_zero()));
        let batch = reader.read(&known::VACUUM_BATCH, |found| u32::try_from(parse::count(found)?).ok());
        let mut keep = |known| reader.read(known, |found| duration(&found.text).filter(|it| *it >= SHORTEST));
        RetentionSettings {
            events,
            flow_runs,
            logs,
            period: period.unwrap_or(default.period),
            batch: batch.unwrap_or(default.batch),
            keep_flow_runs: keep(&known::KEEP_FLOW_RUNS).unwrap_or(default.keep_flow_runs),
            keep_logs: keep(&known::KEEP_LOGS).unwrap_or(default.keep_logs),
            keep_events: keep(&known::KEEP_EVENTS).unwrap_or(default.keep_events),
        }
    }

    /// Lists the values as they are.
    pub(super) fn values(&self) -> Values {
        let kinds = [(self.events, "events"), (self.flow_runs, "flow_runs"), (self.logs, "logs")];
        let kinds: Vec<&str> = kinds.into_iter().filter_map(|(wanted, name)| wanted.then_some(name)).collect();
        let kinds = if kinds.is_empty() { "none".to_owned() } else { kinds.join(",") };
        let seconds = |time: Duration| Some(time.as_secs_f64().to_string());
        let days = |time: Duration| match (time.as_secs(), time.subsec_nanos()) {
            (whole, 0) if whole % DAY.as_secs() == 0 => Some(format!("{}d", whole / DAY.as_secs())),
            _ => seconds(time),
        };
        vec![
            (&known::VACUUM, Some(kinds)),
            (&known::VACUUM_PERIOD, seconds(self.period)),
            (&known::VACUUM_BATCH, Some(self.batch.to_string())),
            (&known::KEEP_FLOW_RUNS, days(self.keep_flow_runs)),
            (&known::KEEP_LOGS, days(self.keep_logs)),
            (&known::KEEP_EVENTS, days(self.keep_events)),
        ]
    }
}

/// Reads what is to be removed. Prefect's `false` means events all the same; `orphans`, which it knows as well, are never left here.
fn kinds(found: &Found) -> Option<Kinds> {
    match (found.text.trim().to_ascii_lowercase().as_str(), parse::flag(found)) {
        ("none" | "null" | "", _) => Some((false, false, false)),
        (_, Some(all)) => Some((true, all, all)),
        (text, None) => {
            let mut kinds = (false, false, false);
            for name in text.split([',', '[', ']', '"', ' ']).filter(|name| !name.is_empty()) {
                match name {
                    "events" => kinds.0 = true,
                    "flow_runs" => kinds.1 = true,
                    "logs" => kinds.2 = true,
                    "orphans" => {}
                    _ => return None,
                }
            }
            Some(kinds)
        }
    }
}

/// Reads a span of time: seconds, a number with a unit, or days and hours as ISO 8601 writes them (`P7D`, `PT12H`).
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim().to_ascii_lowercase();
    let (number, unit) = match text.strip_prefix("pt").or(text.strip_prefix('p')) {
        Some(rest) => rest.split_at(rest.len().checked_sub(1)?),
        None => text.split_at(text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).len()),
    };
    let unit = match unit.trim() {
        "" | "s" => 1.0,
        "m" if !text.starts_with('p') || text.starts_with("pt") => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.trim().parse::<f64>().ok()? * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_read_in_several_forms() {
        let seconds = |text| duration(text).map(|time| time.as_secs());
        let day = 86_400;
        for (text, read) in
            [("3600", 3600), ("60.5", 60), ("90d", 90 * day), ("12h", 12 * 3600), ("P7D", 7 * day), ("PT30M", 1800)]
        {
            assert_eq!(seconds(text), Some(read), "{text}");
        }
        for text in ["", "soon", "-5", "P1M", "P", "1e400", "7w"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
