//! Rules as texts.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::rule::{Frequency, Rule};

/// A time as it stands in a text, and whether a zone is named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) digits: NaiveDateTime,
    pub(super) zoned: bool,
}

impl Stamp {
    /// Reads a date or time in the forms of iCalendar and of ISO 8601.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (digits, zoned) = match text.strip_suffix('Z') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        let time = |form| NaiveDateTime::parse_from_str(digits, form);
        let date = |form| NaiveDate::parse_from_str(digits, form).map(|date| date.and_time(NaiveTime::MIN));
        time("%Y%m%dT%H%M%S")
            .or_else(|_| time("%Y%m%dT%H%M"))
            .or_else(|_| time("%Y-%m-%dT%H:%M:%S"))
            .or_else(|_| date("%Y%m%d"))
            .or_else(|_| date("%Y-%m-%d"))
            .map(|digits| Stamp { digits, zoned })
            .map_err(|_| format!("`{text}` is no time: write it as 20260528T120000"))
    }
}

const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Reads a rule without its name, such as `FREQ=DAILY;BYHOUR=9`, in capitals.
pub(super) fn rule(text: &str, start: Option<Stamp>, default_start: NaiveDateTime) -> Result<Rule, String> {
    let pairs: Vec<(&str, &str)> = text
        .split(';')
        .map(|pair| pair.split_once('=').ok_or_else(|| format!("`{pair}` has no value: write NAME=VALUE")))
        .collect::<Result<_, _>>()?;
    let frequency = pairs.iter().rev().find(|(name, _)| *name == "FREQ").ok_or("a rule needs its FREQ")?;
    let frequency = frequency_of(frequency.1).ok_or_else(|| wrong(frequency))?;
    let mut rule = Rule::new(frequency, start.map_or(default_start, |start| start.digits));
    for pair in &pairs {
        set(&mut rule, pair, start)?;
    }
    if frequency == Frequency::Hourly && !reachable(&rule.hours, rule.start.hour(), 24, rule.interval)
        || frequency == Frequency::Minutely && !reachable(&rule.minutes, rule.start.minute(), 60, rule.interval)
        || frequency == Frequency::Secondly && !reachable(&rule.seconds, rule.start.second(), 60, rule.interval)
    {
        return Err("Invalid rrule byxxx generates an empty set.".to_owned());
    }
    rule.complete();
    Ok(rule)
}

fn wrong((name, value): &(&str, &str)) -> String {
    format!("invalid '{name}': {value}")
}

fn frequency_of(text: &str) -> Option<Frequency> {
    Some(match text {
        "YEARLY" => Frequency::Yearly,
        "MONTHLY" => Frequency::Monthly,
        "WEEKLY" => Frequency::Weekly,
        "DAILY" => Frequency::Daily,
        "HOURLY" => Frequency::Hourly,
        "MINUTELY" => Frequency::Minutely,
        "SECONDLY" => Frequency::Secondly,
        _ => return None,
    })
}

fn set(rule: &mut Rule, pair: &(&str, &str), start: Option<Stamp>) -> Result<(), String> {
    let (name, value) = *pair;
    let refuse = || wrong(pair);
    match name {
        "FREQ" => {}
        "INTERVAL" => rule.interval = value.parse().ok().filter(|interval| *interval > 0).ok_or_else(refuse)?,
        "COUNT" => rule.count = Some(value.parse().map_err(|_| refuse())?),
        "UNTIL" => {
            let until = Stamp::parse(value).map_err(|_| refuse())?;
            if start.is_some_and(|start| start.zoned != until.zoned) {
                return Err("RRULE UNTIL values must be specified in UTC when DTSTART is timezone-aware".to_owned());
            }
            rule.until = Some(until.digits);
        }
        "WKST" => rule.week_start = weekday(value).ok_or_else(refuse)?,
        "BYSETPOS" => {
            rule.positions = numbers(value).ok_or_else(refuse)?;
            if rule.positions.iter().any(|position| *position == 0 || position.abs() > 366) {
                return Err("bysetpos must be between 1 and 366, or between -366 and -1".to_owned());
            }
        }
        "BYMONTH" => rule.months = numbers(value).ok_or_else(refuse)?,
        "BYMONTHDAY" => rule.month_days = numbers(value).ok_or_else(refuse)?,
        "BYYEARDAY" => rule.year_days = numbers(value).ok_or_else(refuse)?,
        "BYEASTER" => rule.easter_days = numbers(value).ok_or_else(refuse)?,
        "BYWEEKNO" => rule.weeks = numbers(value).ok_or_else(refuse)?,
        "BYHOUR" => rule.hours = below(value, 24).ok_or_else(refuse)?,
        "BYMINUTE" => rule.minutes = below(value, 60).ok_or_else(refuse)?,
        "BYSECOND" => rule.seconds = below(value, 60).ok_or_else(refuse)?,
        "BYDAY" | "BYWEEKDAY" => {
            for day in value.split(',') {
                match place(day).ok_or_else(refuse)? {
                    (weekday, None) => rule.weekdays.push(weekday),
                    (weekday, Some(nth)) => rule.nth_weekdays.push((weekday, nth)),
                }
            }
        }
        _ => return Err(format!("unknown parameter '{name}'")),
    }
    Ok(())
}

fn numbers(text: &str) -> Option<Vec<i32>> {
    text.split(',').map(|number| number.trim().parse().ok()).collect()
}

fn below(text: &str, end: u32) -> Option<Vec<u32>> {
    text.split(',').map(|number| number.trim().parse().ok().filter(|number| *number < end)).collect()
}

fn weekday(text: &str) -> Option<u32> {
    WEEKDAYS.iter().position(|known| *known == text).and_then(|at| u32::try_from(at).ok())
}

/// Reads `MO`, `+1MO` and `MO(+1)`.
fn place(text: &str) -> Option<(u32, Option<i32>)> {
    if let Some((day, nth)) = text.split_once('(') {
        let nth: i32 = nth.strip_suffix(')')?.parse().ok()?;
        return Some((weekday(day)?, Some(nth).filter(|nth| *nth != 0)));
    }
    let at = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (nth, day) = text.split_at(at);
    let nth: Option<i32> = if nth.is_empty() { None } else { Some(nth.parse().ok()?) };
    // The place 0 is none.
    Some((weekday(day)?, nth.filter(|nth| *nth != 0)))
}

/// Tells whether steps of an interval from a start ever come to one of the values.
fn reachable(values: &[u32], start: u32, round: u32, interval: u32) -> bool {
    let (mut common, mut rest) = (interval, round);
    while rest > 0 {
        (common, rest) = (rest, common % rest);
    }
    values.is_empty() || values.iter().any(|value| value.abs_diff(start) % common == 0)
}
