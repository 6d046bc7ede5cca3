//! How long a run took, and how late it is: figures that are told and not kept.

use chrono::TimeDelta;

use crate::model::{RunTimes, State, StateType, Timestamp};

/// Durations of a run at a time, in seconds.
pub(super) struct Durations {
    /// Spent in RUNNING, up to the present state.
    pub(super) total: f64,
    /// The same with the time since it began to run.
    pub(super) estimated: f64,
    /// How late it began, or is by now.
    pub(super) late: f64,
}

impl Durations {
    pub(super) fn of(times: &RunTimes, state: &State, now: Timestamp) -> Self {
        let seconds = |duration: TimeDelta| duration.as_seconds_f64().max(0.0);
        let total = TimeDelta::microseconds(times.total_run_time).as_seconds_f64();
        let running = state.kind == StateType::Running;
        let since = if running { seconds(now - state.timestamp) } else { 0.0 };
        // What is to begin in the future is not late, nor is what has ended without having begun.
        let begun = times.start_time.or(times.end_time.is_none().then_some(now));
        let late = begun.map_or(0.0, |begun| seconds(begun - times.expected_start_time));
        Durations { total, estimated: total + since, late }
    }
}
