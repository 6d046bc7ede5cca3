//! Asking before something is gone for good.

use std::io::{self, IsTerminal, Write};

use crate::failure::Failure;

/// Asks on the terminal. Refuses where there is nobody to ask: `subject` is what would be deleted then.
pub(crate) fn confirmed(subject: &str, question: impl FnOnce() -> String) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(format!("deleting {subject} cannot be undone: confirm it with --yes")));
    }
    let mut terminal = io::stderr();
    write!(terminal, "{} [y/N] ", question())?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
