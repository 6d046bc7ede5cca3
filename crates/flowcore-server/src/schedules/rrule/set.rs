//! Rules, dates, and what is excepted from them.

use std::iter::Peekable;

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::rule::{Frequency, Rule};
use super::text::{self, Stamp};

/// All that a text says: rules and dates, without those that are excepted.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
    dates: Vec<NaiveDateTime>,
    except_rules: Vec<Rule>,
    except_dates: Vec<NaiveDateTime>,
}

/// Why a text is no rule.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid RRule string \"{text}\": {why}")]
pub(crate) struct RRuleError {
    text: String,
    why: String,
}

/// How long a text may be: about a year of single dates.
const MOST_BYTES: usize = 6_500;

/// From when on a rule counts that has no `DTSTART`.
const DEFAULT_START: NaiveDateTime = match NaiveDate::from_ymd_opt(2020, 1, 1) {
    Some(date) => date.and_time(NaiveTime::MIN),
    None => NaiveDateTime::MIN,
};

impl Rules {
    /// Reads a rule, or lines of `DTSTART`, `RRULE`, `RDATE`, `EXRULE` and `EXDATE`.
    ///
    /// # Errors
    ///
    /// Something in it cannot be read, or it is too long.
    pub(crate) fn parse(text: &str) -> Result<Self, RRuleError> {
        let refuse = |why| RRuleError { text: text.chars().take(200).collect(), why };
        if text.len() > MOST_BYTES {
            return Err(refuse(format!("Max length is {MOST_BYTES}, got {}", text.len())));
        }
        read(&text.to_uppercase()).map_err(refuse)
    }

    /// Lists the local times from about `near` on, in order: none that is later is left out.
    pub(crate) fn from(self, near: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> + Send {
        // Clocks may be a day apart from where they seem to be, and what is too early is left out by whoever asks.
        let near = near.checked_sub_days(Days::new(2)).unwrap_or(near);
        let mut times = Merged::new(self.rules, self.dates, near);
        let mut except = Merged::new(self.except_rules, self.except_dates, near);
        std::iter::from_fn(move || {
            loop {
                let time = times.next()?;
                while except.peek().is_some_and(|other| other < time) {
                    except.next();
                }
                if except.peek() != Some(time) {
                    return Some(time);
                }
            }
        })
    }

    /// Names the start in a text that does not, so that it does not depend on when it is read. `None` if it does already.
    ///
    /// A rule by minutes or seconds begins near the present, at a time that it has also if it is counted from its usual start.
    pub(crate) fn with_start(text: &str, now: NaiveDateTime) -> Option<String> {
        if text.to_uppercase().contains("DTSTART") {
            return None;
        }
        let rules = Rules::parse(text).ok()?;
        let start = match (&rules.rules[..], rules.is_single()) {
            ([rule], true) if rule.frequency >= Frequency::Minutely && rule.count.is_none() => {
                let period = rule.frequency.seconds()? * i64::from(rule.interval);
                let periods = (now - DEFAULT_START).num_seconds().max(0) / period;
                DEFAULT_START.checked_add_signed(TimeDelta::try_seconds(periods * period)?)?
            }
            _ => DEFAULT_START,
        };
        Some(format!("DTSTART:{}\n{text}", start.format("%Y%m%dT%H%M%S")))
    }

    fn is_single(&self) -> bool {
        self.dates.is_empty() && self.except_rules.is_empty() && self.except_dates.is_empty()
    }
}

fn read(text: &str) -> Result<Rules, String> {
    let mut rules = Rules { rules: Vec::new(), dates: Vec::new(), except_rules: Vec::new(), except_dates: Vec::new() };
    let (mut start, mut texts, mut except_texts) = (None, Vec::new(), Vec::new());
    if text.trim().is_empty() {
        return Err("empty string".to_owned());
    }
    for line in text.split_whitespace() {
        let (name, value) = line.split_once(':').unwrap_or(("RRULE", line));
        let (name, parameters) = name.split_once(';').unwrap_or((name, ""));
        let known = parameters.is_empty()
            || parameters.split(';').all(|parameter| match name {
                "RDATE" => parameter == "VALUE=DATE-TIME",
                "EXDATE" | "DTSTART" => {
                    parameter.starts_with("TZID=") || matches!(parameter, "VALUE=DATE-TIME" | "VALUE=DATE")
                }
                _ => false,
            });
        if !known {
            return Err(format!("unsupported {name} parm: {parameters}"));
        }
        match name {
            "RRULE" => texts.push(value),
            "EXRULE" => except_texts.push(value),
            "RDATE" => rules.dates.extend(dates(value)?),
            "EXDATE" => rules.except_dates.extend(dates(value)?),
            "DTSTART" => {
                let stamp = Stamp::parse(value)?;
                start = Some(Stamp { zoned: stamp.zoned || parameters.contains("TZID="), ..stamp });
            }
            _ => return Err(format!("unsupported property: {name}")),
        }
    }
    rules.rules = texts.iter().map(|text| text::rule(text, start, DEFAULT_START)).collect::<Result<_, _>>()?;
    rules.except_rules =
        except_texts.iter().map(|text| text::rule(text, start, DEFAULT_START)).collect::<Result<_, _>>()?;
    if rules.rules.is_empty() && rules.is_single() {
        return Err("there is no RRULE in it".to_owned());
    }
    Ok(rules)
}

fn dates(text: &str) -> Result<Vec<NaiveDateTime>, String> {
    text.split(',').map(|date| Stamp::parse(date).map(|stamp| stamp.digits)).collect()
}

/// The times of several sources, in order, each once.
struct Merged {
    sources: Vec<Peekable<Source>>,
}

type Source = Box<dyn Iterator<Item = NaiveDateTime> + Send>;

impl Merged {
    fn new(rules: Vec<Rule>, mut dates: Vec<NaiveDateTime>, near: NaiveDateTime) -> Self {
        dates.sort_unstable();
        let dates: Source = Box::new(dates.into_iter().filter(move |date| *date >= near));
        let rules = rules.into_iter().map(|rule| -> Source { Box::new(rule.from(near)) });
        Merged { sources: std::iter::once(dates).chain(rules).map(Iterator::peekable).collect() }
    }

    fn peek(&mut self) -> Option<NaiveDateTime> {
        self.sources.iter_mut().filter_map(|source| source.peek().copied()).min()
    }
}

impl Iterator for Merged {
    type Item = NaiveDateTime;

    fn next(&mut self) -> Option<NaiveDateTime> {
        let time = self.peek()?;
        for source in &mut self.sources {
            while source.next_if_eq(&time).is_some() {}
        }
        Some(time)
    }
}
