//! What a deployment that is made anew keeps: the schedules that stay the same, and the runs that they have made ahead.

use flowcore::model::Timestamp;
use flowcore::store::query::Values;
use flowcore::store::records::Tx;
use uuid::Uuid;

use super::bodies::DeploymentScheduleUpdate;
use super::schedules::{insert, keep, make};
use crate::deployments::deployment_schedule::{self, DEPLOYMENT_ID};
use crate::deployments::{Deployment, DeploymentSchedule, Waiting, take_back};
use crate::error::ApiError;
use crate::schedules::Schedule;
use crate::state::App;

/// A schedule that a deployment is to have.
#[derive(Clone)]
pub(super) struct Wanted {
    /// As it was given, without what depends on the present.
    given: Schedule,
    pub(super) made: DeploymentSchedule,
}

impl Wanted {
    /// Makes it of what is said of it.
    pub(super) fn new(app: &App, deployment: Uuid, new: DeploymentScheduleUpdate) -> Result<Self, ApiError> {
        let made = make(app, deployment, new.clone())?;
        Ok(Wanted { given: new.schedule.unwrap_or_else(|| made.schedule.clone()), made })
    }
}

/// Tells whether the runs that were made ahead are those that would be made now.
pub(super) fn makes_same_runs(before: &Deployment, after: &Deployment) -> bool {
    before.parameters == after.parameters
        && before.tags == after.tags
        && before.labels == after.labels
        && before.version == after.version
        && before.work_queue_id == after.work_queue_id
        && before.infrastructure_document_id == after.infrastructure_document_id
        && before.paused == after.paused
}

/// Tells whether the runs that a schedule has made ahead are those that it would make now.
fn asks_for_same_runs(before: &DeploymentSchedule, after: &DeploymentSchedule) -> bool {
    before.schedule == after.schedule
        && before.parameters == after.parameters
        && before.active == after.active
        && before.max_scheduled_runs == after.max_scheduled_runs
}

/// Replaces the schedules of a deployment, and takes back the runs that would not be made so any more. A schedule that was there
/// already stays the same, so that a run that it has made and that has begun is not made again.
pub(super) async fn replace_schedules(
    tx: &mut Tx<'_>,
    before: Option<&Deployment>,
    after: &Deployment,
    wanted: Vec<Wanted>,
    now: Timestamp,
) -> Result<(), ApiError> {
    let deployment_id = after.id;
    if !before.is_some_and(|before| makes_same_runs(before, after)) {
        take_back(tx, deployment_id, Waiting::ScheduledLater, now).await?;
    }
    let mut known: Vec<DeploymentSchedule> = tx.lock(DEPLOYMENT_ID.is(deployment_id)).await?;
    let (mut new, mut kept) = (Vec::new(), Vec::new());
    for Wanted { given, made } in wanted {
        let same = |known: &DeploymentSchedule| {
            given.is_settled_as(&known.schedule) && made.slug == known.slug && made.parameters == known.parameters
        };
        let Some(place) = known.iter().position(same) else {
            new.push(DeploymentSchedule { deployment_id, ..made });
            continue;
        };
        let before = known.swap_remove(place);
        let DeploymentSchedule { id, created, ref schedule, .. } = before;
        // Clients that know nothing of it say nothing of it.
        let catch_up = made.catch_up.or(before.catch_up);
        let after = DeploymentSchedule { id, created, deployment_id, schedule: schedule.clone(), catch_up, ..made };
        kept.push((before, after));
    }
    for gone in &known {
        take_back(tx, deployment_id, Waiting::LaterOf(gone.id), now).await?;
    }
    let gone = known.iter().map(|schedule| schedule.id).collect();
    tx.delete(deployment_schedule::TABLE, deployment_schedule::ID.one_of(Values::Ids(gone))).await?;
    for (before, after) in &kept {
        replace(tx, before, after, now).await?;
    }
    insert(tx, &new).await
}

/// Keeps a schedule that has changed, and takes back the runs that it would not make so any more.
pub(super) async fn replace(
    tx: &mut Tx<'_>,
    before: &DeploymentSchedule,
    after: &DeploymentSchedule,
    now: Timestamp,
) -> Result<(), ApiError> {
    keep(tx.put(after).await)?;
    if !asks_for_same_runs(before, after) {
        take_back(tx, after.deployment_id, Waiting::LaterOf(after.id), now).await?;
    }
    Ok(())
}
