//! What becomes of a deployment's schedules when it is changed: by their slugs each is changed on its own, without them all are
//! replaced.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use flowcore::model::Timestamp;
use flowcore::store::records::Tx;
use uuid::Uuid;

use super::bodies::DeploymentScheduleUpdate;
use super::redeploy::{Wanted, makes_same_runs, replace, replace_schedules};
use super::schedules::{change, insert};
use crate::deployments::deployment_schedule::ID;
use crate::deployments::{Deployment, DeploymentSchedule, Waiting, take_back};
use crate::error::ApiError;

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// Whether those that there are go.
    replace: bool,
    /// Which ones change, and how.
    change: Vec<(Uuid, DeploymentScheduleUpdate)>,
    /// Which ones are made.
    pub(super) make: Vec<DeploymentScheduleUpdate>,
}

fn refuse<T>(why: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, why.into()))
}

/// Makes a plan of the schedules that there are and those that are wanted.
pub(super) fn plan(known: &[DeploymentSchedule], wanted: Vec<DeploymentScheduleUpdate>) -> Result<Plan, ApiError> {
    let known: Option<BTreeMap<&str, Uuid>> =
        known.iter().map(|schedule| Some((schedule.slug.as_deref()?, schedule.id))).collect();
    let all_named = wanted.iter().all(|schedule| schedule.slug.is_some());
    match known.filter(|known| !known.is_empty()) {
        Some(known) if all_named => by_slugs(&known, wanted),
        Some(_) => {
            refuse("Please provide a slug for each schedule in your request to ensure schedules are updated correctly.")
        }
        None => {
            let make = wanted.into_iter().filter(|schedule| schedule.schedule.is_some()).collect();
            Ok(Plan { replace: true, change: Vec::new(), make })
        }
    }
}

fn by_slugs(known: &BTreeMap<&str, Uuid>, wanted: Vec<DeploymentScheduleUpdate>) -> Result<Plan, ApiError> {
    let mut replaced: Vec<&str> = wanted.iter().filter_map(|schedule| schedule.replaces.as_deref()).collect();
    replaced.sort_unstable();
    if let Some(twice) = replaced.windows(2).find(|pair| pair[0] == pair[1]) {
        return refuse(format!("Multiple schedules have 'replaces' targeting the same slug: {}", twice[0]));
    }
    for schedule in &wanted {
        if let (Some(slug), Some(replaces)) = (&schedule.slug, &schedule.replaces)
            && known.contains_key(slug.as_str())
            && !replaced.contains(&slug.as_str())
        {
            return refuse(format!(
                "Cannot rename schedule from '{replaces}' to '{slug}': a schedule with slug '{slug}' already exists."
            ));
        }
    }
    let mut plan = Plan::default();
    for schedule in wanted {
        let target = schedule.replaces.as_ref().or(schedule.slug.as_ref()).and_then(|slug| known.get(slug.as_str()));
        match target {
            Some(id) => plan.change.push((*id, schedule)),
            None if schedule.schedule.is_some() => plan.make.push(schedule),
            None => return refuse("Unable to create new deployment schedules without a schedule configuration."),
        }
    }
    Ok(plan)
}

impl Plan {
    /// Does it to a deployment that has changed; `made` are the schedules that the plan makes.
    pub(super) async fn carry_out(
        self,
        tx: &mut Tx<'_>,
        before: &Deployment,
        after: &Deployment,
        made: Vec<Wanted>,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        if self.replace {
            return replace_schedules(tx, Some(before), after, made, now).await;
        }
        if !makes_same_runs(before, after) {
            take_back(tx, after.id, Waiting::ScheduledLater, now).await?;
        }
        let mut changed = Vec::new();
        for (id, update) in self.change {
            if let Some(schedule) = tx.lock_first::<DeploymentSchedule>(ID.is(id)).await? {
                // Two schedules may change their slugs for each other's: none of them has one meanwhile.
                tx.put(&DeploymentSchedule { slug: None, ..schedule.clone() }).await?;
                let mut next = schedule.clone();
                change(&mut next, update, now)?;
                changed.push((schedule, next));
            }
        }
        for (before, after) in &changed {
            replace(tx, before, after, now).await?;
        }
        let made: Vec<DeploymentSchedule> = made.into_iter().map(|wanted| wanted.made).collect();
        insert(tx, &made).await
    }
}
