//! `flowcore flow-run retry`.

use clap::Args;
use flowcore::model::{FlowRun, Program, StateType};
use flowcore::orchestration::Decision;

use super::relaunch::Relaunch;
use super::witness::{Swept, sweep};
use crate::failure::Failure;
use crate::program::retriable;
use crate::select;
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// The flow run: its id, the beginning of it (at least 4 digits), or its name.
    id: String,
    /// Start the program in the background, print the number of its process, and do not wait for it.
    #[arg(long)]
    detach: bool,
}

/// Gives the program's exit code.
pub(super) async fn run(arguments: &Retry, session: &mut Session<'_>) -> Result<u8, Failure> {
    let found = select::flow_run(&*session.client, &arguments.id).await?;
    // A run whose process has died must be known as such before it can begin anew.
    let swept = sweep(session).await?;
    let former = session.client.flow_run(found.id).await?.unwrap_or(found);
    let program = match judge(&former, &swept) {
        Ok(program) => program.clone(),
        Err(reason) => return Err(Failure::new(format!("flow run '{}' cannot be retried: {reason}", shown(&former)))),
    };
    let scheduled = schedule(session, &former).await?;
    Relaunch { former, scheduled, program, detach: arguments.detach, doing: "Retrying" }.run(session).await
}

/// Gives the program of a run that can be retried, or says why it cannot be.
fn judge<'a>(run: &'a FlowRun, swept: &Swept) -> Result<&'a Program, String> {
    if let Some(lease) = swept.alive(run.process_id)
        && !run.state.is_terminal()
    {
        let (name, pid, host) = (&run.state.name, lease.pid, &lease.host);
        return Err(format!("it is {name} in process {pid} on {host}: wait for it, or end that process first"));
    }
    retriable(run)
}

/// Schedules the run for another attempt; gives it as it stands then.
async fn schedule(session: &Session<'_>, former: &FlowRun) -> Result<FlowRun, Failure> {
    let answer = session.client.retry_flow_run(former).await?;
    match answer.decision {
        Decision::Accept(_) | Decision::Reject(..) if answer.run.state.kind == StateType::Scheduled => Ok(answer.run),
        Decision::Stay(reason) | Decision::Abort(reason) | Decision::Reject(_, reason) => {
            Err(Failure::new(format!("flow run '{}' cannot be retried: {reason}", shown(former))))
        }
        Decision::Accept(_) | Decision::Wait(_) => {
            Err(Failure::new(format!("flow run '{}' cannot be retried now: try again later", shown(former))))
        }
    }
}

fn shown(run: &FlowRun) -> String {
    one_line(&run.name)
}
