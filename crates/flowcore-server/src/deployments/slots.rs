//! Slots of the limits of deployments, which runs have from PENDING on until they leave what is under way.
//!
//! Each taking of a slot is a lease of its own, whose id the states of the run carry from then on. Until the run begins the lease
//! ends with the grace period. From RUNNING on it has no end, unless whoever executes the run renews it: then it ends when no
//! more renewals come, as Prefect's engine has it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use flowcore::model::{
    ConcurrencyLimit, FlowRun, FlowRunId, Occupancy, Page, SlotAnswer, SlotAsk, SlotHolder, SlotId, SlotLease, State,
    StateName, StateType, Timestamp,
};
use flowcore::orchestration::{give_slots_back, renew_slots, slots_taken, take_slots_in_turn};
use flowcore::store::StoreError;
use flowcore::store::query::{Selection, Values, flow_run};
use uuid::Uuid;

use super::deployment::{self, CollisionStrategy, Deployment};
use super::slot_queue::call_waiting;
use crate::leases::limits_of_lease;
use crate::state::App;

/// For how long a run that has a slot may not begin, in seconds, where its deployment does not say.
const GRACE: u32 = 300;

const NO_DEPLOYMENT: &str = "Deployment not found.";
const NO_SLOTS: &str = "The deployment concurrency limit is 0. The flow will deadlock if submitted again.";

/// What became of a run's wish to be under way.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Slot {
    /// It needs none, or goes on with the one that it has.
    Unneeded,
    /// It has been given one, by this lease.
    Taken(SlotId),
    /// There is none of this limit.
    Full(String, CollisionStrategy),
    /// There never will be, for this reason.
    Never(&'static str),
    /// It had one and began too late: others have them all.
    Lost,
    /// Another request has taken one for it, and is about to move it.
    Contended,
}

fn is_under_way(kind: StateType) -> bool {
    matches!(kind, StateType::Pending | StateType::Running | StateType::Cancelling)
}

/// Takes a slot for a run that is to enter a state, if it needs one for that, or makes sure of the one that it has.
/// `rivals` says whether there may be other requests that are about to move it.
pub(super) async fn slot_for(app: &App, run: &FlowRun, to: StateType, rivals: bool) -> Result<Slot, StoreError> {
    let Some(deployment) = run.origin.deployment_id else { return Ok(Slot::Unneeded) };
    match (run.state.kind, to) {
        (from, StateType::Pending) if !is_under_way(from) => to_begin(app, run, deployment, rivals).await,
        (StateType::Pending, StateType::Running) => to_go_on(app, run, deployment, rivals).await,
        _ => Ok(Slot::Unneeded),
    }
}

async fn to_begin(app: &App, run: &FlowRun, deployment: Uuid, rivals: bool) -> Result<Slot, StoreError> {
    let Some(deployment) = find(app, deployment).await? else { return Ok(Slot::Never(NO_DEPLOYMENT)) };
    let Some(limit) = limit_of(app, &deployment).await? else { return Ok(Slot::Unneeded) };
    if limit.limit == 0 {
        return Ok(Slot::Never(NO_SLOTS));
    }
    let options = deployment.concurrency_options;
    let grace = options.as_ref().and_then(|options| options.grace_period_seconds).unwrap_or(GRACE);
    let expires = app.now().checked_add_signed(TimeDelta::seconds(grace.into()));
    let ask = ask(run, vec![limit.name.clone()], run.times.expected_start_time, expires);
    match renew_or_take(app, run, ask, rivals).await? {
        Answer::Had => Ok(Slot::Unneeded),
        Answer::Given(lease) => Ok(Slot::Taken(lease)),
        Answer::Contended => Ok(Slot::Contended),
        Answer::None => {
            let strategy = options.map_or(CollisionStrategy::Enqueue, |options| options.collision_strategy);
            Ok(Slot::Full(limit.name, strategy))
        }
    }
}

/// Makes the slot of a run that begins last until it ends. One that was lost is taken anew; nobody who waits goes before, since
/// all is there that executes the run.
async fn to_go_on(app: &App, run: &FlowRun, deployment: Uuid, rivals: bool) -> Result<Slot, StoreError> {
    if run.state.slot_lease().is_none() {
        return Ok(Slot::Unneeded);
    }
    let limit = match find(app, deployment).await? {
        Some(deployment) => limit_of(app, &deployment).await?,
        None => None,
    };
    // What decays is not had any more some time later, and was had all the same.
    let limits = limit.into_iter().filter(|limit| !limit.decays()).map(|limit| limit.name).collect();
    match renew_or_take(app, run, ask(run, limits, Timestamp::MIN_UTC, None), rivals).await? {
        Answer::Had => Ok(Slot::Unneeded),
        Answer::Given(lease) => Ok(Slot::Taken(lease)),
        Answer::Contended => Ok(Slot::Contended),
        Answer::None => Ok(Slot::Lost),
    }
}

/// Writes a run's wish for a slot, whose place in the queue is the run's.
fn ask(run: &FlowRun, limits: Vec<String>, due: Timestamp, expires: Option<Timestamp>) -> SlotAsk {
    let (id, holder) = (SlotId(run.id.0), holder(run));
    SlotAsk { id, limits, slots: 1, holder, process_id: None, due, expires, strict: false, rate: false }
}

pub(super) fn holder(run: &FlowRun) -> SlotHolder {
    SlotHolder { flow_run_id: Some(run.id), task_run_id: None, name: run.name.clone() }
}

enum Answer {
    Had,
    Given(SlotId),
    None,
    Contended,
}

/// Renews the lease that a run's state names, or takes a slot by a new one if that has ended.
async fn renew_or_take(app: &App, run: &FlowRun, ask: SlotAsk, rivals: bool) -> Result<Answer, StoreError> {
    let (id, own) = (run.id, run.state.slot_lease());
    let mut names = ask.limits.clone();
    if let Some(own) = own {
        names.extend(limits_of_lease(app, own).await?.into_iter().filter(|name| !ask.limits.contains(name)));
    }
    if names.is_empty() {
        return Ok(Answer::Had);
    }
    loop {
        let (clock, ask, lease) = (app.clock.clone(), ask.clone(), SlotId(app.clock.uuid()));
        let limits = ask.limits.clone();
        let decide = move |occupancy: &mut Occupancy| {
            let now = clock.now();
            if own.is_some_and(|own| has(occupancy, id, own) && renew_slots(occupancy, own, ask.expires, now)) {
                return Answer::Had;
            }
            match take_slots_in_turn(occupancy, &ask, lease, now) {
                SlotAnswer::Granted { limits } if limits.is_empty() => Answer::Had,
                SlotAnswer::Granted { .. } => Answer::Given(lease),
                _ if rivals && occupancy.leases.iter().any(|lease| is_rival(lease, &ask, own)) => Answer::Contended,
                _ => Answer::None,
            }
        };
        match app.orchestrator.decide_slots(names.clone(), decide).await? {
            Answer::None => {
                let mut tidied = false;
                for limit in &limits {
                    tidied |= tidy(app, limit).await?;
                }
                if !tidied {
                    return Ok(Answer::None);
                }
            }
            answer => return Ok(answer),
        }
    }
}

/// Tells whether a lease was given to the run that asks, and its state does not say so (yet).
fn is_rival(lease: &SlotLease, ask: &SlotAsk, own: Option<SlotId>) -> bool {
    ask.limits.contains(&lease.limit) && lease.holder.flow_run_id == ask.holder.flow_run_id && Some(lease.id) != own
}

/// Tells whether a lease is a run's.
fn has(occupancy: &Occupancy, run: FlowRunId, lease: SlotId) -> bool {
    occupancy.leases.iter().any(|one| one.id == lease && one.holder.flow_run_id == Some(run))
}

/// Gives back the slot that a run had in the state `before`, if it is under way no more.
pub(crate) async fn settle_slot(app: &App, before: &State, run: &FlowRun) -> Result<(), StoreError> {
    match before.slot_lease() {
        Some(lease) if !is_under_way(run.state.kind) || run.state.slot_lease() != Some(lease) => {
            give_back(app, run.id, lease).await
        }
        _ => Ok(()),
    }
}

/// Gives back the slot of a run that is no more, or has lost its process.
pub(crate) async fn forget_slot(app: &App, run: &FlowRun) -> Result<(), StoreError> {
    match run.state.slot_lease() {
        Some(lease) => give_back(app, run.id, lease).await,
        None => Ok(()),
    }
}

/// Gives back what a run has by a lease, if it still has it, and calls who waits for it.
pub(super) async fn give_back(app: &App, run: FlowRunId, lease: SlotId) -> Result<(), StoreError> {
    let limits = limits_of_lease(app, lease).await?;
    if limits.is_empty() {
        return Ok(());
    }
    let clock = app.clock.clone();
    let decide = move |occupancy: &mut Occupancy| {
        if has(occupancy, run, lease) {
            give_slots_back(occupancy, lease, clock.now());
        }
    };
    app.orchestrator.decide_slots(limits.clone(), decide).await?;
    for limit in limits {
        call_waiting(app, &limit).await?;
    }
    Ok(())
}

/// Tells whether a deployment wants its runs to be cancelled that find its limit full, and it is.
pub(crate) async fn cancels_new_runs(app: &App, deployment: Uuid) -> Result<bool, StoreError> {
    let Some(deployment) = find(app, deployment).await? else { return Ok(false) };
    let strategy = deployment.concurrency_options.as_ref().map(|options| options.collision_strategy);
    let limit = match strategy {
        Some(CollisionStrategy::CancelNew) => limit_of(app, &deployment).await?,
        _ => None,
    };
    let Some(limit) = limit else { return Ok(false) };
    loop {
        let occupancy = app.store.occupancy(std::slice::from_ref(&limit.name)).await?;
        if slots_taken(&occupancy, &limit, app.now()) < u64::from(limit.limit) {
            return Ok(false);
        }
        if !tidy(app, &limit.name).await? {
            return Ok(true);
        }
    }
}

/// Gives back the slots of runs that are not under way any more, which nobody has told the server of: a program with an
/// engine of its own has found their process dead, or they went with their flow. Tells whether there were any; places in the queue
/// of runs that do not wait any more count as well.
async fn tidy(app: &App, limit: &str) -> Result<bool, StoreError> {
    let occupancy = app.store.occupancy(&[limit.to_owned()]).await?;
    let holders = occupancy.leases.iter().map(|lease| &lease.holder);
    let waiting = occupancy.requests.iter().map(|request| &request.holder);
    let ids: BTreeSet<Uuid> = holders.chain(waiting).filter_map(|holder| Some(holder.flow_run_id?.0)).collect();
    let condition = flow_run::ID.one_of(Values::Ids(ids.into_iter().collect()));
    let selection = Selection { condition, sort: Vec::new(), page: Page::ALL };
    let runs = app.store.select_flow_runs(&selection).await?;
    let runs: BTreeMap<FlowRunId, FlowRun> = runs.into_iter().map(|run| (run.id, run)).collect();
    let lost = |lease: &&SlotLease| {
        let of_run = lease.process_id.is_none() && lease.holder.task_run_id.is_none();
        lease.holder.flow_run_id.filter(|_| of_run).is_some_and(|id| is_lost(lease, runs.get(&id)))
    };
    let lost: Vec<SlotId> = occupancy.leases.iter().filter(lost).map(|lease| lease.id).collect();
    let left = occupancy.requests.iter().filter(|request| {
        let id = request.holder.flow_run_id.filter(|id| id.0 == request.id.0);
        id.is_some_and(|id| runs.get(&id).is_none_or(|run| run.state.name != StateName::AWAITING_CONCURRENCY_SLOT))
    });
    let gone: Vec<SlotId> = lost.into_iter().chain(left.map(|request| request.id)).collect();
    if gone.is_empty() {
        return Ok(false);
    }
    let clock = app.clock.clone();
    let decide = move |occupancy: &mut Occupancy| {
        let count = |occupancy: &Occupancy| occupancy.leases.len() + occupancy.requests.len();
        let before = count(occupancy);
        gone.iter().for_each(|id| give_slots_back(occupancy, *id, clock.now()));
        count(occupancy) < before
    };
    app.orchestrator.decide_slots(vec![limit.to_owned()], decide).await
}

/// Tells whether a lease is of no use to the run that it was given to. One that the run's state does not name may be of a request
/// that is about to move it.
fn is_lost(lease: &SlotLease, run: Option<&FlowRun>) -> bool {
    let Some(run) = run else { return true };
    let ended = run.state.is_terminal();
    if run.state.slot_lease() != Some(lease.id) {
        return ended && lease.acquired < run.state.timestamp;
    }
    // A run that is tried again in its process keeps its slot.
    let waits = run.state.kind == StateType::Scheduled && run.state.name != StateName::AWAITING_RETRY;
    ended || waits || run.state.kind == StateType::Paused
}

async fn find(app: &App, id: Uuid) -> Result<Option<Deployment>, StoreError> {
    app.store.records().first(deployment::ID.is(id)).await
}

/// Finds the limit of a deployment, if one is in force.
async fn limit_of(app: &App, deployment: &Deployment) -> Result<Option<ConcurrencyLimit>, StoreError> {
    let Some(limit) = deployment.concurrency_limit_id else { return Ok(None) };
    let limits = app.store.limits().await?;
    Ok(limits.into_iter().find(|known| known.id.0 == limit && known.active))
}
