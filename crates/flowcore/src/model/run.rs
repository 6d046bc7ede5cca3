//! What flow runs and task runs have in common.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// How often and when a run ran. Times are UTC, durations microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunTimes {
    /// How often the run has entered RUNNING.
    pub run_count: i32,
    /// When it was to start first.
    pub expected_start_time: Timestamp,
    /// When it will start next, if it waits for a time.
    pub next_scheduled_start_time: Option<Timestamp>,
    /// When user code ran first.
    pub start_time: Option<Timestamp>,
    /// When the run ended.
    pub end_time: Option<Timestamp>,
    /// Time spent in RUNNING, over all attempts, in microseconds.
    pub total_run_time: i64,
}

impl RunTimes {
    /// Makes the times of a run that has not run yet.
    pub fn new(expected_start_time: Timestamp) -> Self {
        RunTimes {
            run_count: 0,
            expected_start_time,
            next_scheduled_start_time: None,
            start_time: None,
            end_time: None,
            total_run_time: 0,
        }
    }
}

/// How often and when a failed run is tried again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts after the first. Where nothing is said there are none, and servers answer that nothing was said.
    pub retries: Option<u32>,
    /// Seconds before each retry; the last one is repeated. None at all means at once.
    pub retry_delay: Vec<f64>,
    /// Each delay is drawn up to this fraction longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_jitter: Option<f64>,
}

impl RetryPolicy {
    /// Gives the number of attempts after the first.
    pub fn max_retries(&self) -> u32 {
        self.retries.unwrap_or_default()
    }
}
