//! `flowcore server`: runs the server, ends it, and looks after its database.

mod database;
mod running;
mod services;
mod start;
mod stop;

use clap::Subcommand;

use self::database::DatabaseCommand;
pub(crate) use self::services::ServicesCommand;
use self::start::StartArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::load_settings;

#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// Runs the server until it is told to end.
    ///
    /// It works on the database that the setting database.url names, where the runs of programs are as well. Prefect's
    /// clients find it by PREFECT_API_URL=http://HOST:PORT/api.
    Start(StartArguments),
    /// Ends the server that runs with this home folder, when it has answered what it was asked.
    Stop,
    /// Says whether a server runs with this home folder, and where. Exit code 1 if none does.
    Status,
    /// Looks at what the server does unasked, and does that apart from it.
    #[command(subcommand)]
    Services(ServicesCommand),
    /// Looks after the server's database.
    #[command(subcommand)]
    Database(DatabaseCommand),
}

pub(super) async fn run(command: ServerCommand, profile: Option<&str>, out: &mut Output) -> Result<u8, Failure> {
    let settings = load_settings(profile)?;
    match command {
        ServerCommand::Start(arguments) => start::run(arguments, profile, &settings, out).await.map(|()| 0),
        ServerCommand::Stop => stop::run(&settings, out).await.map(|()| 0),
        ServerCommand::Status => stop::status(&settings, out),
        ServerCommand::Services(command) => services::run(command, &settings, out).await.map(|()| 0),
        ServerCommand::Database(command) => database::run(command, &settings, out).await.map(|()| 0),
    }
}
