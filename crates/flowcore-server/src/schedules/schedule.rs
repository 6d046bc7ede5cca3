//! The three kinds of schedules as clients send them.

use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use flowcore::model::Timestamp;
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Zone;
use super::cron::Expression;
use super::interval::Interval;
use super::rrule::Rules;
use super::zone::Skipped;

/// When runs are due.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Schedule {
    /// Every so often.
    Interval(IntervalSchedule),
    /// By a cron expression.
    Cron(CronSchedule),
    /// By a recurrence rule.
    RRule(RRuleSchedule),
}

/// Every so often since an anchor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntervalSchedule {
    /// In seconds; also read as a duration of ISO 8601.
    #[serde(deserialize_with = "seconds")]
    interval: f64,
    /// A time from which intervals are counted; the present if absent.
    #[serde(default)]
    anchor_date: Option<Moment>,
    #[serde(default)]
    timezone: Option<String>,
}

/// By a cron expression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CronSchedule {
    cron: String,
    #[serde(default)]
    timezone: Option<String>,
    /// Whether a day has to fit by its place in the month or in the week; else by both.
    #[serde(default = "yes")]
    day_or: bool,
}

/// By a recurrence rule of iCalendar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RRuleSchedule {
    rrule: String,
    #[serde(default = "utc")]
    timezone: Option<String>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn utc() -> Option<String> {
    Some("UTC".to_owned())
}

/// Reads a duration: a number of seconds, or a text of ISO 8601 such as `PT1H30M` or `P1DT12H`.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let read = match &value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok().or_else(|| iso_seconds(text)),
        _ => None,
    };
    read.ok_or_else(|| {
        D::Error::custom("Input should be a valid timedelta: write seconds, or a duration such as PT1H30M")
    })
}

fn iso_seconds(text: &str) -> Option<f64> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text.strip_prefix('P')?, None),
    };
    let mut total = 0.0;
    let mut parts = 0;
    for (mut rest, units) in [(date, &[('W', 604_800.0), ('D', 86_400.0)][..])]
        .into_iter()
        .chain(time.map(|time| (time, &[('H', 3600.0), ('M', 60.0), ('S', 1.0)][..])))
    {
        for (unit, seconds) in units {
            if let Some((number, behind)) = rest.split_once(*unit) {
                total += number.parse::<f64>().ok()? * seconds;
                rest = behind;
                parts += 1;
            }
        }
        if !rest.is_empty() {
            return None;
        }
    }
    (parts > 0).then_some(total)
}

/// How many times a schedule is asked for at most, which is also how often it may say one time twice.
const MOST_TIMES: usize = 1_000;

impl Schedule {
    /// Fills in what depends on the present: the anchor of an interval, and the start of a rule that names none.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        match self {
            Schedule::Interval(interval) => {
                interval.anchor_date.get_or_insert(Moment(now));
                interval.timezone.get_or_insert_with(|| "UTC".to_owned());
            }
            Schedule::Cron(_) => {}
            Schedule::RRule(rule) => {
                let local = zone(rule.timezone.as_deref()).local(now);
                if let Some(settled) = Rules::with_start(&rule.rrule, local) {
                    rule.rrule = settled;
                }
            }
        }
    }

    /// Tells whether a schedule as it was given is one that was settled before: what it does not say itself may be anything.
    pub(crate) fn is_settled_as(&self, settled: &Schedule) -> bool {
        match (self, settled) {
            (Schedule::Interval(given), Schedule::Interval(settled)) => {
                let zone = |schedule: &IntervalSchedule| schedule.timezone.clone().unwrap_or_else(|| "UTC".to_owned());
                let is_anchored_so = given.anchor_date.is_none() || given.anchor_date == settled.anchor_date;
                given.interval == settled.interval && is_anchored_so && zone(given) == zone(settled)
            }
            (Schedule::RRule(given), Schedule::RRule(settled)) => {
                let without_start = settled.rrule.strip_prefix("DTSTART:").and_then(|rest| rest.split_once('\n'));
                let is_so = given.rrule == settled.rrule || without_start.is_some_and(|(_, rule)| rule == given.rrule);
                is_so && given.timezone == settled.timezone
            }
            (given, settled) => given == settled,
        }
    }

    /// Names the kind as Prefect does.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Schedule::Interval(_) => "IntervalSchedule",
            Schedule::Cron(_) => "CronSchedule",
            Schedule::RRule(_) => "RRuleSchedule",
        }
    }

    /// Tells the times from `start` on, each once, at most a thousand.
    ///
    /// They are in order but where a change of the clocks makes later ones earlier.
    pub fn dates(&self, start: Timestamp) -> impl Iterator<Item = DateTime<Tz>> + use<> {
        let mut seen = std::collections::BTreeSet::new();
        self.times(start)
            .filter(move |time| *time >= start)
            .take(MOST_TIMES)
            .filter(move |time| seen.insert(time.timestamp_micros()))
    }

    /// Tells all times from `start` on, likewise, however many: only for whoever stops.
    pub(crate) fn all_dates(&self, start: Timestamp) -> impl Iterator<Item = DateTime<Tz>> + use<> {
        let mut seen = std::collections::BTreeSet::new();
        self.times(start).filter(move |time| *time >= start && seen.insert(time.timestamp_micros()))
    }

    fn times(&self, start: Timestamp) -> Box<dyn Iterator<Item = DateTime<Tz>> + Send> {
        match self {
            Schedule::Interval(schedule) => {
                let Some(every) = schedule.every() else { return Box::new(std::iter::empty()) };
                let anchor = schedule.anchor_date.map_or(start, |anchor| anchor.0);
                Box::new(Interval::new(every, anchor, zone(schedule.timezone.as_deref()), start))
            }
            Schedule::Cron(schedule) => {
                let Ok(expression) = Expression::parse(&schedule.cron, schedule.day_or) else {
                    return Box::new(std::iter::empty());
                };
                let zone = zone(schedule.timezone.as_deref());
                let times = expression.from(zone.local(start));
                Box::new(times.filter_map(move |local| zone.instant(local, Skipped::Later)))
            }
            Schedule::RRule(schedule) => {
                let Ok(rules) = Rules::parse(&schedule.rrule) else { return Box::new(std::iter::empty()) };
                let zone = zone(schedule.timezone.as_deref());
                let times = rules.from(zone.local(start));
                Box::new(times.filter_map(move |local| zone.instant(local, Skipped::Earlier)))
            }
        }
    }

    /// Says what is wrong with it.
    fn check(&self) -> Result<(), String> {
        let timezone = match self {
            Schedule::Interval(schedule) => {
                schedule.every().ok_or("interval must be positive")?;
                &schedule.timezone
            }
            Schedule::Cron(schedule) => {
                Expression::parse(&schedule.cron, schedule.day_or).map_err(|error| error.to_string())?;
                &schedule.timezone
            }
            Schedule::RRule(schedule) => {
                Rules::parse(&schedule.rrule).map_err(|error| error.to_string())?;
                &schedule.timezone
            }
        };
        match timezone {
            Some(name) if !name.is_empty() && Zone::named(name).is_none() => Err(format!(
                "Invalid timezone: \"{name}\" (specify in IANA tzdata format, for example, America/New_York)"
            )),
            _ => Ok(()),
        }
    }
}

impl IntervalSchedule {
    /// Gives the interval if it is a microsecond at least.
    fn every(&self) -> Option<TimeDelta> {
        #[expect(clippy::cast_possible_truncation, reason = "what is beyond is cut to what fits, and refused below")]
        let micros = (self.interval * 1e6).round() as i64;
        let every = TimeDelta::microseconds(micros);
        (micros > 0 && every.num_days() < 1_000_000).then_some(every)
    }
}

fn zone(name: Option<&str>) -> Zone {
    name.and_then(Zone::named).unwrap_or(Zone::UTC)
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        // Told apart by their first fields, so that what is wrong is said of the kind that was meant.
        let read = if value.get("cron").is_some() {
            serde_json::from_value(value).map(Schedule::Cron)
        } else if value.get("rrule").is_some() {
            serde_json::from_value(value).map(Schedule::RRule)
        } else {
            serde_json::from_value(value).map(Schedule::Interval)
        };
        let schedule = read.map_err(D::Error::custom)?;
        schedule.check().map_err(D::Error::custom)?;
        Ok(schedule)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn refusal(schedule: Value) -> String {
        serde_json::from_value::<Schedule>(schedule).unwrap_err().to_string()
    }

    #[test]
    fn each_kind_is_told_by_its_fields() {
        let kind = |value| serde_json::from_value::<Schedule>(value).unwrap().kind();
        assert_eq!(kind(json!({"interval": 60})), "IntervalSchedule");
        assert_eq!(kind(json!({"interval": "PT1H30M", "timezone": "Europe/Berlin"})), "IntervalSchedule");
        assert_eq!(kind(json!({"cron": "0 9 * * *", "timezone": null})), "CronSchedule");
        assert_eq!(kind(json!({"rrule": "FREQ=DAILY"})), "RRuleSchedule");
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(refusal(json!({"interval": 0})).contains("must be positive"));
        assert!(refusal(json!({"interval": "soon"})).contains("valid timedelta"));
        assert!(refusal(json!({"cron": "every day"})).contains("Invalid cron string: \"every day\""));
        assert!(refusal(json!({"cron": "* * * * *", "timezone": "Moon"})).contains("Invalid timezone: \"Moon\""));
        assert!(refusal(json!({"rrule": "FREQ=DAILYY"})).contains("Invalid RRule string \"FREQ=DAILYY\""));
        assert!(refusal(json!({"cron": "* * * * *", "color": 1})).contains("unknown field `color`"));
        assert!(refusal(json!({})).contains("missing field `interval`"));
    }

    #[test]
    fn durations_of_iso_8601_are_seconds() {
        for (text, seconds) in [("PT1H", 3600.0), ("P1DT12H", 129_600.0), ("PT0.5S", 0.5), ("P1W", 604_800.0)] {
            assert_eq!(iso_seconds(text), Some(seconds), "{text}");
        }
        for text in ["", "P", "PT", "1H", "P1H", "PT1D", "PTM"] {
            assert_eq!(iso_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_schedule_is_known_again_after_it_was_settled() {
        let now = Moment::parse("2026-05-28T12:00:30Z").unwrap().0;
        let read = |value: &serde_json::Value| serde_json::from_value::<Schedule>(value.clone()).unwrap();
        let given = [
            json!({"interval": 60}),
            json!({"interval": 60, "anchor_date": "2026-01-01T00:00:00Z"}),
            json!({"rrule": "FREQ=MINUTELY;INTERVAL=7"}),
            json!({"rrule": "FREQ=MINUTELY;INTERVAL=7", "timezone": "Europe/Berlin"}),
            json!({"cron": "* * * * *"}),
        ];
        for (place, one) in given.iter().enumerate() {
            let mut settled = read(one);
            settled.settle(now);
            for (other_place, other) in given.iter().enumerate() {
                // Nobody has said that the anchor of the second is not to be that of the first.
                let expected = place == other_place || (place, other_place) == (1, 0);
                assert_eq!(read(other).is_settled_as(&settled), expected, "{other} and {one}");
            }
        }
    }

    #[test]
    fn settling_fills_in_what_depends_on_the_present() {
        let now = Moment::parse("2026-05-28T12:00:30Z").unwrap().0;
        let settle = |value| {
            let mut schedule: Schedule = serde_json::from_value(value).unwrap();
            schedule.settle(now);
            serde_json::to_value(schedule).unwrap()
        };
        let interval = settle(json!({"interval": 60}));
        assert_eq!(interval, json!({"interval": 60.0, "anchor_date": "2026-05-28T12:00:30Z", "timezone": "UTC"}));
        let daily = settle(json!({"rrule": "FREQ=DAILY"}));
        assert_eq!(daily["rrule"], "DTSTART:20200101T000000\nFREQ=DAILY");
        // What is frequent begins near the present, in its own phase: nothing has to be counted from the year 2020.
        let minutely = settle(json!({"rrule": "FREQ=MINUTELY;INTERVAL=7", "timezone": "Europe/Berlin"}));
        assert_eq!(minutely["rrule"], "DTSTART:20260528T135500\nFREQ=MINUTELY;INTERVAL=7");
    }
}
