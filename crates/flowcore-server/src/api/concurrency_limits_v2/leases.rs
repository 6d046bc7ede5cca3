//! Slots for a time: leases that end unless they are renewed.

use std::num::NonZeroU32;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::TimeDelta;
use flowcore::model::{Occupancy, SlotHolder, SlotId, Timestamp};
use flowcore::orchestration::{SlotsBack, renew_slots};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::{MinimalLimit, Mode, taken};
use crate::api::limits::{self, ask, take};
use crate::error::ApiError;
use crate::extract::{Body, within};
use crate::leases::limits_of_lease;
use crate::routes::{Routes, op};
use crate::state::App;

/// The lease of who holds nothing: there are no such limits, or their slots come back by themselves.
const NOTHING: Uuid = Uuid::max();

pub(super) fn routes() -> Routes {
    Routes::new(&["Concurrency Limits V2"])
        .post("/v2/concurrency_limits/increment-with-lease", op("bulk_increment_active_slots_with_lease", lend))
        .post("/v2/concurrency_limits/decrement-with-lease", op("bulk_decrement_active_slots_with_lease", give_back))
        .post("/v2/concurrency_limits/leases/{lease_id}/renew", op("renew_concurrency_lease", renew))
}

/// Who holds a lease.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Holder {
    #[serde(rename = "type")]
    kind: HolderKind,
    id: Uuid,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum HolderKind {
    FlowRun,
    TaskRun,
    Deployment,
}

impl From<Holder> for SlotHolder {
    fn from(holder: Holder) -> Self {
        let mut told = SlotHolder::default();
        match holder.kind {
            HolderKind::FlowRun => told.flow_run_id = Some(holder.id.into()),
            HolderKind::TaskRun => told.task_run_id = Some(holder.id.into()),
            HolderKind::Deployment => told.name = format!("deployment {}", holder.id),
        }
        told
    }
}

/// How long a lease lasts, in seconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
struct Duration {
    #[serde(default = "five_minutes", deserialize_with = "minute_to_day")]
    #[schemars(range(min = 60.0, max = 86400.0))]
    lease_duration: f64,
}

fn five_minutes() -> f64 {
    300.0
}

fn minute_to_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, 60.0..=86_400.0)
}

impl Duration {
    /// Tells when a lease ends that begins now.
    fn end(self, now: Timestamp) -> Timestamp {
        now + TimeDelta::microseconds((self.lease_duration * 1e6) as i64)
    }
}

/// A wish for slots for a time.
#[derive(Debug, Deserialize, JsonSchema)]
struct Lend {
    #[schemars(extend("exclusiveMinimum" = 0))]
    slots: NonZeroU32,
    names: Vec<String>,
    #[serde(default)]
    mode: Mode,
    #[serde(flatten)]
    duration: Duration,
    holder: Option<Holder>,
}

/// Slots that were taken for a time.
#[derive(Debug, Serialize, JsonSchema)]
struct Lease {
    lease_id: Uuid,
    limits: Vec<MinimalLimit>,
}

/// Takes slots until the lease is given back, or ends without having been renewed.
async fn lend(State(app): State<App>, Body(body): Body<Lend>) -> Result<Json<Lease>, ApiError> {
    let end = body.duration.end(app.now());
    let id = app.clock.uuid();
    let holder: SlotHolder = body.holder.map(Into::into).unwrap_or_default();
    let mut ask = ask(&app, id, body.names.clone(), body.slots.get(), holder.clone());
    (ask.expires, ask.rate) = (Some(end), body.mode == Mode::RateLimit);
    let answer = taken(&app, body.slots, take(&app, ask).await?);
    match &answer {
        Err(ApiError::Locked { seconds, .. }) => {
            app.turned_away.note(&holder, &body.names, seconds.unwrap_or_default(), app.now());
        }
        _ => app.turned_away.forget(&holder),
    }
    let (limits, to_give_back) = answer?;
    Ok(Json(Lease { lease_id: if to_give_back { id } else { NOTHING }, limits }))
}

#[derive(Debug, Deserialize, JsonSchema)]
struct GiveBack {
    lease_id: Uuid,
}

async fn give_back(State(app): State<App>, Body(body): Body<GiveBack>) -> Result<StatusCode, ApiError> {
    let limits = limits_of_lease(&app, SlotId(body.lease_id)).await?;
    if !limits.is_empty() {
        let id = SlotId(body.lease_id);
        app.usual_occupancy.note_end(&limits::occupancy(&app, limits.clone()).await?, id, app.now());
        app.orchestrator.give_slots_back(vec![SlotsBack { id, limits }]).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn renew(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    Body(duration): Body<Duration>,
) -> Result<StatusCode, ApiError> {
    let now = app.now();
    let end = duration.end(now);
    if id == NOTHING {
        return Ok(StatusCode::NO_CONTENT);
    }
    let limits = limits_of_lease(&app, SlotId(id)).await?;
    let decide = move |occupancy: &mut Occupancy| renew_slots(occupancy, SlotId(id), Some(end), now);
    if !limits.is_empty() && app.orchestrator.decide_slots(limits, decide).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let why = "Lease not found - it may have expired or been revoked".to_owned();
    Err(ApiError::Refused(StatusCode::GONE, why))
}
