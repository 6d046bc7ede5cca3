//! Places of days in the calendar.

use chrono::{Datelike, Days, NaiveDate};

/// Tells which week a day is in, and how many weeks that year has. Weeks begin on `first` (Monday is 0); the first week of a year
/// is the first with four days in it.
pub(super) fn week(date: NaiveDate, first: u32) -> Option<(i32, i32)> {
    for year in [date.year() + 1, date.year(), date.year() - 1] {
        let begin = first_week(year, first)?;
        if date >= begin {
            let weeks = (first_week(year + 1, first)? - begin).num_days() / 7;
            let number = (date - begin).num_days() / 7 + 1;
            return Some((i32::try_from(number).ok()?, i32::try_from(weeks).ok()?));
        }
    }
    None
}

fn first_week(year: i32, first: u32) -> Option<NaiveDate> {
    // The fourth of January is in the first week, wherever weeks begin.
    let fourth = NaiveDate::from_ymd_opt(year, 1, 4)?;
    let since = (7 + fourth.weekday().num_days_from_monday() - first) % 7;
    fourth.checked_sub_days(Days::new(since.into()))
}

/// Tells when Easter is, in the Gregorian calendar.
pub(super) fn easter(year: i32) -> Option<NaiveDate> {
    let golden = year % 19;
    let century = year / 100;
    let epact = (century - century / 4 - (8 * century + 13) / 25 + 19 * golden + 15) % 30;
    let moon = epact - (epact / 28) * (1 - (epact / 28) * (29 / (epact + 1)) * ((21 - golden) / 11));
    let weekday = (year + year / 4 + moon + 2 - century + century / 4) % 7;
    let days = moon - weekday;
    let month = 3 + (days + 40) / 44;
    let day = days + 28 - 31 * (month / 4);
    NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

/// Counts the days of a year.
pub(super) fn days_in_year(year: i32) -> i32 {
    if NaiveDate::from_ymd_opt(year, 2, 29).is_some() { 366 } else { 365 }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn weeks_are_those_of_iso_8601_if_they_begin_on_monday() {
        let mut date = NaiveDate::from_ymd_opt(2015, 12, 20).unwrap();
        for _ in 0..4000 {
            let (number, weeks) = week(date, 0).unwrap();
            assert_eq!(number, i32::try_from(date.iso_week().week()).unwrap(), "{date}");
            assert!(number <= weeks && (52..=53).contains(&weeks), "{date}");
            date = date.succ_opt().unwrap();
        }
    }

    #[test]
    fn easter_is_known() {
        for (year, month, day) in [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25)] {
            assert_eq!(easter(year), NaiveDate::from_ymd_opt(year, month, day));
        }
    }
}
