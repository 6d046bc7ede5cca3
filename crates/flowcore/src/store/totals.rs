//! Figures over many runs: how many there were when, and how late they were.

use async_trait::async_trait;
use uuid::Uuid;

use super::query::{Column, Condition, Table};
use super::{Store, StoreError};
use crate::model::{FlowId, FlowRun, StateType, Timestamp};

/// Stretches of time of one length, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// When the first one begins.
    pub start: Timestamp,
    /// How long each is, in microseconds; more than 0.
    pub interval: i64,
    /// How many there are.
    pub count: i64,
}

/// The runs of a bucket that are in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketCount {
    /// Which bucket, from 0.
    pub bucket: i64,
    /// The type of the state.
    pub kind: StateType,
    /// The name of the state.
    pub name: String,
    /// How many runs.
    pub count: u64,
    /// How long they ran so far, all together, in microseconds.
    pub run_time: i64,
    /// How late they began or are, all together, in microseconds.
    pub lateness: i64,
}

/// A store that adds up runs.
#[async_trait]
pub trait TotalsStore: Store {
    /// Counts flow runs or task runs by the bucket that a time of theirs falls into, and by state. What falls into none is
    /// left out.
    async fn history(
        &self,
        table: Table,
        by: Column,
        buckets: Buckets,
        condition: &Condition,
        now: Timestamp,
    ) -> Result<Vec<BucketCount>, StoreError>;

    /// Tells how late flow runs are on average, in seconds; none if there are no such runs.
    async fn average_lateness(&self, condition: &Condition, now: Timestamp) -> Result<Option<f64>, StoreError>;

    /// Counts rows by the identifier in a column. Those without one are left out.
    async fn count_by(&self, table: Table, by: Column, condition: &Condition) -> Result<Vec<(Uuid, u64)>, StoreError>;

    /// Lists for each flow the scheduled run that comes next, in no order.
    async fn next_flow_runs(&self, flows: &[FlowId]) -> Result<Vec<FlowRun>, StoreError>;
}
