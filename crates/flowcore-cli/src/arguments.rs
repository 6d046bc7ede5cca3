//! The command line: its groups, and arguments that several commands share.

use clap::{Args, Parser, Subcommand, ValueEnum};
use flowcore::model::{Order, Page};

use crate::commands::agent::AgentCommand;
use crate::commands::api::Api;
use crate::commands::artifact::ArtifactCommand;
use crate::commands::automation::AutomationCommand;
use crate::commands::block::BlockCommand;
use crate::commands::cache::CacheCommand;
use crate::commands::completion::Completion;
use crate::commands::concurrency::ConcurrencyCommand;
use crate::commands::concurrency_limit::ConcurrencyLimitCommand;
use crate::commands::config::ConfigCommand;
use crate::commands::deploy::Deploy;
use crate::commands::deployment::DeploymentCommand;
use crate::commands::event::EventCommand;
use crate::commands::flow::FlowCommand;
use crate::commands::flow_run::FlowRunCommand;
use crate::commands::help::Help;
use crate::commands::init::Init;
use crate::commands::profile::ProfileCommand;
use crate::commands::result::ResultCommand;
#[cfg(feature = "server")]
use crate::commands::server::{ServerCommand, ServicesCommand};
use crate::commands::task_run::TaskRunCommand;
use crate::commands::variable::VariableCommand;
use crate::commands::work_pool::WorkPoolCommand;
use crate::commands::work_queue::WorkQueueCommand;
use crate::commands::worker::WorkerCommand;

/// Looks at flow runs and task runs, retries them, keeps concurrency limits, shows and changes settings.
///
/// The database is the one that the setting database.url names, or else flowcore.db in the home folder. `flowcore config
/// view` shows all settings.
///
/// Exit codes: 0 when all went well, 1 when something was not found or failed, 2 when the command line is wrong.
#[derive(Debug, Parser)]
#[command(
    name = "flowcore",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    /// The profile whose settings count, instead of the active one.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Ask nothing: what asks otherwise goes on.
    #[arg(long)]
    pub(crate) no_prompt: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Tells whether the command does many things at once.
    pub(crate) fn serves(&self) -> bool {
        #[cfg(feature = "server")]
        if let Command::Server(ServerCommand::Start(_) | ServerCommand::Services(ServicesCommand::Start(_))) =
            self.command
        {
            return true;
        }
        matches!(self.command, Command::Worker(_) | Command::Agent(_))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Looks at flows, and serves them.
    #[command(subcommand, alias = "flows")]
    Flow(FlowCommand),
    /// Looks at flow runs, follows, cancels, resumes, retries and deletes them.
    #[command(subcommand, alias = "flow-runs")]
    FlowRun(FlowRunCommand),
    /// Looks at task runs.
    #[command(subcommand, alias = "task-runs")]
    TaskRun(TaskRunCommand),
    /// Looks at the results that calls share, deletes them, and says why a run had none to take.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Looks at the results of runs.
    #[command(subcommand)]
    Result(ResultCommand),
    /// Limits how much is done at once, and shows who does it and who waits.
    #[command(subcommand, visible_aliases = ["global-concurrency-limit", "gcl"])]
    Concurrency(ConcurrencyCommand),
    /// Limits how many task runs with a tag run at once.
    #[command(subcommand, alias = "concurrency-limits")]
    ConcurrencyLimit(ConcurrencyLimitCommand),
    /// Sets and shows variables: values under names, which programs read while they run.
    #[command(subcommand)]
    Variable(VariableCommand),
    /// Looks at what runs have left for people to see.
    #[command(subcommand)]
    Artifact(ArtifactCommand),
    /// Looks at what happened, follows it, and tells of events.
    #[command(subcommand, visible_alias = "events")]
    Event(EventCommand),
    /// Writes a file of deployments to begin with: flowcore.yaml.
    Init(Init),
    /// Deploys flows to work pools, whose workers start a program for each run: one by its entrypoint, or those of a file.
    Deploy(Box<Deploy>),
    /// Looks at deployments, starts, pauses, resumes and deletes them.
    #[command(subcommand, alias = "deployments")]
    Deployment(DeploymentCommand),
    /// Keeps work pools, which workers take runs from.
    #[command(subcommand, alias = "work-pools")]
    WorkPool(WorkPoolCommand),
    /// Keeps work queues, by which the runs of a work pool are kept apart.
    #[command(subcommand, alias = "work-queues")]
    WorkQueue(WorkQueueCommand),
    /// Takes the runs of a work pool, and starts the programs that execute them.
    #[command(subcommand)]
    Worker(WorkerCommand),
    /// Does what worker does, for stacks that start an agent.
    #[command(subcommand)]
    Agent(AgentCommand),
    /// Keeps blocks: what is configured once and used under its name.
    #[command(subcommand, alias = "blocks")]
    Block(BlockCommand),
    /// Keeps automations: what is to happen when something else does.
    #[command(subcommand, alias = "automations")]
    Automation(AutomationCommand),
    /// Makes a request to the server's API, and prints the answer.
    Api(Api),
    /// Runs the server, which speaks Prefect's API.
    #[cfg(feature = "server")]
    #[command(subcommand)]
    Server(ServerCommand),
    /// Shows, checks and changes the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Shows and changes profiles, which are sets of settings under a name.
    #[command(subcommand, alias = "profiles")]
    Profile(ProfileCommand),
    /// Prints the script by which a shell completes command lines.
    Completion(Completion),
    /// Prints the help of a command.
    Help(Help),
    /// Shows the version, the database and what is compiled in.
    Version(OutputArguments),
}

/// How to print.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OutputArguments {
    /// How to print: a table for people, or JSON for programs.
    #[arg(long, short, alias = "format", value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub(crate) output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[value(alias = "text")]
    Table,
    Json,
}

impl OutputArguments {
    /// Tells whether JSON is wanted.
    pub(crate) fn json(self) -> bool {
        self.output == Format::Json
    }
}

/// How many rows to print.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct LimitArguments {
    /// How many to show at most.
    #[arg(long, short = 'n', default_value_t = 20, value_name = "N")]
    limit: u32,
}

impl LimitArguments {
    /// Gives the rows that are wanted.
    pub(crate) fn page(self) -> Page {
        Page::first(self.limit)
    }

    /// Tells how many rows are wanted.
    pub(crate) fn rows(self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
    }
}

/// Which rows to print first.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OrderArguments {
    /// Show the oldest first instead of the newest.
    #[arg(long)]
    oldest_first: bool,
}

impl OrderArguments {
    /// Gives the order that is wanted.
    pub(crate) fn order(self) -> Order {
        if self.oldest_first { Order::OldestFirst } else { Order::NewestFirst }
    }

    /// Says which rows come first.
    pub(crate) fn which(self) -> &'static str {
        if self.oldest_first { "oldest" } else { "newest" }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
