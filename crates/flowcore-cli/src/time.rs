//! Times and durations as people read and write them.

use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use flowcore::model::{RunTimes, State, StateType, Timestamp};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Writes a time as programs read it, to the millisecond.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Writes how long ago a time was, or how far away it is: `2 minutes ago`, `in 3 days`.
pub(crate) fn relative(now: Timestamp, time: Timestamp) -> String {
    let seconds = (now - time).num_seconds();
    let (count, unit) = match seconds.abs() {
        0 => return "now".to_owned(),
        s @ 1..MINUTE => (s, "second"),
        s @ MINUTE..HOUR => (s / MINUTE, "minute"),
        s @ HOUR..DAY => (s / HOUR, "hour"),
        s if s < 60 * DAY => (s / DAY, "day"),
        s if s < 730 * DAY => (s / (30 * DAY), "month"),
        s => (s / (365 * DAY), "year"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if seconds > 0 { format!("{count} {unit}{plural} ago") } else { format!("in {count} {unit}{plural}") }
}

/// Writes a duration in microseconds, short: `850ms`, `1.2s`, `3m 4s`, `2h 5m`, `3d 4h`.
pub(crate) fn duration(micros: i64) -> String {
    let micros = micros.max(0);
    let seconds = micros / 1_000_000;
    match seconds {
        0 if micros < 1000 => format!("{micros}us"),
        0 => format!("{}ms", micros / 1000),
        1..MINUTE => format!("{seconds}.{}s", micros / 100_000 % 10),
        MINUTE..HOUR => format!("{}m {}s", seconds / MINUTE, seconds % MINUTE),
        HOUR..DAY => format!("{}h {}m", seconds / HOUR, seconds % HOUR / MINUTE),
        _ => format!("{}d {}h", seconds / DAY, seconds % DAY / HOUR),
    }
}

/// Writes how long a run has run, over all attempts, with the present one as far as it has come.
pub(crate) fn run_time(times: &RunTimes, state: &State, now: Timestamp) -> String {
    let current = match state.kind {
        StateType::Running => (now - state.timestamp).num_microseconds().unwrap_or_default().max(0),
        _ => 0,
    };
    let total = times.total_run_time.saturating_add(current);
    if times.run_count == 0 { "-".to_owned() } else { duration(total) }
}

/// A time on the command line: exact, or as far back as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    At(Timestamp),
    Ago(TimeDelta),
}

impl When {
    /// Gives the time that is meant.
    pub(crate) fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            When::At(time) => time,
            When::Ago(delta) => now.checked_sub_signed(delta).unwrap_or(Timestamp::MIN_UTC),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(When::At(time.with_timezone(&Utc)));
        }
        ago(text).map(When::Ago).ok_or_else(|| {
            format!("`{text}` is not a time: write it like 2026-05-01T12:00:00Z, or like 30m, 2h or 3d for so long ago")
        })
    }
}

/// A span of time on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) TimeDelta);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a span of time: write it like 90, 90s, 15m, 2h, 1d or `10 minutes`");
        if let Ok(seconds) = text.parse::<u32>() {
            return Ok(Span(TimeDelta::seconds(i64::from(seconds))));
        }
        // Of a unit that is written out its first letter tells.
        let mut short = String::new();
        for word in text.split_whitespace() {
            match word.strip_suffix('s').unwrap_or(word) {
                unit @ ("second" | "minute" | "hour" | "day" | "week") => short.extend(unit.chars().next()),
                _ => short.push_str(word),
            }
        }
        ago(&short).map(Span).ok_or_else(wrong)
    }
}

/// Reads numbers with units: `90s`, `2h`, `1d12h`.
fn ago(text: &str) -> Option<TimeDelta> {
    let mut seconds: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).filter(|digits| *digits > 0)?;
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        let mut letters = rest.get(digits..)?.chars();
        let unit = match letters.next()? {
            's' => 1,
            'm' => MINUTE,
            'h' => HOUR,
            'd' => DAY,
            'w' => 7 * DAY,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = letters.as_str();
    }
    TimeDelta::try_seconds(seconds).filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn durations_are_short() {
        for (micros, expected) in [
            (-5, "0us"),
            (999, "999us"),
            (850_000, "850ms"),
            (1_250_000, "1.2s"),
            (59_999_999, "59.9s"),
            (184_000_000, "3m 4s"),
            (7_500_000_000, "2h 5m"),
            (273_600_000_000, "3d 4h"),
        ] {
            assert_eq!(duration(micros), expected);
        }
    }

    #[test]
    fn relative_times_round_down() {
        let now = Timestamp::UNIX_EPOCH + TimeDelta::days(10_000);
        for (seconds, expected) in [
            (0, "now"),
            (1, "1 second ago"),
            (119, "1 minute ago"),
            (120, "2 minutes ago"),
            (7199, "1 hour ago"),
            (86_400 * 3, "3 days ago"),
            (86_400 * 65, "2 months ago"),
            (86_400 * 800, "2 years ago"),
            (-90, "in 1 minute"),
        ] {
            assert_eq!(relative(now, now - TimeDelta::seconds(seconds)), expected);
        }
    }

    #[test]
    fn times_are_exact_or_ago() {
        let now = Timestamp::UNIX_EPOCH + TimeDelta::days(100);
        let resolved = |text: &str| text.parse::<When>().map(|when| when.resolve(now));
        for (text, ago) in [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d12h", 129_600), ("2w", 1_209_600)] {
            assert_eq!(resolved(text), Ok(now - TimeDelta::seconds(ago)), "{text}");
        }
        assert_eq!(resolved("1970-01-01T02:00:00+02:00").unwrap(), Timestamp::UNIX_EPOCH);
        for text in ["", "2", "h", "2x", "-2h", "2h3", "yesterday", "99999999999999999999d", "9999999999999w"] {
            assert!(resolved(text).unwrap_err().contains("is not a time"), "{text}");
        }
    }

    #[test]
    fn spans_may_be_written_out() {
        for (text, seconds) in [
            ("90", 90),
            ("90s", 90),
            ("1h30m", 5400),
            ("10 minutes", 600),
            ("1 day 2 hours", 93_600),
            ("1 week", 604_800),
        ] {
            assert_eq!(text.parse(), Ok(Span(TimeDelta::seconds(seconds))), "{text}");
        }
        for text in ["", "soon", "-5", "5 moons", "minutes"] {
            assert!(text.parse::<Span>().unwrap_err().contains("is not a span of time"), "{text}");
        }
    }

    #[test]
    fn a_running_run_counts_until_now() {
        let start = Timestamp::UNIX_EPOCH;
        let now = start + TimeDelta::seconds(64);
        let state = |kind| State::new(kind, flowcore::model::StateId(uuid::Uuid::nil()), start);
        let times = RunTimes { run_count: 2, total_run_time: 1_000_000, ..RunTimes::new(start) };
        assert_eq!(run_time(&times, &state(StateType::Running), now), "1m 5s");
        assert_eq!(run_time(&times, &state(StateType::Failed), now), "1.0s");
        assert_eq!(run_time(&RunTimes::new(start), &state(StateType::Pending), now), "-");
    }
}
