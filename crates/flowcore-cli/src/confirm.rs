//! Asking before something is gone for good, in one way for all commands.

use std::io::{self, IsTerminal, Write};

use clap::Args;

use crate::failure::Failure;
use crate::output::Output;

/// The flag that answers before anything is asked.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Confirmation {
    /// Do not ask. Without a terminal nobody is asked.
    #[arg(long, short, visible_alias = "no-prompt", alias = "accept-yes")]
    yes: bool,
}

impl Confirmation {
    /// Asks on the terminal whether a deletion is meant. Where there is nobody to ask it is meant, so that scripts need no
    /// flag: Prefect's command does the same.
    ///
    /// # Errors
    ///
    /// It is not.
    pub(crate) fn ask(self, out: &Output, question: impl FnOnce() -> String) -> Result<(), Failure> {
        let asks = out.may_ask() && io::stdin().is_terminal();
        if self.yes || !asks || agreed(&question())? { Ok(()) } else { Err(Failure::new("nothing was deleted")) }
    }
}

/// The same for what nobody should lose by a script's slip.
#[cfg(feature = "server")]
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Insistence {
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

#[cfg(feature = "server")]
impl Insistence {
    /// Asks on the terminal whether the deletion of everything is meant.
    ///
    /// # Errors
    ///
    /// It is not, or there is nobody to ask.
    pub(crate) fn ask(self, out: &Output, question: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !out.may_ask() || !io::stdin().is_terminal() {
            return Err(Failure::Usage("deleting everything cannot be undone: confirm it with --yes".to_owned()));
        }
        if agreed(&question())? { Ok(()) } else { Err(Failure::new("nothing was deleted")) }
    }
}

fn agreed(question: &str) -> Result<bool, Failure> {
    let mut terminal = io::stderr();
    write!(terminal, "{question} [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
