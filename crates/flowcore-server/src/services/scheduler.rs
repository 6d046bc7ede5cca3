//! Runs of deployments are made ahead of the times that their schedules say.

use std::collections::HashMap;

use chrono::TimeDelta;
use flowcore::model::{Order, Page, Timestamp};
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Condition, Relation, Selection, Table, Test, Values};
use flowcore::store::records::{Record, Row, Value};
use uuid::Uuid;

use crate::deployments::deployment::{self, Deployment};
use crate::deployments::deployment_schedule::{
    self, ACTIVE, DEPLOYMENT_ID, DeploymentSchedule, ID, SCHEDULER_CHANGED, SCHEDULER_DUE, SCHEDULER_FROM,
};
use crate::deployments::{Range, Waiting, flow_of, make_due_runs, make_missed_runs, take_back};
use crate::error::ApiError;
use crate::state::App;

/// How many schedules are looked at together.
const PAGE: u32 = 100;

/// A schedule that makes no runs for the time being is looked at again after this.
const QUIET: TimeDelta = TimeDelta::days(1);

/// The soonest that a schedule is looked at again.
const SOONEST: TimeDelta = TimeDelta::seconds(1);

/// How long after a change the times behind it are still made up for.
const LOOK_BACK: TimeDelta = TimeDelta::seconds(60);

const DEPLOYMENT_OF_SCHEDULE: Relation = Relation::new(DEPLOYMENT_ID, deployment::TABLE, deployment::ID);

/// A schedule that is to be looked at.
#[derive(Clone, Copy)]
struct Due {
    schedule: Uuid,
    /// When; 0 after a change.
    at: i64,
    /// When it was changed.
    changed: i64,
    /// From when on runs are missing after a change.
    from: i64,
}

impl Due {
    /// Tells from which time on runs are made: after a change from right behind it, so that no time between is missed.
    fn begin(&self, created: Timestamp, now: Timestamp) -> Timestamp {
        let from = if self.from == 0 { Some(created) } else { Timestamp::from_timestamp_micros(self.from) };
        let missing = from.filter(|from| self.at == 0 && (now - LOOK_BACK..now).contains(from));
        missing.map_or(now, |from| from + TimeDelta::microseconds(1))
    }

    /// Tells from which time on the schedule was not looked at. A change says nothing of what was before it.
    fn missed_since(&self, schedule: &DeploymentSchedule, deployment: &Deployment) -> Timestamp {
        let from = if self.at == 0 { self.from } else { self.at };
        let from = Timestamp::from_timestamp_micros(from).unwrap_or(schedule.created);
        from.max(schedule.updated).max(deployment.updated) + TimeDelta::microseconds(1)
    }
}

impl Record for Due {
    const TABLE: Table = deployment_schedule::TABLE;
    const COLUMNS: &'static [Column] = &[ID, SCHEDULER_DUE, SCHEDULER_CHANGED, SCHEDULER_FROM];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Due { schedule: row.id()?, at: row.number()?, changed: row.number()?, from: row.number()? })
    }

    fn values(&self) -> Vec<Value> {
        vec![self.schedule.into(), self.at.into(), self.changed.into(), self.from.into()]
    }
}

/// Makes the runs of all schedules that are to be looked at by now.
pub(super) async fn turn(app: &App) -> Result<usize, ApiError> {
    let mut made = 0;
    loop {
        let due = due(app).await?;
        if due.is_empty() {
            return Ok(made);
        }
        made += make(app, due).await?;
    }
}

async fn due(app: &App) -> Result<Vec<Due>, StoreError> {
    let goes_on = Condition::Related(DEPLOYMENT_OF_SCHEDULE, Box::new(deployment::PAUSED.is(false)));
    let selection = Selection {
        condition: Condition::All(vec![
            ACTIVE.is(true),
            Condition::Column(SCHEDULER_DUE, Test::AtMost(app.now().timestamp_micros())),
            goes_on,
        ]),
        sort: vec![(SCHEDULER_DUE, Order::OldestFirst)],
        page: Page::first(PAGE),
    };
    app.store.records().list(&selection).await
}

async fn make(app: &App, due: Vec<Due>) -> Result<usize, ApiError> {
    let ids = Values::Ids(due.iter().map(|due| due.schedule).collect());
    let schedules: Vec<DeploymentSchedule> = all(app, ID.one_of(ids)).await?;
    let ids = Values::Ids(schedules.iter().map(|schedule| schedule.deployment_id).collect());
    let deployments: Vec<Deployment> = all(app, deployment::ID.one_of(ids)).await?;
    let deployments: HashMap<Uuid, Deployment> = deployments.into_iter().map(|one| (one.id, one)).collect();
    let due: HashMap<Uuid, Due> = due.iter().map(|due| (due.schedule, *due)).collect();
    let mut made = 0;
    for schedule in schedules {
        let (Some(deployment), Some(due)) = (deployments.get(&schedule.deployment_id), due.get(&schedule.id)) else {
            continue;
        };
        let now = app.now();
        let range = Range::from(due.begin(schedule.created, now)).at_most(schedule.max_scheduled_runs);
        let times = match flow_of(app, deployment.flow_id).await? {
            Some(flow) => {
                let since = due.missed_since(&schedule, deployment);
                if schedule.catch_up.is_some() && since < range.start {
                    made += make_missed_runs(app, &flow, deployment, &schedule, since, range.start).await?.len();
                }
                make_due_runs(app, &flow, deployment, &schedule, range).await?
            }
            None => Vec::new(),
        };
        made += times.len();
        let next = again(&times, range, now);
        note(app, &schedule, due.changed, next).await?;
    }
    Ok(made)
}

/// Notes when a schedule is to be looked at again. If it, or its deployment, has changed since it was read, the runs that were
/// made are of something that is no more: they are taken back, and the next look makes others. That another server has looked
/// as well changes nothing.
async fn note(app: &App, schedule: &DeploymentSchedule, changed: i64, next: Timestamp) -> Result<(), StoreError> {
    let (id, deployment, now) = (schedule.id, schedule.deployment_id, app.now());
    let work = app.store.records().transact(move |tx| {
        Box::pin(async move {
            let same = Condition::All(vec![ID.is(id), SCHEDULER_CHANGED.is(changed)]);
            let noted = tx.update(deployment_schedule::TABLE, vec![(SCHEDULER_DUE, next.into())], same).await?;
            if noted == 0 {
                take_back(tx, deployment, Waiting::LaterOf(id), now).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    work.await
}

/// Tells when a schedule wants its next look: before fewer runs are ahead than there should be.
fn again(times: &[Timestamp], range: Range, now: Timestamp) -> Timestamp {
    let half = (range.until - range.start) / 2;
    let next = match times {
        [] => now + QUIET,
        _ if times.len() >= range.most => times[times.len() / 2],
        [.., last] if times.len() >= range.least => times[times.len() - range.least].min(*last - half),
        [first, ..] => (*first).min(now + QUIET),
    };
    next.max(now + SOONEST)
}

async fn all<R: Record>(app: &App, condition: Condition) -> Result<Vec<R>, StoreError> {
    app.store.records().list(&Selection { condition, sort: Vec::new(), page: Page::first(u32::MAX) }).await
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use chrono::DateTime;

    use super::*;

    fn every(minutes: i64, range: Range) -> Vec<Timestamp> {
        let mut times = Vec::new();
        for number in 1..=range.most as i64 {
            times.push(range.start + TimeDelta::minutes(minutes * number));
            if times.len() >= range.least && *times.last().unwrap() >= range.until {
                break;
            }
        }
        times
    }

    #[test]
    fn a_schedule_is_looked_at_before_too_few_runs_are_ahead() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let range = Range::from(now);
        let minutes = |minutes| (again(&every(minutes, range), range, now) - now).num_minutes();
        assert_eq!(minutes(1), 30, "an hour is full; half an hour later it is filled up");
        assert_eq!(minutes(20), 20, "three runs are ahead until the first begins");
        assert_eq!(minutes(24 * 60), 24 * 60);
        assert_eq!(again(&[], range, now), now + QUIET, "it may have ended, or begin in a hundred days");
        let one = Range { most: 1, least: 1, ..range };
        assert_eq!(again(&every(5, one), one, now) - now, TimeDelta::minutes(5));
        assert_eq!(again(&[now; 3], range, now), now + SOONEST, "no schedule is looked at all the time");
    }
}
