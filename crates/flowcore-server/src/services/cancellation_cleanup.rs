//! What belongs to a cancelled run is cancelled with it, and a run whose cancellation nobody carries out is over some time.

use chrono::TimeDelta;
use flowcore::model::{FlowRun, Order, Page, State, StateType};
use flowcore::store::query::{Column, Condition, Kind, Selection, Test, Values, flow_run, relation, task_run};

use super::moving::enter;
use crate::error::ApiError;
use crate::state::App;
use crate::teardowns;

/// How many runs are looked at together.
const MOST: u32 = 200;

/// For how long after its end a cancelled run is looked at: what it has left is seen soon.
const AGE: TimeDelta = TimeDelta::days(1);

/// How long a cancellation may take before the run counts as cancelled.
const PATIENCE: TimeDelta = TimeDelta::seconds(300);

const PROCESS_ID: Column = Column::new("process_id", Kind::Id, true);

const PARENT_CANCELLED: &str = "The parent flow run was cancelled.";

/// Cancels the task runs and subflows of cancelled runs, and runs that have been cancelling for too long.
pub(super) async fn turn(app: &App) -> Result<usize, ApiError> {
    Ok(task_runs(app).await? + subflows(app).await? + overdue(app).await?)
}

/// The states of runs that have not ended.
fn open() -> Values {
    let open = StateType::ALL.iter().filter(|kind| !kind.is_terminal());
    Values::Texts(open.map(|kind| kind.as_str().to_owned()).collect())
}

fn cancelled_lately(app: &App) -> Condition {
    let since = (app.now() - AGE).timestamp_micros();
    Condition::All(vec![
        flow_run::STATE_TYPE.is(StateType::Cancelled.as_str()),
        Condition::Column(flow_run::END_TIME, Test::AtLeast(since)),
    ])
}

async fn runs(app: &App, condition: Condition, page: Page) -> Result<Vec<FlowRun>, ApiError> {
    let sort = vec![(flow_run::ID, Order::OldestFirst)];
    Ok(app.store.select_flow_runs(&Selection { condition, sort, page }).await?)
}

fn cancelled(app: &App) -> State {
    app.state(StateType::Cancelled).message(PARENT_CANCELLED)
}

async fn task_runs(app: &App) -> Result<usize, ApiError> {
    let open = task_run::STATE_TYPE.one_of(open());
    let open = Condition::Related(relation::TASK_RUNS_OF_FLOW_RUN, Box::new(open));
    let mut done = 0;
    for run in runs(app, cancelled_lately(app).and(open), Page::first(MOST)).await? {
        let attempt = run.times.run_count;
        done += app.store.end_task_runs(run.id, attempt, cancelled(app), app.now()).await? as usize;
    }
    Ok(done)
}

async fn subflows(app: &App) -> Result<usize, ApiError> {
    let of_cancelled = Condition::Related(relation::FLOW_RUN_OF_TASK_RUN, Box::new(cancelled_lately(app)));
    let of_cancelled = Condition::Related(relation::PARENT_OF_FLOW_RUN, Box::new(of_cancelled));
    let open = flow_run::STATE_TYPE.one_of(open());
    // Whoever executes a run of a deployment ends it; a subflow in the process of its parent has gone with that.
    let is_being_ended = Condition::All(vec![
        Condition::Column(flow_run::DEPLOYMENT_ID, Test::IsNull(false)),
        flow_run::STATE_TYPE.is(StateType::Cancelling.as_str()),
    ]);
    let to_be_ended = Condition::All(vec![open, of_cancelled, Condition::Not(Box::new(is_being_ended))]);
    let mut done = 0;
    for run in runs(app, to_be_ended, Page::first(MOST)).await? {
        let state = match run.origin.deployment_id {
            Some(_) => app.state(StateType::Cancelling).message(PARENT_CANCELLED),
            None => cancelled(app),
        };
        done += usize::from(enter(app, &run, state).await?);
    }
    Ok(done)
}

async fn overdue(app: &App) -> Result<usize, ApiError> {
    // A process of flowcore's own says itself when nothing runs any more; if it dies, its lease tells.
    let cancelling = Condition::All(vec![
        flow_run::STATE_TYPE.is(StateType::Cancelling.as_str()),
        Condition::Column(PROCESS_ID, Test::IsNull(true)),
    ]);
    let before = app.now() - PATIENCE;
    let (mut done, mut page) = (0, Page::first(MOST));
    loop {
        let found = runs(app, cancelling.clone(), page).await?;
        let is_last = found.len() < MOST as usize;
        for run in found {
            if run.state.timestamp <= before && give_up(app, &run).await? {
                done += 1;
            } else {
                page.offset += 1;
            }
        }
        if is_last {
            return Ok(done);
        }
    }
}

/// Takes a run for cancelled, unless it has gone on since it was seen; tells whether it did.
async fn give_up(app: &App, run: &FlowRun) -> Result<bool, ApiError> {
    let message = "Flow run cancellation timed out; marked this flow run as Cancelled.";
    // Planned first: a server that is killed between leaves it to the next turn.
    let pool = teardowns::plan(app, run).await?;
    let is_cancelled = enter(app, run, app.state(StateType::Cancelled).message(message)).await?;
    match pool {
        Some(pool) if is_cancelled => app.teardowns.announce(pool),
        Some(_) => teardowns::forget(app, run).await?,
        None => {}
    }
    Ok(is_cancelled)
}
