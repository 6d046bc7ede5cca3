//! Time zones: local times as instants.

use chrono::{DateTime, Days, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use flowcore::model::Timestamp;

/// A time zone of the IANA database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone(Tz);

/// What a local time means that the clocks skip when they are put forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skipped {
    /// As much later as the clocks are put forward: 02:30 is 03:30.
    Later,
    /// As much earlier: 02:30 is 01:30. Python's dateutil reads it so.
    Earlier,
}

/// How far from a skipped time the clocks are looked at. Zones that changed sides of the date line have skipped a day.
const LONGEST_GAP: TimeDelta = TimeDelta::hours(25);

/// How exactly the clocks are looked at: all changes are at quarters of an hour.
const STEP: TimeDelta = TimeDelta::minutes(15);

impl Zone {
    /// Coordinated universal time.
    pub(crate) const UTC: Zone = Zone(Tz::UTC);

    /// Finds a zone by its name, such as `Europe/Berlin`.
    pub(crate) fn named(name: &str) -> Option<Zone> {
        name.parse().ok().map(Zone)
    }

    /// Tells what the clocks show.
    pub(crate) fn local(self, time: Timestamp) -> NaiveDateTime {
        time.with_timezone(&self.0).naive_local()
    }

    /// Gives an instant the clocks of the zone.
    pub(crate) fn at(self, time: Timestamp) -> DateTime<Tz> {
        time.with_timezone(&self.0)
    }

    /// Finds the instant of a local time. The first one counts of two, when the clocks are put back.
    ///
    /// `None` if it is out of the calendar.
    pub(crate) fn instant(self, local: NaiveDateTime, skipped: Skipped) -> Option<DateTime<Tz>> {
        match self.0.from_local_datetime(&local) {
            LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Some(time),
            LocalResult::None => {
                // The offset on the other side of the gap moves the time away from that side.
                let step = if skipped == Skipped::Later { -STEP } else { STEP };
                let mut near = local.checked_add_signed(step)?;
                while (near - local).abs() <= LONGEST_GAP {
                    if let Some(time) = self.0.from_local_datetime(&near).earliest() {
                        let utc = local.checked_sub_offset(time.offset().fix())?;
                        return Some(self.0.from_utc_datetime(&utc));
                    }
                    near = near.checked_add_signed(step)?;
                }
                None
            }
        }
    }

    /// Moves a time by days of the calendar, which keeps what the clocks show.
    ///
    /// Of two instants that they show, it is the one with the offset before, if that is one of them.
    pub(crate) fn add_days(self, time: &DateTime<Tz>, days: u64) -> Option<DateTime<Tz>> {
        let local = time.naive_local().checked_add_days(Days::new(days))?;
        let kept = match self.0.from_local_datetime(&local) {
            LocalResult::Ambiguous(_, second) => {
                Some(second).filter(|second| second.offset().fix() == time.offset().fix())
            }
            _ => None,
        };
        kept.or_else(|| self.instant(local, Skipped::Later))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn local(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_skipped_time_is_later_or_earlier_by_the_gap() {
        let zone = Zone::named("America/New_York").unwrap();
        let at = |skipped| zone.instant(local("2026-03-08T02:30:00"), skipped).unwrap().to_rfc3339();
        assert_eq!(at(Skipped::Later), "2026-03-08T03:30:00-04:00");
        assert_eq!(at(Skipped::Earlier), "2026-03-08T01:30:00-05:00");
    }

    #[test]
    fn of_two_times_the_first_counts() {
        let zone = Zone::named("America/New_York").unwrap();
        let at = zone.instant(local("2026-11-01T01:30:00"), Skipped::Later).unwrap();
        assert_eq!(at.to_rfc3339(), "2026-11-01T01:30:00-04:00");
    }

    #[test]
    fn a_skipped_day_is_crossed() {
        let zone = Zone::named("Pacific/Apia").unwrap();
        let at = zone.instant(local("2011-12-30T12:00:00"), Skipped::Later).unwrap();
        assert_eq!(at.to_rfc3339(), "2011-12-31T12:00:00+14:00");
    }

    #[test]
    fn no_zone_has_another_name() {
        assert_eq!(Zone::named("Moon/Tranquility"), None);
        assert_eq!(Zone::named("UTC"), Some(Zone::UTC));
    }
}
