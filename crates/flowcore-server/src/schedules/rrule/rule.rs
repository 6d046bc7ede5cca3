//! One rule: what it is made of, and which days it allows.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use super::calendar::{days_in_year, easter, week};

/// How often a rule begins a new period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
    Hourly,
    Minutely,
    Secondly,
}

impl Frequency {
    /// Tells the length of a period below a day, in seconds.
    pub(super) fn seconds(self) -> Option<i64> {
        match self {
            Frequency::Hourly => Some(3600),
            Frequency::Minutely => Some(60),
            Frequency::Secondly => Some(1),
            _ => None,
        }
    }
}

/// A rule. A list without anything in it asks for nothing.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) frequency: Frequency,
    /// Every how many periods.
    pub(super) interval: u32,
    /// From when on, with the digits that are taken where the rule names none.
    pub(super) start: NaiveDateTime,
    /// The day that weeks begin on; Monday is 0.
    pub(super) week_start: u32,
    pub(super) count: Option<u64>,
    pub(super) until: Option<NaiveDateTime>,
    pub(super) positions: Vec<i32>,
    pub(super) months: Vec<i32>,
    pub(super) month_days: Vec<i32>,
    pub(super) year_days: Vec<i32>,
    pub(super) easter_days: Vec<i32>,
    pub(super) weeks: Vec<i32>,
    pub(super) weekdays: Vec<u32>,
    /// Weekdays by their place in the month or year, from the end if negative.
    pub(super) nth_weekdays: Vec<(u32, i32)>,
    pub(super) hours: Vec<u32>,
    pub(super) minutes: Vec<u32>,
    pub(super) seconds: Vec<u32>,
}

impl Rule {
    /// Makes a rule that asks for nothing but its frequency.
    pub(super) fn new(frequency: Frequency, start: NaiveDateTime) -> Self {
        Rule {
            frequency,
            interval: 1,
            start: start.with_nanosecond(0).unwrap_or(start),
            week_start: 0,
            count: None,
            until: None,
            positions: Vec::new(),
            months: Vec::new(),
            month_days: Vec::new(),
            year_days: Vec::new(),
            easter_days: Vec::new(),
            weeks: Vec::new(),
            weekdays: Vec::new(),
            nth_weekdays: Vec::new(),
            hours: Vec::new(),
            minutes: Vec::new(),
            seconds: Vec::new(),
        }
    }

    /// Takes from the start what the rule leaves open: a yearly one is on the day of its start, and so on.
    pub(super) fn complete(&mut self) {
        if self.frequency > Frequency::Monthly {
            // Places in a month or year mean nothing in shorter periods.
            self.weekdays.extend(self.nth_weekdays.drain(..).map(|(weekday, _)| weekday));
        }
        let open = self.weeks.is_empty()
            && self.year_days.is_empty()
            && self.month_days.is_empty()
            && self.weekdays.is_empty()
            && self.nth_weekdays.is_empty()
            && self.easter_days.is_empty();
        #[expect(clippy::cast_possible_wrap, reason = "days and months are small")]
        let (month, day) = (self.start.month() as i32, self.start.day() as i32);
        match self.frequency {
            Frequency::Yearly if open => {
                if self.months.is_empty() {
                    self.months.push(month);
                }
                self.month_days.push(day);
            }
            Frequency::Monthly if open => self.month_days.push(day),
            Frequency::Weekly if open => self.weekdays.push(self.start.weekday().num_days_from_monday()),
            _ => {}
        }
        let fill = |list: &mut Vec<u32>, value| {
            if list.is_empty() {
                list.push(value);
            }
        };
        if self.frequency < Frequency::Hourly {
            fill(&mut self.hours, self.start.hour());
        }
        if self.frequency < Frequency::Minutely {
            fill(&mut self.minutes, self.start.minute());
        }
        if self.frequency < Frequency::Secondly {
            fill(&mut self.seconds, self.start.second());
        }
    }

    /// Tells whether the rule can have a day at all.
    pub(super) fn allows_day(&self, date: NaiveDate) -> bool {
        #[expect(clippy::cast_possible_wrap, reason = "days and months are small")]
        let (month, day, year_day) = (date.month() as i32, date.day() as i32, date.ordinal() as i32);
        let from_end = day - 1 - i32::from(date.num_days_in_month());
        let weekday = date.weekday().num_days_from_monday();
        let free = |list: &[i32], one: i32, other: i32| list.is_empty() || list.contains(&one) || list.contains(&other);
        free(&self.months, month, month)
            && free(&self.month_days, day, from_end)
            && free(&self.year_days, year_day, year_day - 1 - days_in_year(date.year()))
            && (self.weekdays.is_empty() || self.weekdays.contains(&weekday))
            && (self.nth_weekdays.is_empty() || self.allows_nth(date, weekday))
            && (self.weeks.is_empty()
                || week(date, self.week_start)
                    .is_some_and(|(number, weeks)| free(&self.weeks, number, number - weeks - 1)))
            && (self.easter_days.is_empty() || self.allows_by_easter(date))
    }

    fn allows_nth(&self, date: NaiveDate, weekday: u32) -> bool {
        let by_month = self.frequency == Frequency::Monthly || !self.months.is_empty();
        #[expect(clippy::cast_possible_wrap, reason = "days are small")]
        let (place, length) = if by_month {
            (date.day0() as i32, i32::from(date.num_days_in_month()))
        } else {
            (date.ordinal0() as i32, days_in_year(date.year()))
        };
        let (nth, from_end) = (place / 7 + 1, -((length - 1 - place) / 7 + 1));
        self.nth_weekdays.iter().any(|(asked, at)| *asked == weekday && (*at == nth || *at == from_end))
    }

    fn allows_by_easter(&self, date: NaiveDate) -> bool {
        let Some(easter) = easter(date.year()) else { return false };
        self.easter_days.iter().any(|days| easter + TimeDelta::days((*days).into()) == date)
    }

    /// Lists the times of a day that are in a period which begins at `time`, in order.
    pub(super) fn times_of_day(&self, time: NaiveTime) -> Vec<NaiveTime> {
        let one_or = |list: &[u32], fixed: bool, value: u32| {
            if !fixed {
                return list.to_vec();
            }
            // What the frequency counts is given by the period, and the list only says whether it may be.
            if list.is_empty() || list.contains(&value) { vec![value] } else { Vec::new() }
        };
        let hours = one_or(&self.hours, self.frequency >= Frequency::Hourly, time.hour());
        let minutes = one_or(&self.minutes, self.frequency >= Frequency::Minutely, time.minute());
        let seconds = one_or(&self.seconds, self.frequency >= Frequency::Secondly, time.second());
        let mut times = Vec::new();
        for hour in &hours {
            for minute in &minutes {
                times.extend(seconds.iter().filter_map(|second| NaiveTime::from_hms_opt(*hour, *minute, *second)));
            }
        }
        times.sort_unstable();
        times.dedup();
        times
    }
}
