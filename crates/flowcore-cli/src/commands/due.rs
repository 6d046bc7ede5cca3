//! When runs are due, on the command line: one schedule.

use chrono::{DateTime, Utc};
use clap::{ArgAction, ArgGroup, Args};
use serde_json::{Map, Value, json};

use crate::failure::Failure;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("due").args(["cron", "interval", "rrule"]))]
pub(super) struct DueArguments {
    /// By a cron expression, such as "0 6 * * mon-fri".
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<String>,
    /// Every so many seconds.
    #[arg(long, value_name = "SECONDS")]
    interval: Option<f64>,
    /// By a recurrence rule of iCalendar, or by JSON: {"rrule": "..", "timezone": ".."}.
    #[arg(long, value_name = "RULE")]
    rrule: Option<String>,
    // Clap takes what is required for given where it conflicts with what is given: so both are said.
    /// Count the interval from this time, such as 2026-12-24T18:00:00+01:00.
    #[arg(long, value_name = "TIME", requires = "interval", conflicts_with_all = ["cron", "rrule"])]
    anchor_date: Option<DateTime<Utc>>,
    /// Whether a day fits a cron expression by its place in the month or in the week; else it has to fit by both.
    #[arg(long, alias = "day_or", value_name = "BOOL", requires = "cron", conflicts_with_all = ["interval", "rrule"],
        action = ArgAction::Set)]
    day_or: Option<bool>,
    /// The zone in which local times are counted, such as Europe/Oslo.
    #[arg(long, value_name = "ZONE", requires = "due")]
    timezone: Option<String>,
}

impl DueArguments {
    /// Writes the schedule as the API has it, if one was given.
    pub(super) fn schedule(&self) -> Result<Option<Value>, Failure> {
        let mut schedule = Map::new();
        if let Some(cron) = &self.cron {
            schedule.insert("cron".to_owned(), json!(cron));
            schedule.extend(self.day_or.map(|day_or| ("day_or".to_owned(), json!(day_or))));
        } else if let Some(interval) = self.interval {
            schedule.insert("interval".to_owned(), json!(interval));
            schedule.extend(self.anchor_date.map(|anchor| ("anchor_date".to_owned(), json!(anchor))));
        } else if let Some(rule) = &self.rrule {
            schedule = recurrence(rule)?;
        } else {
            return Ok(None);
        }
        schedule.extend(self.timezone.as_ref().map(|zone| ("timezone".to_owned(), json!(zone))));
        Ok(Some(Value::Object(schedule)))
    }

    /// The same, where there must be one.
    pub(super) fn required(&self) -> Result<Value, Failure> {
        let missing = || Failure::Usage("say when runs are due: by --cron, --interval or --rrule".to_owned());
        self.schedule()?.ok_or_else(missing)
    }
}

fn recurrence(rule: &str) -> Result<Map<String, Value>, Failure> {
    if !rule.trim_start().starts_with('{') {
        return Ok(Map::from_iter([("rrule".to_owned(), json!(rule))]));
    }
    let wrong = |why: String| Failure::Usage(format!("--rrule looks like JSON and cannot be used: {why}"));
    let read: Map<String, Value> = serde_json::from_str(rule).map_err(|error| wrong(error.to_string()))?;
    if let Some(other) = read.keys().find(|key| !["rrule", "timezone"].contains(&key.as_str())) {
        return Err(wrong(format!("it may have `rrule` and `timezone`, not `{other}`")));
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        due: DueArguments,
    }

    fn read(words: &[&str]) -> Result<Option<Value>, String> {
        let line = Line::try_parse_from([&["x"], words].concat()).map_err(|error| error.to_string())?;
        line.due.schedule().map_err(|failure| failure.message().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_schedule_is_of_one_kind() {
        let cron = json!({"cron": "0 3 1 * mon", "day_or": false, "timezone": "Europe/Oslo"});
        let words = ["--cron", "0 3 1 * mon", "--day_or", "false", "--timezone", "Europe/Oslo"];
        assert_eq!(read(&words), Ok(Some(cron)));
        let interval = json!({"interval": 90.0, "anchor_date": "2026-12-24T17:00:00Z"});
        assert_eq!(read(&["--interval", "90", "--anchor-date", "2026-12-24T18:00:00+01:00"]), Ok(Some(interval)));
        let rule = json!({"rrule": "FREQ=DAILY", "timezone": "UTC"});
        assert_eq!(read(&["--rrule", r#"{"rrule": "FREQ=DAILY", "timezone": "UTC"}"#]), Ok(Some(rule.clone())));
        assert_eq!(read(&["--rrule", "FREQ=DAILY", "--timezone", "UTC"]), Ok(Some(rule)));
        assert_eq!(read(&[]), Ok(None));
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        for words in [
            &["--cron", "* * * * *", "--interval", "5"][..],
            &["--timezone", "UTC"],
            &["--cron", "* * * * *", "--anchor-date", "2026-12-24T18:00:00+01:00"],
            &["--interval", "5", "--day-or", "false"],
            &["--rrule", r#"{"rule": "FREQ=DAILY"}"#],
        ] {
            assert!(read(words).is_err(), "{words:?}");
        }
    }
}
