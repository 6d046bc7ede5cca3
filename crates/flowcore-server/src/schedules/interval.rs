//! Every so often since an anchor.

use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use flowcore::model::Timestamp;

use super::Zone;

/// Times that are an interval apart.
///
/// Whole days of the interval are days of the calendar, so that nine o'clock stays nine o'clock when the clocks change; the
/// rest is elapsed time.
#[derive(Clone, Debug)]
pub(super) struct Interval {
    every: TimeDelta,
    days: u64,
    rest: TimeDelta,
    zone: Zone,
    next: Option<DateTime<Tz>>,
}

impl Interval {
    /// Begins at the first time that is not before `start`.
    pub(super) fn new(every: TimeDelta, anchor: Timestamp, zone: Zone, start: Timestamp) -> Self {
        let days = every.num_days();
        let mut times = Interval {
            every,
            days: u64::try_from(days).unwrap_or(0),
            rest: every - TimeDelta::days(days),
            zone,
            next: None,
        };
        times.next = times.near(anchor, start);
        while times.next.as_ref().is_some_and(|next| *next < start) {
            times.step();
        }
        times
    }

    /// Goes from the anchor to the last time before the start, by elapsed time: as Prefect, which thereby moves the hour of a
    /// daily schedule if the clocks have changed since its anchor.
    fn near(&self, anchor: Timestamp, start: Timestamp) -> Option<DateTime<Tz>> {
        let (every, apart) = (self.every.num_microseconds()?, (start - anchor).num_microseconds()?);
        let way = TimeDelta::microseconds(apart.checked_div(every)?.checked_mul(every)?);
        anchor.checked_add_signed(way).map(|time| self.zone.at(time))
    }

    fn step(&mut self) {
        self.next = self.next.take().and_then(|time| {
            let day = if self.days > 0 { self.zone.add_days(&time, self.days)? } else { time };
            day.checked_add_signed(self.rest)
        });
    }
}

impl Iterator for Interval {
    type Item = DateTime<Tz>;

    fn next(&mut self) -> Option<DateTime<Tz>> {
        let time = self.next;
        self.step();
        time
    }
}
