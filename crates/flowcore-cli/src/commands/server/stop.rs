//! `flowcore server stop` and `flowcore server status`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flowcore::settings::Settings;

use super::running;
use crate::failure::Failure;
use crate::output::Output;

/// For how long the end of a server is waited for: it finishes what it was asked before.
const PATIENCE: Duration = Duration::from_secs(40);

pub(super) async fn run(settings: &Settings, out: &mut Output) -> Result<(), Failure> {
    let Some(server) = running::find(settings) else {
        return Err(Failure::new(format!("no server runs with the home folder {}", settings.home.display())));
    };
    let number = server.process.to_string();
    let told = Command::new("kill").arg(&number).stderr(Stdio::null()).status();
    if !told.as_ref().is_ok_and(std::process::ExitStatus::success) {
        return Err(Failure::new(format!(
            "process {number}, the server, cannot be told to end: end it by other means"
        )));
    }
    let began = Instant::now();
    while running::find(settings).is_some_and(|now| now == server) {
        if began.elapsed() > PATIENCE {
            return Err(Failure::new(format!("process {number}, the server, has not ended yet; it was told to")));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    out.line("The server has ended.")
}

pub(super) fn status(settings: &Settings, out: &mut Output) -> Result<u8, Failure> {
    match running::find(settings) {
        Some(server) => {
            out.line(format!("The server runs as process {} and listens on {}", server.process, server.api))?;
            Ok(0)
        }
        None => {
            out.line("No server runs with this home folder.")?;
            Ok(1)
        }
    }
}
