//! Runs that schedules make, and those that are taken back when a deployment or its schedule changes.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use flowcore::model::{Creator, Flow, FlowRunId, StateName, StateType, Timestamp};
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Condition, Kind, Table, Test, Values, flow_run};
use flowcore::store::records::{Record, Row, Tx, Value};
use futures_util::future::join_all;
use uuid::Uuid;

use super::deployment::Deployment;
use super::deployment_schedule::{
    self, CatchUp, DEPLOYMENT_ID, DeploymentSchedule, SCHEDULER_CHANGED, SCHEDULER_DUE, SCHEDULER_FROM,
};
use super::making::{Origin, make_run};
use crate::error::ApiError;
use crate::state::App;

/// How many runs are made of times that have passed, at most: the last ones.
const MOST_MISSED: usize = 1000;

/// For which times runs are made: the fewest that reach both `least` and `until`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// From this time on.
    pub(crate) start: Timestamp,
    /// Not behind this one.
    pub(crate) end: Timestamp,
    /// Up to this time at least.
    pub(crate) until: Timestamp,
    /// So many at least.
    pub(crate) least: usize,
    /// So many at most.
    pub(crate) most: usize,
}

impl Range {
    /// The usual range from a time: three runs at least, the next hour, at most a hundred runs in a hundred days.
    pub(crate) fn from(start: Timestamp) -> Self {
        let later = |delta| start.checked_add_signed(delta).unwrap_or(start);
        Range { start, end: later(TimeDelta::days(100)), until: later(TimeDelta::hours(1)), least: 3, most: 100 }
    }

    /// The same range with no more runs than a schedule wants to have ahead.
    pub(crate) fn at_most(self, runs: Option<i64>) -> Self {
        let Some(runs) = runs.and_then(|runs| usize::try_from(runs).ok()) else { return self };
        Range { least: self.least.min(runs), most: self.most.min(runs), ..self }
    }

    /// Lists the times of a schedule that are in the range.
    fn times(&self, schedule: &DeploymentSchedule) -> Vec<DateTime<Tz>> {
        let mut times = Vec::new();
        for time in schedule.schedule.dates(self.start).take_while(|time| *time <= self.end).take(self.most) {
            times.push(time);
            if times.len() >= self.least && time >= self.until {
                break;
            }
        }
        times
    }
}

/// Makes the runs that are due by the active schedules of a deployment; one that was made before is not made again.
pub(crate) async fn schedule_runs(
    app: &App,
    flow: &Flow,
    deployment: &Deployment,
    range: Range,
) -> Result<(), ApiError> {
    let schedules: Vec<DeploymentSchedule> = super::schedules_of(app, vec![deployment.id]).await?;
    for schedule in schedules.iter().filter(|schedule| schedule.active) {
        make_due_runs(app, flow, deployment, schedule, range).await?;
    }
    Ok(())
}

/// Makes the runs that are due by one schedule, unless they were made before. Gives their times.
pub(crate) async fn make_due_runs(
    app: &App,
    flow: &Flow,
    deployment: &Deployment,
    schedule: &DeploymentSchedule,
    range: Range,
) -> Result<Vec<Timestamp>, ApiError> {
    make_at(app, flow, deployment, schedule, range.times(schedule)).await
}

/// Makes the runs of times that have passed, as the schedule's catch-up policy says, unless they were made before: of all times from
/// one on up to another, or of the last of them. Gives their times.
pub(crate) async fn make_missed_runs(
    app: &App,
    flow: &Flow,
    deployment: &Deployment,
    schedule: &DeploymentSchedule,
    since: Timestamp,
    until: Timestamp,
) -> Result<Vec<Timestamp>, ApiError> {
    let most = match schedule.catch_up {
        Some(CatchUp::All) => MOST_MISSED,
        Some(CatchUp::Latest) => 1,
        Some(CatchUp::None) | None => return Ok(Vec::new()),
    };
    let times = last_times(|from| schedule.schedule.all_dates(from), since, until, most);
    make_at(app, flow, deployment, schedule, times).await
}

/// Lists the last times of a schedule between two others, at most so many. They are looked for backwards, in longer and longer spans, so
/// that little is gone through in vain.
fn last_times<D: Iterator<Item = DateTime<Tz>>>(
    dates: impl Fn(Timestamp) -> D,
    since: Timestamp,
    until: Timestamp,
    most: usize,
) -> Vec<DateTime<Tz>> {
    let mut span = TimeDelta::hours(1);
    loop {
        let from = until.checked_sub_signed(span).map_or(since, |from| from.max(since));
        let mut times: VecDeque<_> = VecDeque::new();
        for time in dates(from).take_while(|time| *time < until) {
            if times.len() == most {
                times.pop_front();
            }
            times.push_back(time);
        }
        if times.len() == most || from == since {
            return times.into();
        }
        span = span * 4;
    }
}

async fn make_at(
    app: &App,
    flow: &Flow,
    deployment: &Deployment,
    schedule: &DeploymentSchedule,
    times: Vec<DateTime<Tz>>,
) -> Result<Vec<Timestamp>, ApiError> {
    let runs = times.iter().map(|time| make_run(app, flow, deployment, origin(deployment, schedule, *time)));
    for made in join_all(runs).await {
        match made {
            Ok(_) | Err(StoreError::Exists(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(times.into_iter().map(|time| time.to_utc()).collect())
}

fn origin(deployment: &Deployment, schedule: &DeploymentSchedule, time: DateTime<Tz>) -> Origin {
    let mut parameters = deployment.parameters.clone();
    parameters.extend(schedule.parameters.clone());
    let mut tags = vec!["auto-scheduled".to_owned()];
    tags.extend(deployment.tags.iter().cloned());
    Origin {
        parameters,
        tags,
        idempotency_key: Some(format!("{}{}", key_of(deployment.id, schedule.id), written(time))),
        scheduled_time: Some(time.to_utc()),
        created_by: Some(Creator {
            id: Some(schedule.id),
            kind: Some("SCHEDULE".to_owned()),
            display_value: Some(schedule.slug.clone().unwrap_or_else(|| schedule.schedule.kind().to_owned())),
        }),
        ..Origin::default()
    }
}

/// Begins the idempotency keys of a schedule's runs, as Prefect does; the time is behind it.
fn key_of(deployment: Uuid, schedule: Uuid) -> String {
    format!("scheduled {deployment} {schedule} ")
}

/// Writes a time as Python does: `2026-03-08 09:00:00-05:00`.
fn written(time: DateTime<Tz>) -> String {
    let form = if time.timestamp_subsec_micros() == 0 { "%Y-%m-%d %H:%M:%S%:z" } else { "%Y-%m-%d %H:%M:%S%.6f%:z" };
    time.format(form).to_string()
}

/// Which runs that have not begun are taken back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Waiting {
    /// All that wait, also those that somebody has asked for.
    All,
    /// Those that schedules made.
    Scheduled,
    /// Those that schedules made for times to come.
    ScheduledLater,
    /// Those that this schedule made for times to come.
    LaterOf(Uuid),
    /// All that this schedule made.
    AllOf(Uuid),
}

/// Takes back runs of a deployment that have not begun, and lets the scheduler look at its schedules anew.
pub(crate) async fn take_back(
    tx: &mut Tx<'_>,
    deployment: Uuid,
    which: Waiting,
    now: Timestamp,
) -> Result<(), StoreError> {
    let begins = |key: String| Condition::Column(flow_run::IDEMPOTENCY_KEY, Test::BeginsWith(key));
    let mut all = vec![
        flow_run::DEPLOYMENT_ID.is(deployment),
        flow_run::STATE_TYPE.is(StateType::Scheduled.as_str()),
        Condition::Not(Box::new(flow_run::STATE_NAME.is(StateName::AWAITING_CONCURRENCY_SLOT))),
        flow_run::RUN_COUNT.is(0_i64),
    ];
    match which {
        Waiting::All => {}
        Waiting::Scheduled | Waiting::ScheduledLater => all.push(begins(format!("scheduled {deployment} "))),
        Waiting::LaterOf(schedule) | Waiting::AllOf(schedule) => all.push(begins(key_of(deployment, schedule))),
    }
    if matches!(which, Waiting::ScheduledLater | Waiting::LaterOf(_)) {
        let later = Test::AtLeast(now.timestamp_micros() + 1);
        all.push(Condition::Column(flow_run::NEXT_SCHEDULED_START_TIME, later));
    }
    look_anew(tx, deployment, now).await?;
    let runs: Vec<Uuid> = tx.lock::<RunId>(Condition::All(all)).await?.into_iter().map(|run| run.0.0).collect();
    if !runs.is_empty() {
        tx.delete(Table::new("flow_run_states"), STATE_OF_RUN.one_of(Values::Ids(runs.clone()))).await?;
        tx.delete(Table::FLOW_RUNS, flow_run::ID.one_of(Values::Ids(runs))).await?;
    }
    Ok(())
}

/// Lets the scheduler look at the schedules of a deployment that has changed now. Where it has not even looked since the change
/// before, it begins where it would have.
pub(crate) async fn look_anew(tx: &mut Tx<'_>, deployment: Uuid, now: Timestamp) -> Result<(), StoreError> {
    let now = now.timestamp_micros();
    let looked_at = Condition::Column(SCHEDULER_DUE, Test::NoneOf(Values::Numbers(vec![0])));
    let looked_at = Condition::All(vec![DEPLOYMENT_ID.is(deployment), looked_at]);
    tx.update(deployment_schedule::TABLE, vec![(SCHEDULER_FROM, now.into())], looked_at).await?;
    let anew = vec![(SCHEDULER_DUE, 0.into()), (SCHEDULER_CHANGED, now.into())];
    tx.update(deployment_schedule::TABLE, anew, DEPLOYMENT_ID.is(deployment)).await.map(drop)
}

const STATE_OF_RUN: Column = Column::new("flow_run_id", Kind::Id, false);

/// A flow run of which nothing but its name matters.
struct RunId(FlowRunId);

impl Record for RunId {
    const TABLE: Table = Table::FLOW_RUNS;
    const COLUMNS: &'static [Column] = &[flow_run::ID];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(RunId(FlowRunId(row.id()?)))
    }

    fn values(&self) -> Vec<Value> {
        vec![self.0.0.into()]
    }
}

/// Removes a deployment's schedules, but not the runs that they have made.
pub(crate) async fn remove_schedules(tx: &mut Tx<'_>, deployment: Uuid) -> Result<(), StoreError> {
    tx.delete(deployment_schedule::TABLE, DEPLOYMENT_ID.is(deployment)).await.map(drop)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_last_times_are_found_whatever_lies_between() {
        let at = |minutes: i64| DateTime::from_timestamp(1_700_000_000 + minutes * 60, 0).unwrap();
        let gone_through = std::cell::Cell::new(0);
        let every = |minutes: i64| {
            let gone_through = &gone_through;
            move |from: Timestamp| {
                let first = ((from - at(0)).num_minutes() + minutes - 1) / minutes * minutes;
                let times = (0..).map(move |number| at(first + number * minutes).with_timezone(&Tz::UTC));
                times.inspect(move |_| gone_through.set(gone_through.get() + 1))
            }
        };
        let minutes = |times: Vec<DateTime<Tz>>| -> Vec<i64> {
            times.into_iter().map(|time| (time.to_utc() - at(0)).num_minutes()).collect()
        };
        assert_eq!(minutes(last_times(every(10), at(5), at(40), 100)), [10, 20, 30]);
        assert_eq!(minutes(last_times(every(10), at(5), at(40), 1)), [30]);
        assert_eq!(minutes(last_times(every(10), at(5), at(9), 1)), [0; 0]);
        gone_through.set(0);
        assert_eq!(minutes(last_times(every(1), at(0), at(5_000_000), 2)), [4_999_998, 4_999_999]);
        assert!(gone_through.get() < 100, "{gone_through:?}");
        assert_eq!(minutes(last_times(every(60 * 24 * 30), at(1), at(100_000), 5)), [43_200, 86_400]);
    }
}
