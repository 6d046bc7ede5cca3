//! `flowcore flow-run`: what flows did, ending it, and doing it again.

mod cancel;
mod delete;
mod execute;
mod inspect;
mod ls;
mod relaunch;
mod resume;
mod retry;
mod sweep;
mod watch;
mod why;
mod witness;

pub(super) use watch::Patience;

use clap::{Args, Subcommand};
use flowcore::model::LogFilter;

use super::log_lines::{self, LogArguments};
use crate::failure::Failure;
use crate::select;
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum FlowRunCommand {
    /// Lists flow runs, newest first.
    Ls(ls::Ls),
    /// Shows all that is known about a flow run.
    Inspect(inspect::Inspect),
    /// Prints what a flow run and its task runs logged.
    Logs(Logs),
    /// Executes a flow run again that has failed, crashed or been cancelled.
    ///
    /// Starts the program that the run belongs to, with the arguments and in the folder that it was started with, and
    /// has it execute this run. Tasks that have completed are not executed again. Ends with the program's exit code.
    Retry(retry::Retry),
    /// Executes a flow run of a deployment that waits, by a process of this machine, whichever work pool it belongs to.
    ///
    /// Does what a worker does for one run: its code is pulled, and its program or its Python is started. Often the command of a
    /// job. Exit code: 0 if the run has completed or waits again, 1 if it has ended otherwise.
    Execute(execute::Execute),
    /// Asks a flow run to end, wherever it is executed.
    ///
    /// A run that a process executes becomes Cancelling, and its process ends it: its subflows and tasks end with it, and
    /// it is Cancelled when nothing of it runs any more. A run that no process has is Cancelled at once.
    Cancel(cancel::Cancel),
    /// Lets a paused flow run go on, with the input that it waits for.
    ///
    /// A paused run goes on in its process. For a suspended one the program that it belongs to is started, as retry does:
    /// tasks that have completed are not executed again. Then the command ends with the program's exit code. Input that
    /// the run does not wait for is refused, and nothing changes.
    Resume(resume::Resume),
    /// Follows a flow run's states and log lines until it ends.
    ///
    /// Exit code: 0 if the run has completed, 1 if it has ended otherwise.
    Watch(watch::Watch),
    /// Tells why a flow run does not move, and what to do about it.
    Why(why::WhyArguments),
    /// Deletes flow runs with their task runs, states, log lines and artifacts.
    Delete(delete::Delete),
    /// Marks runs whose process has died as Crashed.
    Sweep(sweep::Sweep),
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The flow run: its id, the beginning of it (at least 4 digits), or its name.
    id: String,
    #[command(flatten)]
    lines: LogArguments,
}

/// Follows a run until it ends; gives 0 if it has completed, else 1.
pub(super) async fn watch(id: &str, patience: Patience, session: &mut Session<'_>) -> Result<u8, Failure> {
    watch::follow(id, patience, session).await
}

pub(super) async fn run(command: FlowRunCommand, session: &mut Session<'_>) -> Result<u8, Failure> {
    match command {
        FlowRunCommand::Ls(arguments) => ls::run(arguments, session).await?,
        FlowRunCommand::Inspect(arguments) => inspect::run(&arguments, session).await?,
        FlowRunCommand::Logs(arguments) => {
            let run = select::flow_run(&*session.client, &arguments.id).await?;
            let filter = LogFilter { flow_run_id: Some(run.id), ..LogFilter::default() };
            log_lines::print(&arguments.lines, filter, &format!("Flow run '{}'", run.name), session).await?;
        }
        FlowRunCommand::Retry(arguments) => return retry::run(&arguments, session).await,
        FlowRunCommand::Execute(arguments) => return execute::run(arguments, session).await,
        FlowRunCommand::Cancel(arguments) => cancel::run(&arguments, session).await?,
        FlowRunCommand::Resume(arguments) => return resume::run(arguments, session).await,
        FlowRunCommand::Watch(arguments) => return watch::run(&arguments, session).await,
        FlowRunCommand::Why(arguments) => why::run(&arguments, session).await?,
        FlowRunCommand::Delete(arguments) => delete::run(&arguments, session).await?,
        FlowRunCommand::Sweep(arguments) => sweep::run(&arguments, session).await?,
    }
    Ok(0)
}
