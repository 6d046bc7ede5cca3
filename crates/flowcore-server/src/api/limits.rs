//! What both versions of the API of concurrency limits do: both speak of the same limits, which programs with an engine of
//! their own have too.

use axum::http::StatusCode;
use flowcore::model::{ConcurrencyLimit, LimitId, Occupancy, SlotAnswer, SlotAsk, SlotHolder, SlotId};
use flowcore::orchestration::{LimitError, take_slots};
use uuid::Uuid;

use crate::error::ApiError;
use crate::state::App;

pub(super) use crate::task_slots::TAG;

/// Tells of a limit that cannot be made or changed.
pub(super) fn refused(error: &LimitError) -> ApiError {
    let status = match error {
        LimitError::Exists(_) => StatusCode::CONFLICT,
        LimitError::Missing(_) => StatusCode::NOT_FOUND,
        LimitError::Name(_) | LimitError::Decay(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    ApiError::Refused(status, error.to_string())
}

/// Finds a limit by its id.
pub(super) async fn by_id(app: &App, id: Uuid) -> Result<Option<ConcurrencyLimit>, ApiError> {
    Ok(app.store.limits().await?.into_iter().find(|limit| limit.id == LimitId(id)))
}

/// Tells how limits of these names stand.
pub(super) async fn occupancy(app: &App, names: Vec<String>) -> Result<Occupancy, ApiError> {
    Ok(app.store.occupancy(&names).await?)
}

/// What came of an attempt to take slots.
pub(super) enum Taken {
    /// They are taken of those of these limits that are in force; the others are told of as well.
    All {
        limits: Vec<ConcurrencyLimit>,
        /// Whether there is something to give back: of limits of a rate there is not.
        to_give_back: bool,
    },
    /// There are not enough.
    None(Vec<ConcurrencyLimit>),
    /// There never will be.
    TooMany,
    /// Some limits are of no rate.
    NoRate(Vec<String>),
}

/// Tries to take slots, and does not wait for them.
pub(super) async fn take(app: &App, ask: SlotAsk) -> Result<Taken, ApiError> {
    let clock = app.clock.clone();
    let names = ask.limits.clone();
    let decide = move |occupancy: &mut Occupancy| {
        let limits: Vec<ConcurrencyLimit> =
            occupancy.limits.iter().filter(|limit| ask.limits.contains(&limit.name)).cloned().collect();
        let in_force = || limits.iter().filter(|limit| limit.active);
        if in_force().any(|limit| limit.limit < ask.slots) {
            return Taken::TooMany;
        }
        let steady: Vec<String> = in_force().filter(|limit| !limit.decays()).map(|limit| limit.name.clone()).collect();
        if ask.rate && !steady.is_empty() {
            return Taken::NoRate(steady);
        }
        match take_slots(occupancy, &ask, clock.now()) {
            SlotAnswer::Granted { .. } => Taken::All { limits, to_give_back: !steady.is_empty() },
            SlotAnswer::Waits { .. } => Taken::None(limits),
            SlotAnswer::Refused(_) => Taken::TooMany,
        }
    };
    Ok(app.orchestrator.decide_slots(names, decide).await?)
}

/// Writes a wish for slots of somebody who does not wait in the queues.
pub(super) fn ask(app: &App, id: Uuid, limits: Vec<String>, slots: u32, holder: SlotHolder) -> SlotAsk {
    let (process_id, due) = (None, app.now());
    SlotAsk { id: SlotId(id), limits, slots, holder, process_id, due, expires: None, strict: false, rate: false }
}

/// Tells who found no free slots when to ask again: not all at the same moment.
pub(super) fn later(app: &App, limits: &[ConcurrencyLimit], slots: u32) -> ApiError {
    let in_force: Vec<_> = limits.iter().filter(|limit| limit.active).collect();
    let wait = app.usual_occupancy.deny(&in_force, slots, app.now());
    let jitter = 0.75 + 0.55 * app.clock.random();
    ApiError::Locked { why: "Locked".to_owned(), seconds: Some(wait * jitter) }
}
