//! `flowcore server database`.

use clap::Subcommand;
use flowcore::settings::{Settings, redact_url};
use flowcore::store::sql::schema_version;
use flowcore_server::Server;

use crate::confirm::Insistence;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum DatabaseCommand {
    /// Brings the tables to the version that this flowcore works with, as whatever opens the database does.
    Upgrade,
    /// Says why tables are not brought back to an earlier version.
    Downgrade,
    /// Deletes everything that is in the database.
    Reset(Insistence),
}

pub(super) async fn run(command: DatabaseCommand, settings: &Settings, out: &mut Output) -> Result<(), Failure> {
    let shown = redact_url(&settings.database_url);
    let open = async || {
        Server::open(&settings.store_url())
            .await
            .map_err(|error| Failure::new(format!("{error}; the database is what the setting database.url names")))
    };
    match command {
        DatabaseCommand::Upgrade => {
            open().await?.close().await.map_err(|error| Failure::new(error.to_string()))?;
            let version = schema_version().map_or_else(String::new, |version| version.to_string());
            out.line(format!("The database {shown} is at version {version}."))
        }
        DatabaseCommand::Downgrade => Err(Failure::new(
            "tables cannot be brought back to an earlier version, since what is new in them would be lost: put back a copy \
             of the database that was made before the upgrade",
        )),
        DatabaseCommand::Reset(insistence) => {
            insistence.ask(out, || format!("Delete everything in {shown}?"))?;
            let server = open().await?;
            server.clear_database().await.map_err(|error| Failure::new(error.to_string()))?;
            server.close().await.map_err(|error| Failure::new(error.to_string()))?;
            out.line(format!("The database {shown} is empty."))
        }
    }
}
