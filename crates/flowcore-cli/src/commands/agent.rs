//! `flowcore agent`: what took runs before there were workers, for stacks that start one.

use clap::{Args, Subcommand};

use super::worker;
use crate::failure::Failure;
use crate::session::Session;

/// The pool of deployments that name a work queue and no work pool.
pub(super) const POOL: &str = "default-agent-pool";

#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Takes the runs of work queues as they are due: a worker under the name that it had in Prefect 2.
    ///
    /// At once it executes as many as the setting agent.max_concurrent_flow_runs says
    /// (PREFECT_AGENT_MAX_CONCURRENT_FLOW_RUNS).
    Start(Start),
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// Take the runs of this queue only; may be given several times.
    #[arg(long = "work-queue", short = 'q', value_name = "NAME")]
    queues: Vec<String>,
    /// The work pool; without it, that of queues that were made without one.
    #[arg(long, short, default_value = POOL, value_name = "NAME")]
    pool: String,
    /// How many runs to execute at once, over what the setting says.
    #[arg(long, short, value_name = "N")]
    limit: Option<usize>,
}

pub(super) async fn run(AgentCommand::Start(start): AgentCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    let Start { queues, pool, limit } = start;
    let limit = limit.or(session.settings.agent_limit);
    worker::start(worker::Start::on_processes(pool, queues, limit), session).await
}
