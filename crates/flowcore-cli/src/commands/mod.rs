//! The commands, one file a group.

pub(crate) mod agent;
pub(crate) mod api;
pub(crate) mod artifact;
pub(crate) mod automation;
pub(crate) mod block;
pub(crate) mod cache;
mod cache_explain;
pub(crate) mod completion;
pub(crate) mod concurrency;
pub(crate) mod concurrency_limit;
pub(crate) mod config;
pub(crate) mod deploy;
pub(crate) mod deployment;
mod due;
pub(crate) mod event;
mod filtered;
pub(crate) mod flow;
pub(crate) mod flow_run;
pub(crate) mod help;
pub(crate) mod init;
mod listing;
mod log_lines;
pub(crate) mod profile;
pub(crate) mod result;
mod run_report;
#[cfg(feature = "server")]
pub(crate) mod server;
mod slots;
pub(crate) mod task_run;
pub(crate) mod variable;
mod version;
mod waiting;
pub(crate) mod work_pool;
pub(crate) mod work_queue;
pub(crate) mod worker;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// Carries out a command and gives the exit code.
pub(crate) async fn run(arguments: Arguments, out: &mut Output) -> Result<u8, Failure> {
    let profile = arguments.profile.as_deref();
    match arguments.command {
        Command::Config(command) => config::run(&command, profile, out),
        Command::Profile(command) => profile::run(&command, profile, out).map(|()| 0),
        Command::Help(arguments) => help::run(&arguments, out).map(|()| 0),
        Command::Completion(arguments) => completion::run(arguments, out).map(|()| 0),
        Command::Init(arguments) => init::run(&arguments, out).map(|()| 0),
        #[cfg(feature = "server")]
        Command::Server(command) => server::run(command, profile, out).await,
        Command::Version(arguments) => version::run(arguments, profile, out).map(|()| 0),
        command => {
            let mut session = Session::open(profile, out).await?;
            let result = with_session(command, &mut session).await;
            // A failure of the command itself is what the user has to know first.
            let closed = session.client.close().await;
            let code = result?;
            closed?;
            Ok(code)
        }
    }
}

async fn with_session(command: Command, session: &mut Session<'_>) -> Result<u8, Failure> {
    match command {
        Command::Flow(command) => flow::run(command, session).await?,
        Command::FlowRun(command) => return flow_run::run(command, session).await,
        Command::TaskRun(command) => task_run::run(command, session).await?,
        Command::Cache(command) => cache::run(command, session).await?,
        Command::Result(command) => result::run(command, session).await?,
        Command::Concurrency(command) => concurrency::run(command, session).await?,
        Command::ConcurrencyLimit(command) => concurrency_limit::run(command, session).await?,
        Command::Variable(command) => variable::run(command, session).await?,
        Command::Artifact(command) => artifact::run(command, session).await?,
        Command::Deploy(arguments) => deploy::run(arguments, session).await?,
        Command::Deployment(command) => return deployment::run(command, session).await,
        Command::WorkPool(command) => work_pool::run(command, session).await?,
        Command::WorkQueue(command) => work_queue::run(command, session).await?,
        Command::Worker(command) => worker::run(command, session).await?,
        Command::Agent(command) => agent::run(command, session).await?,
        Command::Block(command) => block::run(command, session).await?,
        Command::Automation(command) => automation::run(command, session).await?,
        Command::Api(arguments) => api::run(&arguments, session).await?,
        Command::Event(command) => event::run(command, session).await?,
        // These need no database and were carried out without one.
        #[cfg(feature = "server")]
        Command::Server(_) => {}
        Command::Config(_)
        | Command::Profile(_)
        | Command::Completion(_)
        | Command::Help(_)
        | Command::Init(_)
        | Command::Version(_) => {}
    }
    Ok(0)
}
