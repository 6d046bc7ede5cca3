//! Schedules of deployments.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::Timestamp;
use flowcore::store::StoreError;
use flowcore::store::query::Condition;
use flowcore::store::records::Tx;
use uuid::Uuid;

use super::bodies::{DeploymentScheduleCreate, DeploymentScheduleUpdate, ScheduleBody};
use super::redeploy::replace;
use super::{find, with_full_stop};
use crate::deployments::deployment_schedule::{DEPLOYMENT_ID, ID, TABLE};
use crate::deployments::{DeploymentSchedule, Waiting, schedules_of, take_back};
use crate::error::ApiError;
use crate::extract::{Body, Id, Path};
use crate::routes::{Routes, op};
use crate::state::App;

const NO_SCHEDULE: ApiError = ApiError::NotFound("Schedule not found.");

/// How many runs a schedule may have ahead of it, at most.
const MOST_RUNS: u32 = 50;

pub(super) fn routes() -> Routes {
    Routes::new(&["Deployments"])
        .get("/deployments/{id}/schedules", op("read_deployment_schedules", list))
        .post("/deployments/{id}/schedules", op("create_deployment_schedules", create).gives(StatusCode::CREATED))
        .patch("/deployments/{id}/schedules/{schedule_id}", op("update_deployment_schedule", update))
        .delete("/deployments/{id}/schedules/{schedule_id}", op("delete_deployment_schedule", delete))
}

async fn list(State(app): State<App>, Id(id): Id) -> Result<Json<Vec<ScheduleBody>>, ApiError> {
    find(&app, id).await.map_err(with_full_stop)?;
    Ok(Json(schedules_of(&app, vec![id]).await?.into_iter().map(ScheduleBody::from).collect()))
}

async fn create(
    State(app): State<App>,
    Id(id): Id,
    Body(new): Body<Vec<DeploymentScheduleCreate>>,
) -> Result<(StatusCode, Json<Vec<ScheduleBody>>), ApiError> {
    find(&app, id).await.map_err(with_full_stop)?;
    let made = new.into_iter().map(|new| make(&app, id, new.into())).collect::<Result<Vec<_>, _>>()?;
    let rows = made.clone();
    let work = app.store.records().transact(move |tx| {
        let rows = rows.clone();
        Box::pin(async move { insert(tx, &rows).await })
    });
    work.await?;
    Ok((StatusCode::CREATED, Json(made.into_iter().map(ScheduleBody::from).collect())))
}

/// Makes a schedule of what is said of it.
pub(super) fn make(
    app: &App,
    deployment_id: Uuid,
    new: DeploymentScheduleUpdate,
) -> Result<DeploymentSchedule, ApiError> {
    let without = "Unable to create new deployment schedules without a schedule configuration.";
    let refuse = || ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, without.to_owned());
    let now = app.now();
    let mut schedule = new.schedule.clone().ok_or_else(refuse)?;
    schedule.settle(now);
    let mut made = DeploymentSchedule {
        id: app.clock.uuid(),
        created: now,
        updated: now,
        deployment_id,
        schedule,
        active: true,
        max_scheduled_runs: None,
        parameters: serde_json::Map::new(),
        slug: None,
        catch_up: None,
    };
    change(&mut made, DeploymentScheduleUpdate { schedule: None, ..new }, now)?;
    Ok(made)
}

/// Changes a schedule as is said.
pub(super) fn change(
    schedule: &mut DeploymentSchedule,
    update: DeploymentScheduleUpdate,
    now: Timestamp,
) -> Result<(), ApiError> {
    if let Some(runs) = update.max_scheduled_runs {
        if runs.get() > MOST_RUNS {
            let why = format!("Value error, `max_scheduled_runs` must be less than or equal to {MOST_RUNS}.");
            return Err(ApiError::invalid("value_error", &["max_scheduled_runs".into()], why, runs.get().into()));
        }
        schedule.max_scheduled_runs = Some(runs.get().into());
    }
    if let Some(mut next) = update.schedule.filter(|next| !next.is_settled_as(&schedule.schedule)) {
        next.settle(now);
        schedule.schedule = next;
    }
    schedule.active = update.active.unwrap_or(schedule.active);
    schedule.parameters = update.parameters.unwrap_or_else(|| std::mem::take(&mut schedule.parameters));
    schedule.slug = update.slug.or(schedule.slug.take());
    schedule.catch_up = update.catch_up.or(schedule.catch_up);
    schedule.updated = now;
    Ok(())
}

/// Keeps new schedules.
pub(super) async fn insert(tx: &mut Tx<'_>, schedules: &[DeploymentSchedule]) -> Result<(), ApiError> {
    for schedule in schedules {
        keep(tx.insert(schedule).await)?;
    }
    Ok(())
}

/// Says what it means that there is such a schedule already.
pub(super) fn keep(kept: Result<(), StoreError>) -> Result<(), ApiError> {
    kept.map_err(|error| match error {
        StoreError::Exists(_) => {
            ApiError::Refused(StatusCode::CONFLICT, "Schedule slugs must be unique within a deployment.".to_owned())
        }
        error => error.into(),
    })
}

fn this(deployment: Uuid, schedule: Uuid) -> Condition {
    Condition::All(vec![ID.is(schedule), DEPLOYMENT_ID.is(deployment)])
}

async fn update(
    State(app): State<App>,
    Path((id, schedule_id)): Path<(Uuid, Uuid)>,
    Body(update): Body<DeploymentScheduleUpdate>,
) -> Result<StatusCode, ApiError> {
    find(&app, id).await.map_err(with_full_stop)?;
    let now = app.now();
    let work = app.store.records().transact(move |tx| {
        let update = update.clone();
        Box::pin(async move {
            let found = tx.lock_first::<DeploymentSchedule>(this(id, schedule_id)).await?;
            let before = found.ok_or(NO_SCHEDULE)?;
            let mut after = before.clone();
            change(&mut after, update, now)?;
            replace(tx, &before, &after, now).await
        })
    });
    work.await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(State(app): State<App>, Path((id, schedule_id)): Path<(Uuid, Uuid)>) -> Result<StatusCode, ApiError> {
    find(&app, id).await.map_err(with_full_stop)?;
    let now = app.now();
    let work = app.store.records().transact(move |tx| {
        Box::pin(async move {
            if tx.delete(TABLE, this(id, schedule_id)).await? == 0 {
                return Err(NO_SCHEDULE);
            }
            take_back(tx, id, Waiting::AllOf(schedule_id), now).await?;
            Ok::<_, ApiError>(())
        })
    });
    work.await?;
    Ok(StatusCode::NO_CONTENT)
}
