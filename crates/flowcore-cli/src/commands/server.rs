//! `flowcore server`: runs the server.

use clap::{Args, Subcommand};
use flowcore::settings::Settings;
use flowcore_server::{KeySource, Server, ServerError};
use tokio::net::TcpListener;

use crate::failure::Failure;
use crate::output::{Output, note};
use crate::session::load_settings;

#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// Runs the server until it is told to end.
    ///
    /// It works on the database that the setting database.url names, where the runs of programs are as well. Prefect's
    /// clients find it by PREFECT_API_URL=http://HOST:PORT/api.
    Start(StartArguments),
}

#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    /// The address to listen on; the setting server.host counts where none is said.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The port to listen on, 0 for any that is free; the setting server.port counts where none is said.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

pub(super) async fn run(command: ServerCommand, profile: Option<&str>, out: &mut Output) -> Result<(), Failure> {
    let ServerCommand::Start(arguments) = command;
    let settings = load_settings(profile)?;
    let host = arguments.host.unwrap_or(settings.server.host.clone());
    let port = arguments.port.unwrap_or(settings.server.port);
    let listener = listen(&host, port).await?;
    let address = listener.local_addr().map_err(|error| Failure::new(format!("the server has no address: {error}")))?;
    let server = open(&settings).await.map_err(|error| Failure::new(error.to_string()))?;
    out.line(format!("The server listens on http://{address}/api"))?;
    out.flush()?;
    server.serve(listener, told_to_end()).await.map_err(|error| Failure::new(error.to_string()))?;
    note("The server has ended.");
    Ok(())
}

async fn open(settings: &Settings) -> Result<Server, ServerError> {
    let keys = settings.encryption_key.clone().map(KeySource::Text);
    let keys = keys.unwrap_or_else(|| KeySource::Folder(settings.home.clone()));
    let server = Server::open(&settings.store_url()).await?.with_keys(&keys).await?;
    if settings.server.register_blocks { server.with_system_blocks().await } else { Ok(server) }
}

/// Begins to listen. Without authentication, which is not there yet, nobody but this machine may ask.
async fn listen(host: &str, port: u16) -> Result<TcpListener, Failure> {
    let addresses: Vec<_> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| Failure::new(format!("{host} is no address to listen on: {error}; set server.host")))?
        .collect();
    if let Some(open) = addresses.iter().find(|address| !address.ip().is_loopback()) {
        return Err(Failure::new(format!(
            "the server would listen on {open}, where other machines reach it, and it cannot ask who they are yet: \
             let it listen on 127.0.0.1"
        )));
    }
    TcpListener::bind(&*addresses).await.map_err(|error| {
        Failure::new(format!(
            "the server cannot listen on {host}:{port}: {error}; choose another --port, or server.port"
        ))
    })
}

/// Waits for Ctrl-C or SIGTERM.
async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Where signals cannot be heard the server runs until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
