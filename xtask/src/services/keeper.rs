//! Keeping a service for exactly as long as the command runs.
//!
//! A command can end in ways that run no destructor: Ctrl-C, a signal of CI, a panic in the wrong place. So the service
//! is not its child but the child of a keeper, which holds the reading end of a pipe from the command. When the command
//! ends, in whatever way, the system closes the pipe; the keeper reads the end of its input, stops the service and
//! removes its files. The keeper has its own process group, because a Ctrl-C in the terminal must not end it first.

use std::io::{BufRead, BufReader, Read, Write, stdin, stdout};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::service::Service;
use super::set;
use crate::failure::Failure;

/// The command that runs a keeper, followed by the name of the service.
pub(crate) const KEEP: &str = "keep-service";

/// What a keeper prints before the address, when the service answers. Anything else that it prints says why not.
const READY: &str = "ready ";

/// A keeper, seen from the command. Dropping it stops the service and waits until it is gone.
pub(super) struct Keeper {
    process: Child,
    lifeline: Option<ChildStdin>,
    address: String,
}

impl Keeper {
    /// Starts a service under a keeper and waits until it answers.
    pub(super) fn start(service: &dyn Service) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        let mut process = Command::new(program)
            .args([KEEP, service.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("cannot start a keeper: {error}"))?;
        let (lifeline, said) = (process.stdin.take(), process.stdout.take());
        let mut keeper = Self { process, lifeline, address: String::new() };

        let mut said = BufReader::new(said.ok_or("the keeper has no standard output")?);
        let mut first = String::new();
        said.read_line(&mut first).map_err(|error| format!("cannot read from the keeper: {error}"))?;
        if let Some(address) = first.trim_end().strip_prefix(READY) {
            keeper.address = address.to_owned();
            return Ok(keeper);
        }
        let mut reason = first;
        said.read_to_string(&mut reason).map_err(|error| format!("cannot read from the keeper: {error}"))?;
        Err(reason.trim_end().to_owned())
    }

    /// Says where the service is.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        if let Err(error) = self.process.wait() {
            eprintln!("warning: cannot wait for a keeper: {error}");
        }
    }
}

/// Is the keeper: starts the service, says so, and stops it at the end of input.
pub(crate) fn keep(name: &str) -> Result<(), Failure> {
    let service = set::find(name).ok_or_else(|| Failure::usage(format!("there is no service `{name}`")))?;
    // The command may be gone by now; then nobody reads what is written here, and the end of input comes at once.
    let say = |line: String| writeln!(stdout(), "{line}").and_then(|()| stdout().flush());
    let _ = match service.start() {
        Ok(running) => {
            let said = say(format!("{READY}{}", running.address()));
            said.and_then(|()| stdin().read_to_end(&mut Vec::new()).map(drop))
        }
        Err(reason) => say(reason),
    };
    Ok(())
}
