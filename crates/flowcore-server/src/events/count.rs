//! Counts of events by times, names or resources.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::{Datelike, Days, Duration, NaiveTime, Timelike};
use flowcore::model::{Event, Page, RESOURCE_NAME, Timestamp};
use flowcore::store::{ServerStore, StoreError};
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::filter::EventFilter;

/// How many spans of time may be asked for.
const MOST_SPANS: i64 = 1000;

/// How wide a span is at most, in microseconds: a hundred years, so that the times of its ends can be reckoned.
const WIDEST_SPAN: i64 = 100 * 365 * 24 * 3600 * 1_000_000;

/// What spans of time are counted from, in seconds: Monday, the first of April 2024.
const ORIGIN: i64 = 1_711_929_600;

/// By what events are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Countable {
    /// By days.
    Day,
    /// By spans of a width of one's own.
    Time,
    /// By what happened.
    Event,
    /// By what it happened to.
    Resource,
}

/// In what the width of a span is told.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TimeUnit {
    Week,
    #[default]
    Day,
    Hour,
    Minute,
    Second,
}

impl TimeUnit {
    fn seconds(self) -> u32 {
        match self {
            TimeUnit::Week => 7 * 24 * 3600,
            TimeUnit::Day => 24 * 3600,
            TimeUnit::Hour => 3600,
            TimeUnit::Minute => 60,
            TimeUnit::Second => 1,
        }
    }

    /// Tells the end of the unit that a time is in.
    fn end(self, now: Timestamp) -> Timestamp {
        let midnight = now.with_time(NaiveTime::MIN).single().unwrap_or(now);
        let next_day = |days| midnight.checked_add_days(Days::new(days)).unwrap_or(now);
        match self {
            TimeUnit::Week => next_day(7 - u64::from(now.weekday().num_days_from_monday())),
            TimeUnit::Day => next_day(1),
            TimeUnit::Hour => midnight + Duration::hours(i64::from(now.hour()) + 1),
            TimeUnit::Minute => midnight + Duration::minutes(i64::from(now.hour() * 60 + now.minute()) + 1),
            TimeUnit::Second => midnight + Duration::seconds(i64::from(now.num_seconds_from_midnight()) + 1),
        }
    }
}

/// How many events there are of one kind.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct EventCount {
    /// What to filter by.
    value: String,
    /// What to show.
    label: String,
    count: u64,
    start_time: Moment,
    end_time: Moment,
}

/// Spans of time of one width.
struct Spans {
    /// In microseconds.
    width: i64,
    first: i64,
    count: i64,
}

impl Spans {
    /// Divides the span of a filter; the error says why it cannot be.
    fn new(since: Timestamp, until: Timestamp, unit: TimeUnit, interval: f64, now: Timestamp) -> Result<Self, String> {
        #[expect(clippy::cast_possible_truncation, reason = "a number too large becomes the largest")]
        let width = ((f64::from(unit.seconds()) * interval * 1e6) as i64).min(WIDEST_SPAN);
        let wanted = (until - since).num_microseconds().unwrap_or(i64::MAX) / width.max(1);
        if wanted >= MOST_SPANS {
            let spans = wanted.saturating_add(1);
            return Err(format!(
                "The given interval would create {spans} buckets, which is too many. Please increase the interval or \
                 reduce the time range to produce {MOST_SPANS} buckets or fewer."
            ));
        }
        let end = if until > now { unit.end(now) } else { until };
        let first = since_origin(since).div_euclid(width);
        // The last one begins before the end.
        let count = (since_origin(end) - 1).div_euclid(width) - first + 1;
        Ok(Spans { width, first, count: count.clamp(0, MOST_SPANS + 1) })
    }

    fn of(&self, time: Timestamp) -> i64 {
        since_origin(time).div_euclid(self.width) - self.first
    }

    fn begin(&self, number: i64) -> Timestamp {
        let micros = ORIGIN * 1_000_000 + (self.first + number) * self.width;
        Timestamp::from_timestamp_micros(micros).unwrap_or_default()
    }
}

fn since_origin(time: Timestamp) -> i64 {
    time.timestamp_micros() - ORIGIN * 1_000_000
}

/// What has been counted under one value.
struct Tally {
    label: String,
    count: u64,
    oldest: Timestamp,
    latest: Timestamp,
}

/// Why there are no counts.
pub(crate) enum CountError {
    /// What is asked for cannot be answered.
    Refused(String),
    /// The store failed.
    Store(StoreError),
}

/// Counts the events that a filter selects.
pub(crate) async fn count_by(
    store: &dyn ServerStore,
    filter: &EventFilter,
    countable: Countable,
    unit: TimeUnit,
    interval: f64,
    now: Timestamp,
) -> Result<Vec<EventCount>, CountError> {
    let (since, until) = filter.span();
    let (since, until) = (since.unwrap_or(now), until.unwrap_or(now));
    let mut spans = Spans::new(since, until, unit, interval, now).map_err(CountError::Refused)?;
    let selecting = filter.selecting(Page::ALL);
    if matches!(countable, Countable::Event | Countable::Resource) {
        let mut tallies = BTreeMap::new();
        let visit = &mut |event: Event| {
            tally(&mut tallies, countable, &event);
            ControlFlow::Continue(())
        };
        store.visit_events(&selecting, visit).await.map_err(CountError::Store)?;
        return Ok(by_count(tallies));
    }
    if countable == Countable::Day {
        spans = Spans::new(since, until, TimeUnit::Day, 1.0, now).map_err(CountError::Refused)?;
    }
    let mut counts = vec![0; usize::try_from(spans.count).unwrap_or(0)];
    let visit = &mut |event: Event| {
        if let Some(count) = usize::try_from(spans.of(event.occurred)).ok().and_then(|span| counts.get_mut(span)) {
            *count += 1;
        }
        ControlFlow::Continue(())
    };
    store.visit_events(&selecting, visit).await.map_err(CountError::Store)?;
    let told = (0..).zip(counts).map(|(number, count)| {
        let (start, next) = (spans.begin(number), spans.begin(number + 1));
        EventCount {
            value: number.to_string(),
            label: start.to_rfc3339(),
            count,
            start_time: Moment(start),
            end_time: Moment(next - Duration::microseconds(1)),
        }
    });
    Ok(told.collect())
}

fn tally(tallies: &mut BTreeMap<String, Tally>, countable: Countable, event: &Event) {
    let (value, label) = match countable {
        Countable::Resource => {
            let id = event.resource_id();
            let name = [RESOURCE_NAME, "prefect.name"].iter().find_map(|label| event.resource.get(*label));
            (id, name.map_or(id, String::as_str))
        }
        _ => (&*event.event, &*event.event),
    };
    match tallies.get_mut(value) {
        None => {
            let (oldest, latest) = (event.occurred, event.occurred);
            tallies.insert(value.to_owned(), Tally { label: label.to_owned(), count: 1, oldest, latest });
        }
        Some(tally) => {
            tally.count += 1;
            tally.oldest = tally.oldest.min(event.occurred);
            // It is shown by the name that it had last.
            if event.occurred > tally.latest {
                (tally.latest, tally.label) = (event.occurred, label.to_owned());
            }
        }
    }
}

fn by_count(tallies: BTreeMap<String, Tally>) -> Vec<EventCount> {
    let mut counts: Vec<EventCount> = tallies
        .into_iter()
        .map(|(value, Tally { label, count, oldest, latest })| EventCount {
            value,
            label,
            count,
            start_time: Moment(oldest),
            end_time: Moment(latest),
        })
        .collect();
    counts.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.label.cmp(&other.label)));
    counts
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn at(text: &str) -> Timestamp {
        Moment::parse(text).unwrap().0
    }

    #[test]
    fn spans_cover_what_is_asked_for() {
        let now = at("2026-05-28T12:30:00Z");
        let spans = |since, until, unit, interval| Spans::new(at(since), at(until), unit, interval, now);
        let days = spans("2026-05-26T10:00:00Z", "2026-05-29T00:00:00Z", TimeUnit::Day, 1.0).unwrap();
        assert_eq!((days.count, days.begin(0)), (3, at("2026-05-26T00:00:00Z")));
        assert_eq!(days.of(at("2026-05-28T23:59:59Z")), 2);
        let halves = spans("2026-05-28T10:10:00Z", "2026-05-28T12:00:00Z", TimeUnit::Hour, 0.5).unwrap();
        assert_eq!((halves.count, halves.begin(0)), (4, at("2026-05-28T10:00:00Z")));
        assert!(spans("2026-05-28T10:10:00Z", "2026-05-28T12:00:00Z", TimeUnit::Second, 1.0).is_err());
        let weeks = spans("2026-05-20T10:00:00Z", "2026-07-01T00:00:00Z", TimeUnit::Week, 1.0).unwrap();
        assert_eq!((weeks.count, weeks.begin(1)), (2, at("2026-05-25T00:00:00Z")));
        let ages = spans("2026-05-20T10:00:00Z", "2026-05-21T00:00:00Z", TimeUnit::Week, 1e300).unwrap();
        assert_eq!((ages.count, ages.begin(0)), (1, at("2024-04-01T00:00:00Z")));
        assert!(ages.begin(1) > ages.begin(0));
    }
}
