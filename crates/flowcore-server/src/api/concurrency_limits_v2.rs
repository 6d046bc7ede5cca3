//! Global concurrency limits: slots that clients take and give back.

mod leases;

use std::num::NonZeroU32;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use flowcore::model::{ConcurrencyLimit, Occupancy, SlotHolder, SlotId, Timestamp};
use flowcore::orchestration::{LimitUpdate, NewLimit, free_slots, set_slots_taken, slots_taken};
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::limits::{self, Taken, ask, refused, take};
use super::names::check_object_name;
use crate::error::ApiError;
use crate::extract::{Body, Paging, within};
use crate::routes::{Routes, op};
use crate::state::App;
use crate::usual_occupancy::UNKNOWN;

const NOT_FOUND: ApiError = ApiError::NotFound("Concurrency Limit not found");

pub(super) fn routes() -> Routes {
    Routes::new(&["Concurrency Limits V2"])
        .post("/v2/concurrency_limits/", op("create_concurrency_limit_v2", create).gives(StatusCode::CREATED))
        .post("/v2/concurrency_limits/filter", op("read_all_concurrency_limits_v2", list))
        .get("/v2/concurrency_limits/{id_or_name}", op("read_concurrency_limit_v2", read))
        .patch("/v2/concurrency_limits/{id_or_name}", op("update_concurrency_limit_v2", update))
        .delete("/v2/concurrency_limits/{id_or_name}", op("delete_concurrency_limit_v2", delete))
        .post("/v2/concurrency_limits/increment", op("bulk_increment_active_slots", increment))
        .post("/v2/concurrency_limits/decrement", op("bulk_decrement_active_slots", decrement))
        .merge(leases::routes())
}

/// A limit to be made.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConcurrencyLimitV2Create {
    name: String,
    limit: u32,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    active_slots: u32,
    #[serde(default)]
    denied_slots: u32,
    #[serde(default, deserialize_with = "from_zero")]
    #[schemars(range(min = 0.0))]
    slot_decay_per_second: f64,
}

fn yes() -> bool {
    true
}

fn from_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, 0.0..)
}

fn above_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let seconds = Option::<f64>::deserialize(deserializer)?;
    if seconds.is_some_and(|seconds| seconds <= 0.0) {
        return Err(D::Error::custom("it is not above 0"));
    }
    Ok(seconds)
}

/// A limit.
#[derive(Debug, Serialize, JsonSchema)]
struct ConcurrencyLimitV2 {
    id: Uuid,
    created: Moment,
    updated: Moment,
    active: bool,
    name: String,
    limit: u32,
    active_slots: u64,
    denied_slots: u32,
    slot_decay_per_second: f64,
    avg_slot_occupancy_seconds: f64,
}

/// A limit, and how much of it is taken now.
#[derive(Debug, Serialize, JsonSchema)]
struct GlobalConcurrencyLimit {
    id: Uuid,
    created: Moment,
    updated: Moment,
    active: bool,
    name: String,
    limit: u32,
    active_slots: u64,
    slot_decay_per_second: f64,
}

impl GlobalConcurrencyLimit {
    fn new(limit: &ConcurrencyLimit, occupancy: &Occupancy, now: Timestamp) -> Self {
        GlobalConcurrencyLimit {
            id: limit.id.0,
            created: Moment(limit.created),
            updated: Moment(limit.updated),
            active: limit.active,
            name: limit.name.clone(),
            limit: limit.limit,
            active_slots: slots_taken(occupancy, limit, now),
            slot_decay_per_second: limit.slot_decay_per_second,
        }
    }
}

/// What clients need to know of a limit that they use.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MinimalLimit {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) limit: u32,
}

impl From<ConcurrencyLimit> for MinimalLimit {
    fn from(limit: ConcurrencyLimit) -> Self {
        MinimalLimit { id: limit.id.0, name: limit.name, limit: limit.limit }
    }
}

async fn create(
    State(app): State<App>,
    Body(body): Body<ConcurrencyLimitV2Create>,
) -> Result<(StatusCode, Json<ConcurrencyLimitV2>), ApiError> {
    if !body.name.starts_with(limits::TAG) {
        check_object_name("name", &body.name, &body)?;
    }
    let new = NewLimit {
        name: body.name,
        limit: body.limit,
        slot_decay_per_second: body.slot_decay_per_second,
        active: body.active,
    };
    let made = app.orchestrator.create_limit(new).await?.map_err(|error| refused(&error))?;
    if body.active_slots > 0 {
        set_taken(&app, &made.name, body.active_slots).await?;
    }
    app.usual_occupancy.set_denied(&made, body.denied_slots, made.created);
    let told = ConcurrencyLimitV2 {
        id: made.id.0,
        created: Moment(made.created),
        updated: Moment(made.updated),
        active: made.active,
        name: made.name,
        limit: made.limit,
        active_slots: u64::from(body.active_slots),
        denied_slots: body.denied_slots,
        slot_decay_per_second: made.slot_decay_per_second,
        avg_slot_occupancy_seconds: UNKNOWN,
    };
    Ok((StatusCode::CREATED, Json(told)))
}

async fn set_taken(app: &App, name: &str, slots: u32) -> Result<(), ApiError> {
    let (names, name) = (vec![name.to_owned()], name.to_owned());
    let (id, now) = (SlotId(app.clock.uuid()), app.now());
    let decide = move |occupancy: &mut Occupancy| set_slots_taken(occupancy, &name, slots, id, now);
    Ok(app.orchestrator.decide_slots(names, decide).await?)
}

/// Finds a limit by its id or its name.
async fn find(app: &App, id_or_name: &str) -> Result<ConcurrencyLimit, ApiError> {
    if let Ok(id) = Uuid::parse_str(id_or_name) {
        return limits::by_id(app, id).await?.ok_or(NOT_FOUND);
    }
    let found = limits::occupancy(app, vec![id_or_name.to_owned()]).await?;
    found.limit(id_or_name).filter(|limit| !limit.is_lock()).cloned().ok_or(NOT_FOUND)
}

async fn read(
    State(app): State<App>,
    Path(id_or_name): Path<String>,
) -> Result<Json<GlobalConcurrencyLimit>, ApiError> {
    let limit = find(&app, &id_or_name).await?;
    let occupancy = limits::occupancy(&app, vec![limit.name.clone()]).await?;
    Ok(Json(GlobalConcurrencyLimit::new(&limit, &occupancy, app.now())))
}

/// Lists limits by name.
async fn list(
    State(app): State<App>,
    Body(paging): Body<Paging>,
) -> Result<Json<Vec<GlobalConcurrencyLimit>>, ApiError> {
    let page = paging.page()?;
    let all = app.store.limits().await?;
    let some: Vec<_> = all.into_iter().skip(page.offset as usize).take(page.limit as usize).collect();
    let occupancy = limits::occupancy(&app, some.iter().map(|limit| limit.name.clone()).collect()).await?;
    let now = app.now();
    Ok(Json(some.iter().map(|limit| GlobalConcurrencyLimit::new(limit, &occupancy, now)).collect()))
}

/// What is to be changed of a limit.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct ConcurrencyLimitV2Update {
    active: Option<bool>,
    name: Option<String>,
    limit: Option<u32>,
    active_slots: Option<u32>,
    denied_slots: Option<u32>,
    #[schemars(range(min = 0.0))]
    slot_decay_per_second: Option<f64>,
}

async fn update(
    State(app): State<App>,
    Path(id_or_name): Path<String>,
    Body(body): Body<ConcurrencyLimitV2Update>,
) -> Result<StatusCode, ApiError> {
    if let Some(name) = body.name.as_ref().filter(|name| !name.starts_with(limits::TAG)) {
        check_object_name("name", name, &body)?;
    }
    let limit = find(&app, &id_or_name).await?;
    let update = LimitUpdate {
        name: body.name,
        limit: body.limit,
        slot_decay_per_second: body.slot_decay_per_second,
        active: body.active,
    };
    let limit = app.orchestrator.update_limit(&limit.name, update).await?.map_err(|error| refused(&error))?;
    if let Some(slots) = body.active_slots {
        set_taken(&app, &limit.name, slots).await?;
    }
    if let Some(slots) = body.denied_slots {
        app.usual_occupancy.set_denied(&limit, slots, app.now());
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(State(app): State<App>, Path(id_or_name): Path<String>) -> Result<StatusCode, ApiError> {
    let limit = find(&app, &id_or_name).await?;
    app.orchestrator.delete_limit(&limit.name).await?.map_err(|_| NOT_FOUND)?;
    app.usual_occupancy.forget(&limit.name);
    Ok(StatusCode::NO_CONTENT)
}

/// For what slots are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Mode {
    /// To hold them.
    #[default]
    Concurrency,
    /// To go on in its turn.
    RateLimit,
}

/// A wish for slots.
#[derive(Debug, Deserialize, JsonSchema)]
struct Increment {
    #[schemars(extend("exclusiveMinimum" = 0))]
    slots: NonZeroU32,
    names: Vec<String>,
    #[serde(default)]
    mode: Mode,
    /// Limits have to be made before.
    #[serde(default)]
    #[expect(dead_code, reason = "older clients say it")]
    create_if_missing: Option<bool>,
}

/// Takes slots that are given back by their number.
async fn increment(State(app): State<App>, Body(body): Body<Increment>) -> Result<Json<Vec<MinimalLimit>>, ApiError> {
    let mut ask = ask(&app, app.clock.uuid(), body.names, body.slots.get(), SlotHolder::default());
    ask.rate = body.mode == Mode::RateLimit;
    let (limits, _) = taken(&app, body.slots, take(&app, ask).await?)?;
    Ok(Json(limits))
}

fn taken(app: &App, slots: NonZeroU32, taken: Taken) -> Result<(Vec<MinimalLimit>, bool), ApiError> {
    let refuse = |why: String| Err(ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, why));
    match taken {
        Taken::All { limits, to_give_back } => Ok((limits.into_iter().map(Into::into).collect(), to_give_back)),
        Taken::None(limits) => Err(limits::later(app, &limits, slots.get())),
        Taken::TooMany => refuse("Slots requested is greater than the limit".to_owned()),
        Taken::NoRate(names) => refuse(format!(
            "Only concurrency limits with slot decay can be used for rate limiting. The following limits do not have \
             a decay configured: '{}'",
            names.join(",")
        )),
    }
}

/// Slots to be given back by their number.
#[derive(Debug, Deserialize, JsonSchema)]
struct Decrement {
    #[schemars(extend("exclusiveMinimum" = 0))]
    slots: NonZeroU32,
    names: Vec<String>,
    /// How long they were held.
    #[serde(default, deserialize_with = "above_zero")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    occupancy_seconds: Option<f64>,
    #[serde(default)]
    #[expect(dead_code, reason = "older clients say it")]
    create_if_missing: Option<bool>,
}

async fn decrement(State(app): State<App>, Body(body): Body<Decrement>) -> Result<Json<Vec<MinimalLimit>>, ApiError> {
    let (names, slots) = (body.names.clone(), body.slots.get());
    let decide = move |occupancy: &mut Occupancy| {
        let limits: Vec<ConcurrencyLimit> =
            occupancy.limits.iter().filter(|limit| names.contains(&limit.name)).cloned().collect();
        limits.iter().filter(|limit| limit.active).for_each(|limit| free_slots(occupancy, &limit.name, slots));
        limits
    };
    let limits = app.orchestrator.decide_slots(body.names, decide).await?;
    if let Some(seconds) = body.occupancy_seconds {
        app.usual_occupancy.note(&limits, seconds / f64::from(slots));
    }
    Ok(Json(limits.into_iter().map(Into::into).collect()))
}
