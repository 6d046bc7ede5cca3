//! Proposals of states for flow runs: the rules first, then the slot of the deployment's limit, then the write, for which there has to be room
//! in the pool; and all anew if somebody else has moved the run meanwhile.

use std::time::Duration;

use chrono::TimeDelta;
use flowcore::model::{FlowRun, State, StateName, StateType};
use flowcore::orchestration::{Decision, RunDecision};
use flowcore::store::{StoreError, Swap};

use super::deployment::CollisionStrategy;
use super::slot_queue::queue_up;
use super::slots::{Slot, give_back, settle_slot, slot_for};
use crate::pools::{Taking, take};
use crate::state::App;

/// When a run that waits for a slot is due again if it is not called before, in seconds.
const WAIT: i64 = 30;

/// What is said of a run that has got no slot.
pub(crate) const FULL: &str = "Deployment concurrency limit reached.";

const LOST: &str = "Deployment concurrency limit reached after lease expiry.";
const LOST_MESSAGE: &str =
    "Deployment concurrency slot lost during provisioning - no slots available to continue execution";

/// How often, and how long, another request is given time to move a run for which it has taken a slot.
const LOOKS: u32 = 50;
const LOOK: Duration = Duration::from_millis(20);

/// Proposes a state for a flow run. One that insists (`force`) needs no slot.
pub(crate) async fn propose(
    app: &App,
    run: &FlowRun,
    mut proposed: State,
    force: bool,
) -> Result<RunDecision, StoreError> {
    // Which slot a run has is not for others to say.
    proposed.set_slot_lease(None);
    if run.process_id.is_some() {
        let decided = match force {
            true => app.orchestrator.force_flow_run_state(run, proposed).await?,
            false => app.orchestrator.set_flow_run_state(run, proposed).await?,
        };
        settle_slot(app, &run.state, &decided.run).await?;
        return Ok(decided);
    }
    let (mut run, mut looks) = (run.clone(), LOOKS);
    loop {
        let mut decision = app.orchestrator.judge_client_flow_run(&run, proposed.clone(), force);
        let mut slot = Slot::Unneeded;
        if let Decision::Accept(state) = &mut decision
            && !force
        {
            slot = slot_for(app, &run, state.kind, looks > 0).await?;
            match &slot {
                Slot::Unneeded => {}
                Slot::Taken(lease) => state.set_slot_lease(Some(*lease)),
                Slot::Full(_, strategy) => decision = Decision::Reject(instead(app, *strategy), FULL.into()),
                Slot::Never(why) => decision = Decision::Abort((*why).into()),
                Slot::Lost => {
                    decision = Decision::Reject(app.state(StateType::Cancelled).message(LOST_MESSAGE), LOST.into());
                }
                Slot::Contended => {
                    looks -= 1;
                    tokio::time::sleep(LOOK).await;
                    let Some(now) = app.store.flow_run(run.id).await? else { return Ok(deleted(run)) };
                    run = now;
                    continue;
                }
            }
        }
        let Some(next) = app.orchestrator.client_flow_run_after(&run, &mut decision, &proposed) else {
            return Ok(RunDecision { run, decision });
        };
        let is_taken = !force && matches!(&decision, Decision::Accept(state) if state.kind == StateType::Pending);
        let tried = match is_taken {
            true => take(app, &next, run.state.id).await,
            false => app.store.swap_flow_run(next.clone(), run.state.id).await.map(Taking::Tried),
        };
        if let Slot::Taken(lease) = slot
            && !matches!(tried, Ok(Taking::Tried(Swap::Applied)))
        {
            give_back(app, run.id, lease).await?;
        }
        match tried? {
            Taking::Tried(Swap::Applied) => {}
            Taking::Tried(Swap::Conflict(now)) => {
                run = *now;
                continue;
            }
            Taking::Tried(Swap::Missing) => return Ok(deleted(run)),
            Taking::Full(why) => return Ok(RunDecision { run, decision: Decision::Stay(why.into()) }),
        }
        let goes_on = matches!(&decision, Decision::Reject(state, _) if state.name == StateName::AWAITING_RETRY);
        if !goes_on {
            settle_slot(app, &run.state, &next).await?;
        }
        if let Slot::Full(limit, CollisionStrategy::Enqueue) = &slot
            && queue_up(app, &next, limit).await?
            && let Some(called) = app.store.flow_run(run.id).await?
        {
            run = called;
            continue;
        }
        return Ok(RunDecision { run: next, decision });
    }
}

/// Makes the state that a run enters for which there is no slot.
fn instead(app: &App, strategy: CollisionStrategy) -> State {
    match strategy {
        CollisionStrategy::CancelNew => app.state(StateType::Cancelled).message(FULL),
        CollisionStrategy::Enqueue => {
            let now = app.now();
            let again = now.checked_add_signed(TimeDelta::seconds(WAIT)).unwrap_or(now);
            app.state(StateType::Scheduled).named(StateName::AWAITING_CONCURRENCY_SLOT).scheduled_for(again)
        }
    }
}

fn deleted(run: FlowRun) -> RunDecision {
    RunDecision { run, decision: Decision::Abort("the run has been deleted".into()) }
}
