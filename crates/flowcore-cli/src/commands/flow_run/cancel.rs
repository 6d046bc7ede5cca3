//! `flowcore flow-run cancel`.

use std::time::Duration;

use clap::Args;
use flowcore::model::{FlowRun, StateType};
use flowcore::orchestration::Decision;
use tokio::time::{Instant, sleep};

use super::witness::{Swept, sweep};
use crate::failure::Failure;
use crate::output::note;
use crate::select;
use crate::session::Session;
use crate::text::one_line;

/// How long the run is waited for unless it is said.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The flow run: its id, the beginning of it (at least 4 digits), or its name.
    id: String,
    /// Wait up to this long for the run to end, and fail if it has not; 0 does not wait. Without this it is waited for 5
    /// seconds.
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
}

pub(super) async fn run(arguments: &Cancel, session: &mut Session<'_>) -> Result<(), Failure> {
    let found = select::flow_run(&*session.client, &arguments.id).await?;
    // A run whose process has died has ended already.
    let swept = sweep(session).await?;
    let run = session.client.flow_run(found.id).await?.unwrap_or(found);
    let asked = session.client.cancel_flow_run(&run).await?;
    let run = asked.run;
    let shown = one_line(&run.name);
    match asked.decision {
        Decision::Reject(..) => {
            return session.out.line(format!("Flow run '{shown}' is Cancelled: no process had it."));
        }
        Decision::Accept(_) => note(&format!("Flow run '{shown}' was asked to end{}.", process(&run, &swept))),
        _ if run.state.kind == StateType::Cancelling => {
            note(&format!("Flow run '{shown}' was asked to end before, and is ending{}.", process(&run, &swept)));
        }
        _ => {
            return Err(Failure::new(format!("flow run '{shown}' cannot be cancelled: it is {}", run.state.name)));
        }
    }
    let patience = arguments.wait.map_or(PATIENCE, Duration::from_secs);
    if patience.is_zero() {
        return Ok(());
    }
    let run = wait(session, run, patience).await?;
    if run.state.is_terminal() {
        return session.out.line(format!("Flow run '{shown}' is {}.", run.state.name));
    }
    let waits = format!(
        "flow run '{shown}' is still {}: async tasks end at their next await, plain functions when they return; those \
         that work for long should ask flowcore::current::is_cancelled(). See it end with `flowcore flow-run watch {}`",
        run.state.name, run.id
    );
    if arguments.wait.is_some() {
        return Err(Failure::new(waits));
    }
    note(&waits);
    Ok(())
}

/// Waits until the run has ended, and gives it as it stands then.
async fn wait(session: &Session<'_>, mut run: FlowRun, patience: Duration) -> Result<FlowRun, Failure> {
    let deadline = Instant::now() + patience;
    while !run.state.is_terminal() && Instant::now() < deadline {
        sleep(LOOK).await;
        run = session.client.flow_run(run.id).await?.unwrap_or(run);
    }
    if !run.state.is_terminal() {
        // Its process may have died meanwhile.
        sweep(session).await?;
        run = session.client.flow_run(run.id).await?.unwrap_or(run);
    }
    Ok(run)
}

/// Says which process has the run.
fn process(run: &FlowRun, swept: &Swept) -> String {
    swept.alive(run.process_id).map_or_else(String::new, |lease| format!(" in process {} on {}", lease.pid, lease.host))
}
