//! Concurrency limits by tag, as clients before the global ones spoke of them: the limit of a tag is the global limit
//! `tag:NAME`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use flowcore::model::{ConcurrencyLimit, Occupancy, SlotHolder, SlotId, TaskRunId};
use flowcore::orchestration::{LimitError, LimitUpdate, NewLimit, SlotsBack, set_slots_taken, take_slots};
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::concurrency_limits_v2::MinimalLimit;
use super::limits::{self, TAG, Taken, ask, refused, take};
use crate::error::ApiError;
use crate::extract::{Body, Id, Paging};
use crate::routes::{Routes, op};
use crate::state::App;

const NOT_FOUND: ApiError = ApiError::NotFound("Concurrency limit not found");

/// When who finds no free slot is to come again, in seconds.
const WAIT: f64 = 30.0;

pub(super) fn routes() -> Routes {
    Routes::new(&["Concurrency Limits"])
        .post("/concurrency_limits/", op("create_concurrency_limit", create).gives(StatusCode::OK))
        .post("/concurrency_limits/filter", op("read_concurrency_limits", list))
        .get("/concurrency_limits/{id}", op("read_concurrency_limit", read))
        .delete("/concurrency_limits/{id}", op("delete_concurrency_limit", delete).gives(StatusCode::OK))
        .get("/concurrency_limits/tag/{tag}", op("read_concurrency_limit_by_tag", by_tag))
        .delete(
            "/concurrency_limits/tag/{tag}",
            op("delete_concurrency_limit_by_tag", delete_tag).gives(StatusCode::OK),
        )
        .post("/concurrency_limits/tag/{tag}/reset", op("reset_concurrency_limit_by_tag", reset).gives(StatusCode::OK))
        .post("/concurrency_limits/increment", op("increment_concurrency_limits_v1", increment))
        .post("/concurrency_limits/decrement", op("decrement_concurrency_limits_v1", decrement))
}

/// A limit of a tag.
#[derive(Debug, Serialize, JsonSchema)]
struct TagLimit {
    id: Uuid,
    created: Moment,
    updated: Moment,
    tag: String,
    concurrency_limit: u32,
    /// The task runs that have a slot.
    active_slots: Vec<Uuid>,
}

/// Tells of a limit of a tag, if it is one.
fn told(limit: &ConcurrencyLimit, occupancy: &Occupancy) -> Option<TagLimit> {
    let tag = limit.name.strip_prefix(TAG)?.to_owned();
    let leases = occupancy.leases.iter().filter(|lease| lease.limit == limit.name);
    Some(TagLimit {
        id: limit.id.0,
        created: Moment(limit.created),
        updated: Moment(limit.updated),
        tag,
        concurrency_limit: limit.limit,
        active_slots: leases.filter_map(|lease| lease.holder.task_run_id).map(|id| id.0).collect(),
    })
}

async fn tell(app: &App, limit: &ConcurrencyLimit) -> Result<TagLimit, ApiError> {
    let occupancy = limits::occupancy(app, vec![limit.name.clone()]).await?;
    told(limit, &occupancy).ok_or(NOT_FOUND)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConcurrencyLimitCreate {
    tag: String,
    concurrency_limit: u32,
}

/// Makes the limit of a tag, or changes it.
async fn create(
    State(app): State<App>,
    Body(body): Body<ConcurrencyLimitCreate>,
) -> Result<(StatusCode, Json<TagLimit>), ApiError> {
    let name = format!("{TAG}{}", body.tag);
    let made = app.orchestrator.create_limit(NewLimit::new(name.clone(), body.concurrency_limit)).await?;
    let (status, limit) = match made {
        Ok(limit) => (StatusCode::CREATED, limit),
        Err(LimitError::Exists(_)) => {
            let update = LimitUpdate { limit: Some(body.concurrency_limit), ..LimitUpdate::default() };
            let changed = app.orchestrator.update_limit(&name, update).await?.map_err(|error| refused(&error))?;
            (StatusCode::OK, changed)
        }
        Err(error) => return Err(refused(&error)),
    };
    Ok((status, Json(tell(&app, &limit).await?)))
}

async fn list(State(app): State<App>, Body(paging): Body<Paging>) -> Result<Json<Vec<TagLimit>>, ApiError> {
    let page = paging.page()?;
    let all = app.store.limits().await?.into_iter().filter(|limit| limit.name.starts_with(TAG));
    let some: Vec<_> = all.skip(page.offset as usize).take(page.limit as usize).collect();
    let occupancy = limits::occupancy(&app, some.iter().map(|limit| limit.name.clone()).collect()).await?;
    Ok(Json(some.iter().filter_map(|limit| told(limit, &occupancy)).collect()))
}

async fn find(app: &App, id: Uuid) -> Result<ConcurrencyLimit, ApiError> {
    limits::by_id(app, id).await?.filter(|limit| limit.name.starts_with(TAG)).ok_or(NOT_FOUND)
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<TagLimit>, ApiError> {
    let limit = find(&app, id).await?;
    Ok(Json(tell(&app, &limit).await?))
}

async fn by_tag(State(app): State<App>, Path(tag): Path<String>) -> Result<Json<TagLimit>, ApiError> {
    let name = format!("{TAG}{tag}");
    let occupancy = limits::occupancy(&app, vec![name.clone()]).await?;
    occupancy.limit(&name).and_then(|limit| told(limit, &occupancy)).map(Json).ok_or(NOT_FOUND)
}

async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    let limit = find(&app, id).await?;
    remove(&app, &limit.name).await
}

async fn delete_tag(State(app): State<App>, Path(tag): Path<String>) -> Result<StatusCode, ApiError> {
    remove(&app, &format!("{TAG}{tag}")).await
}

async fn remove(app: &App, name: &str) -> Result<StatusCode, ApiError> {
    app.orchestrator.delete_limit(name).await?.map_err(|_| NOT_FOUND)?;
    app.usual_occupancy.forget(name);
    Ok(StatusCode::OK)
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Reset {
    slot_override: Option<Vec<Uuid>>,
}

fn holder(task_run: Uuid) -> SlotHolder {
    SlotHolder { task_run_id: Some(TaskRunId(task_run)), ..SlotHolder::default() }
}

/// Takes the slots of a tag from all clients, and gives them to these task runs.
async fn reset(
    State(app): State<App>,
    Path(tag): Path<String>,
    Body(reset): Body<Reset>,
) -> Result<StatusCode, ApiError> {
    let name = format!("{TAG}{tag}");
    let to = reset.slot_override.unwrap_or_default();
    let asks: Vec<_> = to.iter().map(|id| ask(&app, *id, vec![name.clone()], 1, holder(*id))).collect();
    let (nobody, now) = (SlotId(app.clock.uuid()), app.now());
    let decide = {
        let name = name.clone();
        move |occupancy: &mut Occupancy| {
            set_slots_taken(occupancy, &name, 0, nobody, now);
            for ask in &asks {
                take_slots(occupancy, ask, now);
            }
            occupancy.limit(&name).is_some()
        }
    };
    if app.orchestrator.decide_slots(vec![name], decide).await? { Ok(StatusCode::OK) } else { Err(NOT_FOUND) }
}

/// Tags, and a task run that takes or gives back a slot of each.
#[derive(Debug, Deserialize, JsonSchema)]
struct OfTaskRun {
    names: Vec<String>,
    task_run_id: Uuid,
}

async fn increment(State(app): State<App>, Body(body): Body<OfTaskRun>) -> Result<Json<Vec<MinimalLimit>>, ApiError> {
    let names: Vec<String> = body.names.iter().map(|tag| format!("{TAG}{tag}")).collect();
    let ask = ask(&app, body.task_run_id, names, 1, holder(body.task_run_id));
    let tags = body.names.join(", ");
    match take(&app, ask).await? {
        Taken::All { limits, .. } => {
            let tag = |limit: &ConcurrencyLimit| limit.name.trim_start_matches(TAG).to_owned();
            let limits = limits.into_iter().filter(|limit| limit.active);
            let told = limits.map(|limit| MinimalLimit { id: limit.id.0, name: tag(&limit), limit: limit.limit });
            Ok(Json(told.collect()))
        }
        Taken::None(limits) => {
            let tag = limits.first().map_or(tags, |limit| limit.name.trim_start_matches(TAG).to_owned());
            let why = format!("Concurrency limit for the {tag} tag has been reached");
            Err(ApiError::Locked { why, seconds: Some(WAIT) })
        }
        Taken::TooMany | Taken::NoRate(_) => {
            let why = format!(
                "The concurrency limit on tag \"{tags}\" is 0 and will deadlock if the task tries to run again."
            );
            Err(ApiError::Locked { why, seconds: None })
        }
    }
}

async fn decrement(State(app): State<App>, Body(body): Body<OfTaskRun>) -> Result<Json<Vec<MinimalLimit>>, ApiError> {
    let names: Vec<String> = body.names.iter().map(|tag| format!("{TAG}{tag}")).collect();
    let occupancy = limits::occupancy(&app, names.clone()).await?;
    let of_run = occupancy.leases.iter().filter(|lease| lease.holder.task_run_id == Some(TaskRunId(body.task_run_id)));
    let back: Vec<_> = of_run.map(|lease| SlotsBack { id: lease.id, limits: names.clone() }).collect();
    let now = app.now();
    back.iter().for_each(|back| app.usual_occupancy.note_end(&occupancy, back.id, now));
    app.orchestrator.give_slots_back(back).await?;
    Ok(Json(occupancy.limits.into_iter().map(Into::into).collect()))
}
