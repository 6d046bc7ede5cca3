//! The times of one rule, period by period.

use std::collections::VecDeque;

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use super::rule::{Frequency, Rule};

/// How many years may be without a time before a rule is taken to have no more: the calendar repeats itself by then.
const MOST_EMPTY_YEARS: i32 = 400;

/// How many periods may be. Days without a time are passed as a whole, so only what can never be is given up so early.
const MOST_EMPTY: u32 = 1_000_000;

/// How many times are counted of a rule with `COUNT`, whose times cannot be found without all before them.
const MOST_COUNTED: u64 = 5_000_000;

/// The times of a rule, in order.
pub(super) struct Times {
    rule: Rule,
    /// Which period is next; the one of the start is 0.
    period: i64,
    found: VecDeque<NaiveDateTime>,
    given: u64,
    ended: bool,
}

/// A period: days that are looked at together, or a moment within one.
struct Period {
    first: NaiveDate,
    days: u64,
    time: NaiveTime,
}

impl Rule {
    /// Lists the times from about `near` on: none that is later is left out.
    pub(super) fn from(self, near: NaiveDateTime) -> Times {
        let period = if self.count.is_some() { 0 } else { self.period_before(near).max(0) };
        Times { rule: self, period, found: VecDeque::new(), given: 0, ended: false }
    }

    /// Finds a period that ends before this time.
    fn period_before(&self, near: NaiveDateTime) -> i64 {
        let (years, months) =
            (near.year() - self.start.year(), near.month().cast_signed() - self.start.month().cast_signed());
        let since = near - self.start;
        let periods = match self.frequency {
            Frequency::Yearly => years.into(),
            Frequency::Monthly => (years * 12 + months).into(),
            Frequency::Weekly => since.num_days() / 7,
            Frequency::Daily => since.num_days(),
            Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {
                since.num_seconds() / self.frequency.seconds().unwrap_or(1)
            }
        };
        periods.div_euclid(self.interval.into()) - 2
    }

    fn period(&self, number: i64) -> Option<Period> {
        let steps = number.checked_mul(self.interval.into())?;
        let (start, midnight) = (self.start.date(), NaiveTime::MIN);
        let period = match self.frequency {
            Frequency::Yearly => {
                let first = NaiveDate::from_ymd_opt(start.year().checked_add(steps.try_into().ok()?)?, 1, 1)?;
                Period { first, days: if first.leap_year() { 366 } else { 365 }, time: midnight }
            }
            Frequency::Monthly => {
                let first = start.with_day(1)?.checked_add_months(Months::new(steps.try_into().ok()?))?;
                Period { first, days: first.num_days_in_month().into(), time: midnight }
            }
            Frequency::Weekly => {
                let since = (7 + start.weekday().num_days_from_monday() - self.week_start) % 7;
                if number == 0 {
                    // The first week has only the days from the start on, which matters to positions.
                    Period { first: start, days: (7 - since).into(), time: midnight }
                } else {
                    let week = start.checked_sub_days(Days::new(since.into()))?;
                    let first = week.checked_add_days(Days::new(u64::try_from(steps.checked_mul(7)?).ok()?))?;
                    Period { first, days: 7, time: midnight }
                }
            }
            Frequency::Daily => {
                let first = start.checked_add_days(Days::new(u64::try_from(steps).ok()?))?;
                Period { first, days: 1, time: midnight }
            }
            Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {
                let seconds = steps.checked_mul(self.frequency.seconds()?)?;
                let at = self.base().checked_add_signed(TimeDelta::try_seconds(seconds)?)?;
                Period { first: at.date(), days: 1, time: at.time() }
            }
        };
        Some(period)
    }

    /// The start, cut to the hour, minute or second that periods are counted from.
    fn base(&self) -> NaiveDateTime {
        let length = self.frequency.seconds().unwrap_or(1);
        let into = i64::from(self.start.num_seconds_from_midnight()) % length;
        self.start - TimeDelta::seconds(into)
    }

    /// Finds the first period below a day that begins not before this time, and after this period.
    fn period_from(&self, number: i64, time: NaiveDateTime) -> i64 {
        let step = self.frequency.seconds().unwrap_or(1) * i64::from(self.interval);
        let seconds = (time - self.base()).num_seconds();
        (seconds.div_euclid(step) + i64::from(seconds.rem_euclid(step) > 0)).max(number + 1)
    }

    /// Lists the times of a period, in order. Tells before them its year, and behind them the next period that may have some.
    fn look(&self, number: i64) -> Option<(i32, Vec<NaiveDateTime>, i64)> {
        let period = self.period(number)?;
        let days: Vec<NaiveDate> = period
            .first
            .iter_days()
            .take(usize::try_from(period.days).ok()?)
            .filter(|day| self.allows_day(*day))
            .collect();
        let times = if days.is_empty() { Vec::new() } else { self.times_of_day(period.time) };
        let next = if self.frequency < Frequency::Hourly {
            number + 1
        } else if days.is_empty() {
            self.period_from(number, period.first.succ_opt()?.and_time(NaiveTime::MIN))
        } else if times.is_empty() {
            self.period_from(number, self.next_allowed(period.first.and_time(period.time)))
        } else {
            number + 1
        };
        let all = days.iter().flat_map(|day| times.iter().map(|time| day.and_time(*time)));
        let chosen =
            if self.positions.is_empty() { all.collect() } else { self.at_positions(&all.collect::<Vec<_>>()) };
        Some((period.first.year(), chosen, next))
    }

    /// Passes over the rest of an hour or minute that the rule does not have.
    fn next_allowed(&self, at: NaiveDateTime) -> NaiveDateTime {
        let hour_off = !self.hours.is_empty() && !self.hours.contains(&at.hour());
        let minute_off = !self.minutes.is_empty() && !self.minutes.contains(&at.minute());
        let (second, minute) = (i64::from(at.second()), i64::from(at.minute()));
        match self.frequency {
            Frequency::Minutely | Frequency::Secondly if hour_off => {
                at + TimeDelta::seconds(3600 - minute * 60 - second)
            }
            Frequency::Secondly if minute_off => at + TimeDelta::seconds(60 - second),
            _ => at,
        }
    }

    fn at_positions(&self, all: &[NaiveDateTime]) -> Vec<NaiveDateTime> {
        let place = |position: &i32| match usize::try_from(*position) {
            Ok(position) => position.checked_sub(1),
            Err(_) => all.len().checked_sub(position.unsigned_abs() as usize),
        };
        let mut chosen: Vec<_> =
            self.positions.iter().filter_map(|position| all.get(place(position)?).copied()).collect();
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }
}

impl Times {
    /// Fills what is found from the next period that has something.
    fn fill(&mut self) {
        let mut first_year = None;
        for _ in 0..MOST_EMPTY {
            let Some((year, times, next)) = self.rule.look(self.period) else { break };
            if year - *first_year.get_or_insert(year) > MOST_EMPTY_YEARS {
                break;
            }
            self.period = next;
            self.found.extend(times.into_iter().filter(|time| *time >= self.rule.start));
            if !self.found.is_empty() {
                return;
            }
        }
        self.ended = true;
    }
}

impl Iterator for Times {
    type Item = NaiveDateTime;

    fn next(&mut self) -> Option<NaiveDateTime> {
        if self.found.is_empty() && !self.ended {
            self.fill();
        }
        let time = self.found.pop_front()?;
        let counted = self.rule.count.is_some_and(|count| self.given >= count.min(MOST_COUNTED));
        if counted || self.rule.until.is_some_and(|until| time > until) {
            self.ended = true;
            self.found.clear();
            return None;
        }
        self.given += 1;
        Some(time)
    }
}
