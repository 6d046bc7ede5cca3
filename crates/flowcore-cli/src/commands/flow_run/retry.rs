//! `flowcore flow-run retry`.

use std::process::ExitStatus;

use clap::Args;
use flowcore::clock::{Clock, SystemClock};
use flowcore::model::{FlowRun, Program, State, StateId, StateType};
use flowcore::orchestration::Decision;

use super::witness::{Swept, sweep};
use crate::failure::Failure;
use crate::output::note;
use crate::program::{command_line, exit_code, retriable, retry_command, start};
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
    note(&format!("Retrying flow run '{}': {}", shown(&former), command_line(&program)));
    session.out.flush()?;

    // Ctrl-C goes to every process of the terminal's group. The program decides what it means; this command outlives
    // it, to tell what became of the run.
    #[cfg(unix)]
    let _interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
        .map_err(|error| Failure::new(format!("Ctrl-C cannot be passed on: {error}")))?;
    let mut child = match start(&program, &former, &session.settings, arguments.detach) {
        Ok(child) => child,
        Err(error) => {
            let executable = program.executable.display();
            put_back(session, &former, &scheduled, &format!("{executable} could not be started: {error}")).await?;
            return Err(Failure::new(format!(
                "{executable} cannot be started: {error}; check that it may be executed"
            )));
        }
    };
    if arguments.detach {
        session.out.line(child.id())?;
        return Ok(0);
    }
    // Nothing else is to be done meanwhile, so that waiting may block.
    let status = child.wait().map_err(|error| Failure::new(format!("the program cannot be waited for: {error}")))?;
    conclude(session, &former, &scheduled, status).await?;
    Ok(exit_code(status))
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

/// Tells what became of the run after its program has ended, and puts it back if the program never took it.
async fn conclude(
    session: &Session<'_>,
    former: &FlowRun,
    scheduled: &FlowRun,
    status: ExitStatus,
) -> Result<(), Failure> {
    let Some(run) = session.client.flow_run(former.id).await? else {
        note(&format!("Flow run '{}' has been deleted meanwhile.", shown(former)));
        return Ok(());
    };
    if run.state.id == scheduled.state.id {
        put_back(session, former, scheduled, &format!("The program ended ({status}) without executing the run."))
            .await?;
        return Err(Failure::new(format!(
            "the program ended ({status}) without executing flow run '{}', which is {} as before: check that its main \
             function has the attribute #[flowcore::main] or calls flowcore::init first, and that it still has the flow \
             `{}`",
            shown(former),
            if former.state.is_terminal() { former.state.name.as_ref() } else { "waiting for a retry" },
            one_line(&former.flow_name),
        )));
    }
    let run = if run.state.is_terminal() {
        run
    } else {
        // The program may have died in the middle.
        let swept = sweep(session).await?;
        swept.crashed.into_iter().find(|crashed| crashed.id == run.id).unwrap_or(run)
    };
    let next = if run.state.is_terminal() && !run.state.is_completed() {
        format!("; retry it with `{}`", retry_command(&run))
    } else {
        String::new()
    };
    note(&format!("Flow run '{}' is {}{next}.", shown(&run), run.state.name));
    Ok(())
}

/// Gives the run the kind of state that it had before, unless it has moved on meanwhile.
async fn put_back(session: &Session<'_>, former: &FlowRun, scheduled: &FlowRun, why: &str) -> Result<(), Failure> {
    if !former.state.is_terminal() {
        return Ok(());
    }
    let clock = SystemClock;
    let mut state = State::new(former.state.kind, StateId(clock.uuid()), clock.now()).named(former.state.name.clone());
    state.message = Some(match &former.state.message {
        Some(message) => format!("{why} Before: {message}"),
        None => why.to_owned(),
    });
    state.data = former.state.data.clone();
    session.client.set_flow_run_state(scheduled, state).await?;
    Ok(())
}

fn shown(run: &FlowRun) -> String {
    one_line(&run.name)
}
