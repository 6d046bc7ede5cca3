//! Making, changing, pausing and resuming deployments.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::{Flow, Timestamp};
use flowcore::store::query::Condition;
use flowcore::store::records::Tx;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::bodies::{Belongings, DeploymentCreate, DeploymentResponse, DeploymentUpdate};
use super::redeploy::{Wanted, replace_schedules};
use super::slugs::{self, Plan};
use super::{NOT_FOUND, find, response, with_full_stop};
use crate::deployments::deployment::{CONCURRENCY_LIMIT_ID, FLOW_ID, ID, NAME, PAUSED, TABLE, UPDATED};
use crate::deployments::{
    Deployment, DeploymentStatus, Surroundings, Waiting, check_job_variables, check_parameters, filled_in, flow_of,
    limit_to, look_anew, remove_limit, schedules_of, take_back, tell, tell_changes,
};
use crate::error::ApiError;
use crate::extract::{Body, Id};
use crate::json_schema::Mistake;
use crate::pools::{Place, place_for};
use crate::routes::{Routes, op};
use crate::state::App;

pub(super) fn routes() -> Routes {
    Routes::new(&["Deployments"])
        .post("/deployments/", op("create_deployment", create))
        .patch("/deployments/{id}", op("update_deployment", update))
        .post("/deployments/{id}/pause_deployment", op("pause_deployment", pause))
        .post("/deployments/{id}/resume_deployment", op("resume_deployment", resume))
}

/// Makes a deployment, or changes the one of that flow and name. Its schedules are replaced by those that are given.
async fn create(
    State(app): State<App>,
    Body(new): Body<DeploymentCreate>,
) -> Result<(StatusCode, Json<DeploymentResponse>), ApiError> {
    let belongings = new.belongings();
    one_limit(&belongings)?;
    let parameters = new.parameters.clone().unwrap_or_default();
    if let (Some(true), Some(Some(schema))) = (new.enforce_parameter_schema, &new.parameter_openapi_schema) {
        check_parameters(&parameters, schema, true).map_err(|mistake| {
            ApiError::invalid("value_error", &[], format!("Value error, {mistake}"), json!(parameters))
        })?;
    }
    let shared_limit = shared_limit(&app, &belongings).await?;
    let place = place(&app, &belongings).await?;
    if let (Some(place), Some(variables)) = (&place, &new.job_variables) {
        check_job_variables(&place.pool.base_job_template, &[variables], true)
            .map_err(|mistake| refused(StatusCode::UNPROCESSABLE_ENTITY, "creating deployment", &mistake))?;
    }
    let Some(flow) = flow_of(&app, new.flow_id).await? else {
        return Err(ApiError::dangling());
    };
    let mut wanted = Vec::new();
    let id = app.clock.uuid();
    for schedule in new.schedules.clone().unwrap_or_default() {
        wanted.push(Wanted::new(&app, id, schedule.into())?);
    }
    let now = app.now();
    let ahead = limit_ahead(&app, &belongings, &new, id).await?;
    let work = app.store.records().transact({
        let (new, flow) = (new.clone(), flow.clone());
        move |tx| {
            let (new, flow, place, wanted) = (new.clone(), flow.clone(), place.clone(), wanted.clone());
            Box::pin(async move {
                let same = Condition::All(vec![FLOW_ID.is(new.flow_id), NAME.is(new.name.as_str())]);
                let before: Option<Deployment> = tx.lock_first(same).await?;
                let mut after = before.clone().unwrap_or_else(|| fresh(id, &new, now));
                // They are always those that are given now, and none if there are none; all else stays where nothing is said.
                after.parameters = Map::new();
                new.apply(&mut after);
                after.labels = labels(&flow, &new);
                after.updated = now;
                if let Some(place) = &place {
                    take_place(&mut after, place);
                }
                if let Some(shared) = shared_limit {
                    after.concurrency_limit_id = shared;
                }
                if let Some((of, limit)) = ahead
                    && of == after.id
                {
                    after.concurrency_limit_id = Some(limit);
                }
                tx.put(&after).await?;
                replace_schedules(tx, before.as_ref(), &after, wanted, now).await?;
                Ok::<_, ApiError>((before, after))
            })
        }
    });
    let worked = work.await;
    if let Some((of, _)) = ahead
        && of == id
        && worked.as_ref().map_or(true, |(_, after)| after.id != of)
    {
        // There is no such deployment.
        remove_limit(&app, of).await?;
    }
    let (before, mut after) = worked?;
    if ahead.is_none_or(|(of, _)| of != after.id) {
        own_limit(&app, &belongings, &mut after).await?;
    }
    let around = Surroundings::of(&app, &after).await?;
    let status = match &before {
        Some(before) => {
            tell_changes(&app, before, &after, &around);
            StatusCode::OK
        }
        None => {
            tell(&app, "created", &after, &around);
            StatusCode::CREATED
        }
    };
    Ok((status, Json(response(&app, after).await?)))
}

fn fresh(id: Uuid, new: &DeploymentCreate, now: Timestamp) -> Deployment {
    Deployment {
        id,
        created: now,
        updated: now,
        flow_id: new.flow_id,
        name: new.name.clone(),
        version: None,
        description: None,
        paused: false,
        concurrency_limit_id: None,
        concurrency_options: None,
        parameter_openapi_schema: Some(Map::new()),
        enforce_parameter_schema: true,
        parameters: Map::new(),
        job_variables: Map::new(),
        pull_steps: None,
        tags: Vec::new(),
        labels: flowcore::model::Labels::new(),
        work_queue_id: None,
        work_queue_name: None,
        storage_document_id: None,
        infrastructure_document_id: None,
        path: None,
        entrypoint: None,
        last_polled: None,
        status: DeploymentStatus::NotReady,
    }
}

/// Joins the labels of the flow, those that every deployment has, and its own.
fn labels(flow: &Flow, new: &DeploymentCreate) -> flowcore::model::Labels {
    let mut labels = flow.labels.clone();
    labels.insert("prefect.flow.id".to_owned(), json!(flow.id));
    labels.extend(new.labels.clone().map(flowcore::model::Labels::from).unwrap_or_default());
    labels
}

fn take_place(deployment: &mut Deployment, place: &Place) {
    deployment.work_queue_id = Some(place.queue.id);
    deployment.work_queue_name = Some(place.queue.name.clone());
}

/// Changes a deployment. Runs that were made for later by its schedules are taken back, unless they are as they would be now.
async fn update(
    State(app): State<App>,
    Id(id): Id,
    Body(mut update): Body<DeploymentUpdate>,
) -> Result<StatusCode, ApiError> {
    let known = find(&app, id).await.map_err(with_full_stop)?;
    let belongings = update.belongings();
    one_limit(&belongings)?;
    let plan = match update.schedules.take() {
        Some(wanted) => slugs::plan(&schedules_of(&app, vec![id]).await?, wanted)?,
        None => Plan::default(),
    };
    let mut made = Vec::new();
    for schedule in plan.make.clone() {
        made.push(Wanted::new(&app, id, schedule)?);
    }
    let place = place(&app, &belongings).await?;
    if let (Some(place), Some(variables)) = (&place, &update.job_variables) {
        check_job_variables(&place.pool.base_job_template, &[variables], true)
            .map_err(|mistake| refused(StatusCode::CONFLICT, "creating deployment", &mistake))?;
    }
    if let Some(parameters) = update.parameters.take() {
        update.parameters = Some(filled_in(&app, parameters, "deployment").await?);
    }
    check_update(&known, &update)?;
    let shared_limit = shared_limit(&app, &belongings).await?;
    let leaves_pool = matches!(belongings.pool, Some(None));
    let now = app.now();
    let work = app.store.records().transact(move |tx| {
        let (update, place, plan, made) = (update.clone(), place.clone(), plan.clone(), made.clone());
        Box::pin(async move {
            let before: Deployment = tx.lock_first(ID.is(id)).await?.ok_or(NOT_FOUND)?;
            let mut after = before.clone();
            update.apply(&mut after);
            after.updated = now;
            if leaves_pool {
                (after.work_queue_id, after.work_queue_name) = (None, None);
            }
            if let Some(place) = &place {
                take_place(&mut after, place);
            }
            if let Some(shared) = shared_limit {
                after.concurrency_limit_id = shared;
            }
            tx.put(&after).await?;
            plan.carry_out(tx, &before, &after, made, now).await?;
            Ok::<_, ApiError>((before, after))
        })
    });
    let (before, mut after) = work.await?;
    own_limit(&app, &belongings, &mut after).await?;
    tell_changes(&app, &before, &after, &Surroundings::of(&app, &after).await?);
    Ok(StatusCode::NO_CONTENT)
}

/// Checks the parameters that a deployment will have against the schema that it will have.
fn check_update(known: &Deployment, update: &DeploymentUpdate) -> Result<(), ApiError> {
    if !update.enforce_parameter_schema.unwrap_or(known.enforce_parameter_schema) {
        return Ok(());
    }
    let parameters = update.parameters.as_ref().unwrap_or(&known.parameters);
    let given = update.parameter_openapi_schema.as_ref().and_then(Option::as_ref);
    let Some(schema) = given.or(known.parameter_openapi_schema.as_ref()) else { return Err(no_schema()) };
    check_parameters(parameters, schema, true)
        .map_err(|mistake| refused(StatusCode::CONFLICT, "updating deployment", &mistake))
}

/// Says that parameters cannot be checked.
pub(super) fn no_schema() -> ApiError {
    let why = "Error updating deployment: Cannot update parameters because parameter schema enforcement is enabled and \
               the deployment does not have a valid parameter schema.";
    ApiError::Refused(StatusCode::CONFLICT, why.to_owned())
}

/// Says what is wrong with values. A schema in circles is refused as such.
pub(super) fn refused(status: StatusCode, doing: &str, mistake: &Mistake) -> ApiError {
    match mistake {
        Mistake::Circular => ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, mistake.to_string()),
        _ => ApiError::Refused(status, format!("Error {doing}: {mistake}")),
    }
}

fn one_limit(belongings: &Belongings) -> Result<(), ApiError> {
    if let (Some(Some(_)), Some(Some(_))) = (belongings.limit, belongings.shared_limit) {
        let why = "Value error, A deployment cannot have both a concurrency limit and a global concurrency limit.";
        return Err(ApiError::invalid("value_error", &[], why, Value::Null));
    }
    Ok(())
}

/// Finds the place that a body names; none if it names none.
async fn place(app: &App, belongings: &Belongings) -> Result<Option<Place>, ApiError> {
    let pool = belongings.pool.as_ref().and_then(Option::as_deref);
    let queue = belongings.queue.as_ref().and_then(Option::as_deref);
    place_for(app, pool, queue).await
}

/// Tells which limit a deployment is to share with others, if something is said of that.
async fn shared_limit(app: &App, belongings: &Belongings) -> Result<Option<Option<Uuid>>, ApiError> {
    if let Some(Some(id)) = belongings.shared_limit
        && !app.store.limits().await?.iter().any(|limit| limit.id.0 == id)
    {
        return Err(ApiError::NotFound("Concurrency limit not found"));
    }
    Ok(belongings.shared_limit)
}

/// Makes the limit of its own that a deployment is to have, before the deployment has it: no run of a new one may begin without. Tells whose
/// it is, and its id. The deployment of this flow and name may have another id than the one that it would get.
async fn limit_ahead(
    app: &App,
    belongings: &Belongings,
    new: &DeploymentCreate,
    id: Uuid,
) -> Result<Option<(Uuid, Uuid)>, ApiError> {
    let Some(Some(limit)) = belongings.limit else { return Ok(None) };
    let same = Condition::All(vec![FLOW_ID.is(new.flow_id), NAME.is(new.name.as_str())]);
    let known: Option<Deployment> = app.store.records().first(same).await?;
    let id = known.map_or(id, |known| known.id);
    Ok(limit_to(app, id, limit.get()).await?.map(|limit| (id, limit)))
}

/// Gives a deployment a limit of its own or takes that away, if something is said of it.
async fn own_limit(app: &App, belongings: &Belongings, deployment: &mut Deployment) -> Result<(), ApiError> {
    let Some(limit) = belongings.limit else { return Ok(()) };
    let limit = match limit {
        Some(limit) => limit_to(app, deployment.id, limit.get()).await?,
        None => {
            remove_limit(app, deployment.id).await?;
            None
        }
    };
    if deployment.concurrency_limit_id == limit {
        return Ok(());
    }
    deployment.concurrency_limit_id = limit;
    set(app, deployment.id, move |_| vec![(CONCURRENCY_LIMIT_ID, limit.into())], None).await
}

async fn pause(State(app): State<App>, Id(id): Id) -> Result<Json<Value>, ApiError> {
    rest(&app, id, true).await
}

async fn resume(State(app): State<App>, Id(id): Id) -> Result<Json<Value>, ApiError> {
    rest(&app, id, false).await
}

/// Lets the schedules of a deployment rest, and takes back what they have made; or lets them go on.
async fn rest(app: &App, id: Uuid, paused: bool) -> Result<Json<Value>, ApiError> {
    find(app, id).await?;
    let taken = paused.then_some(Waiting::Scheduled);
    set(app, id, move |now| vec![(PAUSED, paused.into()), (UPDATED, now.into())], taken).await?;
    Ok(Json(Value::Null))
}

type Columns = Vec<(flowcore::store::query::Column, flowcore::store::records::Value)>;

/// Sets columns of a deployment, and takes back runs of it.
async fn set(
    app: &App,
    id: Uuid,
    columns: impl Fn(Timestamp) -> Columns + Send + Sync + 'static,
    waiting: Option<Waiting>,
) -> Result<(), ApiError> {
    let now = app.now();
    let work = app.store.records().transact(move |tx: &mut Tx<'_>| {
        let columns = columns(now);
        Box::pin(async move {
            tx.update(TABLE, columns, ID.is(id)).await?;
            match waiting {
                Some(waiting) => take_back(tx, id, waiting, now).await?,
                None => look_anew(tx, id, now).await?,
            }
            Ok::<_, ApiError>(())
        })
    });
    work.await
}
