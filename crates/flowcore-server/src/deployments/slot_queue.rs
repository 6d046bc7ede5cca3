//! The queues of runs that wait for a slot of a deployment's limit: who has waited longest is called when a slot is free.
//!
//! A run in AwaitingConcurrencySlot has a place in the queue of its limit, in the order in which runs were to start, and nobody
//! who comes later gets a slot before it. To be called is to be due at once, and to keep the place for a few seconds more, in which
//! a worker takes the run or another one gets its turn. Runs that are not called, since a server has died, are due after a while.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use flowcore::model::{FlowRun, FlowRunId, Occupancy, Page, SlotId, SlotRequest, StateName, StateType, Timestamp};
use flowcore::orchestration::slots_taken;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Condition, Kind, Selection, Table, Test};
use flowcore::store::records::{Record, Row, Value};

use super::slots::holder;
use crate::moving::move_on;
use crate::state::App;

/// How long the place of a run is kept that is due and that nobody takes: workers that hear no events ask every few seconds.
const PATIENCE: TimeDelta = TimeDelta::seconds(10);

/// Gives a run that has got no slot of a limit its place in the queue. Tells whether its turn has come meanwhile.
pub(super) async fn queue_up(app: &App, run: &FlowRun, limit: &str) -> Result<bool, StoreError> {
    let place = SlotRequest {
        id: SlotId(run.id.0),
        limit: limit.to_owned(),
        slots: 1,
        holder: holder(run),
        process_id: None,
        due: run.times.expected_start_time,
        expires: run.state.scheduled_time().and_then(|due| due.checked_add_signed(PATIENCE)),
    };
    let decide = move |occupancy: &mut Occupancy| {
        occupancy.requests.retain(|request| request.id != place.id || request.limit != place.limit);
        if occupancy.limit(&place.limit).is_some() {
            occupancy.requests.push(place.clone());
        }
    };
    app.orchestrator.decide_slots(vec![limit.to_owned()], decide).await?;
    // A slot may have become free before the place was there.
    Ok(call_waiting(app, limit).await?.contains(&run.id))
}

/// Calls the runs that have waited longest for a limit, as many as it has free slots, and lists those whose turn it is.
pub(super) async fn call_waiting(app: &App, limit: &str) -> Result<Vec<FlowRunId>, StoreError> {
    let mut called = Vec::new();
    let occupancy = app.store.occupancy(&[limit.to_owned()]).await?;
    let (Some(of), now) = (occupancy.limit(limit), app.now()) else { return Ok(called) };
    let mut free = match of.active {
        true => u64::from(of.limit).saturating_sub(slots_taken(&occupancy, of, now)),
        false => u64::MAX,
    };
    let mut places: Vec<&SlotRequest> =
        occupancy.requests.iter().filter(|place| place.expires.is_none_or(|expires| expires > now)).collect();
    places.sort_by_key(|place| place.place());
    for place in places {
        let slots = u64::from(place.slots);
        if slots > free {
            break;
        }
        // Programs look after the places that they have themselves.
        let run = place.holder.flow_run_id.filter(|run| run.0 == place.id.0);
        if run.is_none_or(|_| place.process_id.is_some()) {
            free -= slots;
        } else if let Some(run) = run
            && call(app, run, place, now).await?
        {
            called.push(run);
            free -= slots;
        }
    }
    Ok(called)
}

/// Lets a run be due now, and keeps its place until somebody can have taken it. False: it does not wait any more.
async fn call(app: &App, run: FlowRunId, place: &SlotRequest, now: Timestamp) -> Result<bool, StoreError> {
    let waits = |run: &FlowRun| run.state.name == StateName::AWAITING_CONCURRENCY_SLOT;
    let Some(run) = app.store.flow_run(run).await?.filter(waits) else {
        set_end(app, place, now).await?;
        return Ok(false);
    };
    if run.state.scheduled_time().is_none_or(|due| due <= now) {
        return Ok(true);
    }
    let due = app.state(StateType::Scheduled).named(StateName::AWAITING_CONCURRENCY_SLOT).scheduled_for(now);
    if let Some(moved) = move_on(app, &run, due).await? {
        app.events.tell_state(&moved, &run.state).await;
        set_end(app, place, now.checked_add_signed(PATIENCE).unwrap_or(now)).await?;
    }
    Ok(true)
}

/// Lets a place end at this time, if it still is as it was seen.
async fn set_end(app: &App, place: &SlotRequest, end: Timestamp) -> Result<(), StoreError> {
    let seen = place.clone();
    let decide = move |occupancy: &mut Occupancy| {
        let its = occupancy.requests.iter_mut().filter(|request| **request == seen);
        its.for_each(|request| request.expires = Some(end));
    };
    app.orchestrator.decide_slots(vec![place.limit.clone()], decide).await
}

/// The limit that somebody waits for.
struct Wanted(String);

const PROCESS_ID: Column = Column::new("process_id", Kind::Id, true);

impl Record for Wanted {
    const TABLE: Table = Table::new("slot_requests");
    const COLUMNS: &'static [Column] =
        &[Column::new("id", Kind::Id, false), Column::new("limit_name", Kind::Text, false)];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        row.id()?;
        Ok(Wanted(row.text()?))
    }

    fn values(&self) -> Vec<Value> {
        vec![Value::Id(None), self.0.as_str().into()]
    }
}

/// Calls who waits for slots that have become free without anybody's telling: by the time, or by a higher limit.
pub(crate) async fn call_all_waiting(app: &App) -> Result<(), StoreError> {
    let condition = Condition::Column(PROCESS_ID, Test::IsNull(true));
    let wanted = Selection { condition, sort: Vec::new(), page: Page::ALL };
    let wanted: Vec<Wanted> = app.store.records().list(&wanted).await?;
    let limits: BTreeSet<String> = wanted.into_iter().map(|wanted| wanted.0).collect();
    for limit in limits {
        call_waiting(app, &limit).await?;
    }
    Ok(())
}
