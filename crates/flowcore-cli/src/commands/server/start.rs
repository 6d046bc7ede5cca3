//! `flowcore server start`.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use flowcore::model::LogLevel;
use flowcore::settings::Settings;
use flowcore_server::{KeySource, Server, ServerError};
use tokio::net::TcpListener;

use super::running::{self, Running};
use crate::called::as_called;
use crate::failure::Failure;
use crate::log;
use crate::output::{Output, note};

#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    /// The address to listen on; the setting server.host counts where none is said.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The port to listen on, 0 for any that is free; the setting server.port counts where none is said.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The least grave log lines that are written, from TRACE to ERROR; the setting logging.level counts where none is said.
    /// DEBUG tells of each request.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<LogLevel>,
    /// Starts the server and leaves it alone. What it logs is in server.log in the home folder.
    #[arg(long, short)]
    background: bool,
    /// Lets other machines reach a server that does not ask who they are.
    #[arg(long)]
    insecure: bool,
    /// Only answers: makes no runs of schedules, and does nothing else unasked. Another server on the same database may.
    #[arg(long)]
    no_services: bool,
}

pub(super) async fn run(
    arguments: StartArguments,
    profile: Option<&str>,
    settings: &Settings,
    out: &mut Output,
) -> Result<(), Failure> {
    if arguments.background {
        return in_background(&arguments, profile, settings, out).await;
    }
    log::begin(arguments.log_level.unwrap_or(settings.log_level), settings.server.log_format);
    let host = arguments.host.as_deref().unwrap_or(&settings.server.host);
    let port = arguments.port.unwrap_or(settings.server.port);
    let is_guarded = settings.server.auth_string.is_some() || arguments.insecure;
    let listener = listen(host, port, is_guarded).await?;
    let address = listener.local_addr().map_err(|error| Failure::new(format!("the server has no address: {error}")))?;
    let server = open(settings).await.map_err(|error| match error {
        ServerError::Store(error) => {
            Failure::new(format!("{error}; the database is what the setting database.url names"))
        }
        error => Failure::new(error.to_string()),
    })?;
    let api = format!("http://{address}{}", settings.server.base_path);
    let told = running::tell(settings, &Running { process: std::process::id(), api: api.clone() });
    if told.is_none() {
        note("warning: another server runs with this home folder; `flowcore server stop` finds that one");
    }
    out.line(format!("The server listens on {api}"))?;
    out.flush()?;
    let server = server.with_settings(settings);
    let server = if arguments.no_services { server } else { server.with_services() };
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

/// Starts this program anew, and waits until it listens.
async fn in_background(
    arguments: &StartArguments,
    profile: Option<&str>,
    settings: &Settings,
    out: &mut Output,
) -> Result<(), Failure> {
    if let Some(server) = running::find(settings) {
        let Running { process, api } = server;
        return Err(Failure::new(format!(
            "a server runs with this home folder, as process {process} at {api}: `flowcore server stop` ends it"
        )));
    }
    let path = settings.home.join("server.log");
    let failed = |error: std::io::Error| Failure::new(format!("the server cannot write {}: {error}", path.display()));
    std::fs::create_dir_all(&settings.home).map_err(failed)?;
    let log = File::create(&path).map_err(failed)?;
    let program =
        std::env::current_exe().map_err(|error| Failure::new(format!("flowcore cannot find itself: {error}")))?;
    let mut command = Command::new(program);
    command.args(profile.map(|name| format!("--profile={name}"))).args(["server", "start"]);
    command.args(arguments.host.as_ref().map(|host| format!("--host={host}")));
    command.args(arguments.port.map(|port| format!("--port={port}")));
    command.args(arguments.log_level.map(|level| format!("--log-level={}", level.as_str())));
    command.args(arguments.insecure.then_some("--insecure"));
    command.args(arguments.no_services.then_some("--no-services"));
    command.stdin(Stdio::null()).stdout(log.try_clone().map_err(failed)?).stderr(log);
    // Ctrl-C in this terminal is not meant for it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|error| Failure::new(format!("the server cannot be started: {error}")))?;
    loop {
        if let Some(server) = running::find(settings).filter(|server| server.process == child.id()) {
            out.line(format!("The server runs as process {} and listens on {}", server.process, server.api))?;
            let end = as_called("`flowcore server stop` ends it.");
            return out.line(format!("It logs to {}; {end}", path.display()));
        }
        let ended = child.try_wait().map_err(|error| Failure::new(format!("the server cannot be watched: {error}")))?;
        if ended.is_some() {
            let mut said = String::new();
            File::open(&path).and_then(|mut file| file.read_to_string(&mut said)).map_err(failed)?;
            return Err(Failure::new(format!(
                "the server did not start: {}",
                said.trim().trim_start_matches("error: ")
            )));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Begins to listen. Only one that asks who is there, or is told not to, may be reached from other machines.
async fn listen(host: &str, port: u16, is_guarded: bool) -> Result<TcpListener, Failure> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| Failure::new(format!("{host} is no address to listen on: {error}; set server.host")))?
        .collect();
    if let Some(open) = addresses.iter().find(|address| !address.ip().is_loopback() && !is_guarded) {
        return Err(Failure::new(format!(
            "the server would listen on {open}, where other machines reach it, and it does not ask who they are: set \
             server.api.auth_string to NAME:PASSWORD, let it listen on 127.0.0.1, or say --insecure"
        )));
    }
    TcpListener::bind(&*addresses).await.map_err(|error| {
        Failure::new(format!(
            "the server cannot listen on {host}:{port}: {error}; choose another --port, or server.port"
        ))
    })
}

/// Waits for Ctrl-C or SIGTERM. SIGTERM is listened for from now on.
pub(super) fn told_to_end() -> impl Future<Output = ()> + Send + 'static {
    #[cfg(unix)]
    let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    async move {
        #[cfg(unix)]
        if let Ok(mut terminate) = terminate {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        // Where signals cannot be heard the server runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
