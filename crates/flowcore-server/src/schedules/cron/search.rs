//! The search for the next time that an expression allows.

use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use super::expression::Expression;
use super::field::{Field, Nth};

/// For how many years a search goes on. Leap days on one weekday are 28 years apart, and over the turn of most centuries 40.
const MOST_YEARS: i32 = 50;

impl Expression {
    /// Lists the local times that are not before `start`.
    pub(crate) fn from(self, start: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> + Send {
        // Times are whole seconds, so the first one that can be is what the start is rounded up to.
        let whole = start.with_nanosecond(0).unwrap_or(start);
        let first = if whole < start { whole + TimeDelta::seconds(1) } else { whole };
        let mut before = first.checked_sub_signed(TimeDelta::seconds(1));
        std::iter::from_fn(move || {
            before = self.after(before?);
            before
        })
    }

    /// Finds the first time after this one.
    fn after(&self, time: NaiveDateTime) -> Option<NaiveDateTime> {
        if self.day_or && !self.day.any && !self.weekday.any {
            let by_day = self.search(time, &self.day, &Field { nth: self.weekday.nth.clone(), ..Field::anything() });
            let by_weekday = self.search(time, &Field::anything(), &self.weekday);
            return by_day.into_iter().chain(by_weekday).min();
        }
        self.search(time, &self.day, &self.weekday)
    }

    /// Goes from the greatest part to the smallest; whatever is moved to its next value begins anew with the first of the
    /// smaller ones.
    fn search(&self, time: NaiveDateTime, days: &Field, weekdays: &Field) -> Option<NaiveDateTime> {
        let step = if self.second.is_some() { 1 } else { 60 };
        let first = time.checked_add_signed(TimeDelta::seconds(step))?;
        let mut at = first;
        while at.year() - first.year() <= MOST_YEARS {
            let Some(moved) = self.moved(at, days, weekdays)? else {
                return if self.second.is_some() { Some(at) } else { at.with_second(0) };
            };
            at = moved;
        }
        None
    }

    /// Moves the greatest part that is not allowed to its next value; `Some(None)` if all are allowed, `None` at the end of time.
    #[expect(clippy::option_option, reason = "there is nothing to move, or nowhere to move to")]
    fn moved(&self, at: NaiveDateTime, days: &Field, weekdays: &Field) -> Option<Option<NaiveDateTime>> {
        if !self.year.any {
            let ahead = self.year.distance(at.year().try_into().ok()?, None)?;
            if ahead > 0 {
                return Some(
                    NaiveDate::from_ymd_opt(at.year() + i32::try_from(ahead).ok()?, 1, 1)?.and_hms_opt(0, 0, 0),
                );
            }
        }
        if let Some(ahead) = distance(&self.month, at.month(), 12)? {
            let first = at.date().with_day(1)?.checked_add_months(Months::new(ahead))?;
            return Some(Some(first.and_time(NaiveTime::MIN)));
        }
        let length = month_length(at.date());
        // A day that no such month has is looked for by counting on from here, as croniter does: by the 30th, a February leads
        // into March, and days there that the count jumps over are not seen.
        if !(days.last && at.day() == length)
            && let Some(ahead) = distance(days, at.day(), length)?
        {
            return Some(Some(midnight(at, ahead)?));
        }
        if !weekdays.nth.is_empty() {
            let ahead = days_to_nth(at.date(), weekdays);
            if ahead > 0 {
                return Some(Some(midnight(at, ahead)?));
            }
        } else if let Some(ahead) = distance(weekdays, at.weekday().num_days_from_sunday(), 7)? {
            return Some(Some(midnight(at, ahead)?));
        }
        if let Some(ahead) = distance(&self.hour, at.hour(), 24)? {
            let hour = at.with_minute(0)?.with_second(0)?;
            return Some(Some(hour.checked_add_signed(TimeDelta::hours(ahead.into()))?));
        }
        if let Some(ahead) = distance(&self.minute, at.minute(), 60)? {
            return Some(Some(at.with_second(0)?.checked_add_signed(TimeDelta::minutes(ahead.into()))?));
        }
        if let Some(second) = &self.second
            && let Some(ahead) = distance(second, at.second(), 60)?
        {
            return Some(Some(at.checked_add_signed(TimeDelta::seconds(ahead.into()))?));
        }
        Some(None)
    }
}

/// Tells how far the next allowed value is, if this one is not allowed; `None` outside if no value ever is.
#[expect(clippy::option_option, reason = "the value is allowed, or none is")]
fn distance(field: &Field, value: u32, round: u32) -> Option<Option<u32>> {
    if field.any {
        return Some(None);
    }
    field.distance(value, Some(round)).map(|ahead| Some(ahead).filter(|ahead| *ahead > 0))
}

fn midnight(at: NaiveDateTime, days: u32) -> Option<NaiveDateTime> {
    Some(at.date().checked_add_signed(TimeDelta::days(days.into()))?.and_time(NaiveTime::MIN))
}

fn month_length(date: NaiveDate) -> u32 {
    date.num_days_in_month().into()
}

/// Counts the days to the next one with its place among the days of its weekday, or to the next month if there is none.
fn days_to_nth(date: NaiveDate, weekdays: &Field) -> u32 {
    let length = month_length(date);
    let first = date.with_day(1).unwrap_or(date).weekday().num_days_from_sunday();
    let found = weekdays.nth.iter().filter_map(|(weekday, nth)| {
        let mut days = (1..=length).filter(|day| (first + day - 1) % 7 == *weekday);
        match nth {
            Nth::Number(place) => days.nth(place - 1),
            Nth::Last => days.next_back(),
        }
    });
    found.filter(|day| *day >= date.day()).min().map_or(length + 1 - date.day(), |day| day - date.day())
}
