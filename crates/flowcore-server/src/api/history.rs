//! How many runs there were when, in which states: for charts.

use axum::http::StatusCode;
use chrono::TimeDelta;
use flowcore::model::StateType;
use flowcore::store::Buckets;
use flowcore::store::query::{Column, Condition, Table};
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::filter::Objects;
use crate::state::App;

/// How many stretches of time a history has, at most.
const MOST: i64 = 500;

/// Which stretches of time, and which runs.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Asked {
    history_start: Moment,
    history_end: Moment,
    /// How long each stretch is, in seconds.
    history_interval_seconds: f64,
    #[serde(flatten)]
    pub(super) objects: Objects,
}

impl Asked {
    /// Divides the time; none if it ends before it begins.
    fn buckets(&self) -> Result<Option<Buckets>, ApiError> {
        if self.history_interval_seconds.is_nan() || self.history_interval_seconds < 1.0 {
            let why = "History interval must not be less than 1 second.".to_owned();
            return Err(ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, why));
        }
        #[expect(clippy::cast_possible_truncation, reason = "as long as an i64 can say is long enough")]
        let interval = (self.history_interval_seconds * 1e6) as i64;
        let elapsed = (self.history_end.0 - self.history_start.0).num_microseconds().unwrap_or(i64::MAX);
        let count = (elapsed / interval + i64::from(elapsed % interval > 0)).min(MOST);
        Ok((count > 0).then_some(Buckets { start: self.history_start.0, interval, count }))
    }
}

/// A stretch of time.
#[derive(Serialize, JsonSchema)]
pub(super) struct Interval {
    interval_start: Moment,
    interval_end: Moment,
    states: Vec<InState>,
}

/// The runs of a stretch that are in one state.
#[derive(Serialize, JsonSchema)]
struct InState {
    state_type: StateType,
    state_name: String,
    count_runs: u64,
    /// In seconds.
    sum_estimated_run_time: f64,
    /// In seconds.
    sum_estimated_lateness: f64,
}

/// Counts runs by when they were to start.
pub(super) async fn history(
    app: &App,
    table: Table,
    by: Column,
    asked: &Asked,
    condition: &Condition,
) -> Result<Vec<Interval>, ApiError> {
    let Some(buckets) = asked.buckets()? else { return Ok(Vec::new()) };
    let counts = app.store.history(table, by, buckets, condition, app.now()).await?;
    let at = |number: i64| Moment(buckets.start + TimeDelta::microseconds(buckets.interval.saturating_mul(number)));
    let mut intervals: Vec<Interval> = (0..buckets.count)
        .map(|number| Interval { interval_start: at(number), interval_end: at(number + 1), states: Vec::new() })
        .collect();
    let seconds = |micros| TimeDelta::microseconds(micros).as_seconds_f64();
    for count in counts {
        let Some(interval) = usize::try_from(count.bucket).ok().and_then(|bucket| intervals.get_mut(bucket)) else {
            continue;
        };
        interval.states.push(InState {
            state_type: count.kind,
            state_name: count.name,
            count_runs: count.count,
            sum_estimated_run_time: seconds(count.run_time),
            sum_estimated_lateness: seconds(count.lateness),
        });
    }
    Ok(intervals)
}
