//! Slots of the limits of deployments, which runs have from PENDING on until they leave what is under way.

use chrono::TimeDelta;
use flowcore::model::{FlowRun, SlotAnswer, SlotAsk, SlotHolder, SlotId, State, StateName, StateType, Timestamp};
use flowcore::orchestration::SlotsBack;
use flowcore::store::{SlotDecision, StoreError};

use super::deployment::{self, CollisionStrategy, Deployment};
use crate::state::App;

/// For how long a run that has a slot may not begin, in seconds, where its deployment does not say.
const GRACE: u32 = 300;

/// When a run that waits for a slot is due again, in seconds.
const WAIT: i64 = 30;

/// What became of a run's wish to be under way.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    /// It needs none, or has one.
    Free,
    /// It has been given one of this limit.
    Taken(String),
    /// There is none: this is what the run is to enter instead.
    Full(State),
}

/// What is said of a run that has got no slot.
pub(crate) const FULL: &str = "Deployment concurrency limit reached.";

fn is_under_way(kind: StateType) -> bool {
    matches!(kind, StateType::Pending | StateType::Running | StateType::Cancelling)
}

/// Takes a slot for a run that is to enter a state, if it needs one for that.
pub(crate) async fn take_slot(app: &App, run: &FlowRun, proposed: StateType) -> Result<Slot, StoreError> {
    if proposed != StateType::Pending || is_under_way(run.state.kind) || run.state.is_terminal() {
        return Ok(Slot::Free);
    }
    let Some((deployment, limit)) = limit_of(app, run).await? else { return Ok(Slot::Free) };
    let (now, options) = (app.now(), deployment.concurrency_options);
    let grace = options.as_ref().and_then(|options| options.grace_period_seconds).unwrap_or(GRACE);
    let ask = SlotAsk {
        id: SlotId(run.id.0),
        limits: vec![limit.clone()],
        slots: 1,
        holder: SlotHolder { flow_run_id: Some(run.id), task_run_id: None, name: run.name.clone() },
        process_id: None,
        due: now,
        expires: now.checked_add_signed(TimeDelta::seconds(grace.into())),
        strict: false,
        rate: false,
    };
    loop {
        if let Some(SlotAnswer::Granted { .. }) = app.orchestrator.ask_for_slots(vec![ask.clone()]).await?.pop() {
            return Ok(Slot::Taken(limit));
        }
        // It does not keep its place: whoever asks when a slot is free has it, as in Prefect.
        give_back(app, run, limit.clone()).await?;
        if !free_lost_slots(app, &limit).await? {
            break;
        }
    }
    let instead = match options.map(|options| options.collision_strategy) {
        Some(CollisionStrategy::CancelNew) => app.state(StateType::Cancelled).message(FULL),
        Some(CollisionStrategy::Enqueue) | None => {
            let again = now.checked_add_signed(TimeDelta::seconds(WAIT)).unwrap_or(now);
            app.state(StateType::Scheduled).named(StateName::AWAITING_CONCURRENCY_SLOT).scheduled_for(again)
        }
    };
    Ok(Slot::Full(instead))
}

/// Keeps the slot of a run that has begun until it ends, and gives back that of one which is not under way any more.
pub(crate) async fn settle_slot(app: &App, before: StateType, run: &FlowRun) -> Result<(), StoreError> {
    let (held, holds) = (is_under_way(before), is_under_way(run.state.kind));
    if !held || run.origin.deployment_id.is_none() || (holds && run.state.kind != StateType::Running) {
        return Ok(());
    }
    let Some((_, limit)) = limit_of(app, run).await? else { return Ok(()) };
    if !holds {
        return give_back(app, run, limit).await;
    }
    let id = SlotId(run.id.0);
    let keep = SlotDecision::new(move |occupancy| {
        occupancy.leases.iter_mut().filter(|lease| lease.id == id).for_each(|lease| lease.expires = None::<Timestamp>);
    });
    app.store.decide_slots(vec![limit], keep).await
}

/// Gives back the slots of runs that are not under way any more, which nobody has told the server of: a program with an
/// engine of its own has found their process dead, or they went with their flow. Tells whether there were any.
async fn free_lost_slots(app: &App, limit: &str) -> Result<bool, StoreError> {
    let occupancy = app.store.occupancy(&[limit.to_owned()]).await?;
    let of_runs =
        occupancy.leases.iter().filter(|lease| lease.holder.flow_run_id.is_some_and(|run| run.0 == lease.id.0));
    let mut lost = Vec::new();
    for lease in of_runs {
        let run = match lease.holder.flow_run_id {
            Some(id) => app.store.flow_run(id).await?,
            None => None,
        };
        // Who is about to be under way has its slot already.
        if run.is_none_or(|run| run.state.is_terminal()) {
            lost.push(SlotsBack { id: lease.id, limits: vec![limit.to_owned()] });
        }
    }
    let any = !lost.is_empty();
    app.orchestrator.give_slots_back(lost).await?;
    Ok(any)
}

/// Gives back the slot of a run that is no more.
pub(crate) async fn forget_slot(app: &App, run: &FlowRun) -> Result<(), StoreError> {
    match limit_of(app, run).await? {
        Some((_, limit)) => give_back(app, run, limit).await,
        None => Ok(()),
    }
}

/// Gives back what a run has of a limit.
pub(crate) async fn give_back(app: &App, run: &FlowRun, limit: String) -> Result<(), StoreError> {
    app.orchestrator.give_slots_back(vec![SlotsBack { id: SlotId(run.id.0), limits: vec![limit] }]).await
}

/// Finds the deployment of a run, and the limit that it has.
async fn limit_of(app: &App, run: &FlowRun) -> Result<Option<(Deployment, String)>, StoreError> {
    let Some(id) = run.origin.deployment_id else { return Ok(None) };
    let deployment: Option<Deployment> = app.store.records().first(deployment::ID.is(id)).await?;
    let Some(deployment) = deployment else { return Ok(None) };
    let Some(limit) = deployment.concurrency_limit_id else { return Ok(None) };
    let found = app.store.limits().await?.into_iter().find(|known| known.id.0 == limit);
    Ok(found.map(|limit| (deployment, limit.name)))
}
