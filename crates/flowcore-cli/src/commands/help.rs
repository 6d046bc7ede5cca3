//! `flowcore help`: the help of a command.

use clap::Args;
use clap::error::ErrorKind;

use crate::called;
use crate::failure::Failure;
use crate::output::Output;
use crate::text::one_line;

#[derive(Debug, Args)]
pub(crate) struct Help {
    /// The command; without one, what there is.
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

/// Prints what the command prints with `--help`.
pub(super) fn run(arguments: &Help, out: &mut Output) -> Result<(), Failure> {
    let words = arguments.command.iter().map(String::as_str);
    let words = std::iter::once(called::name()).chain(words).chain(std::iter::once("--help"));
    match called::command_line().try_get_matches_from(words) {
        Err(help) if help.kind() == ErrorKind::DisplayHelp => out.line(help.render().to_string().trim_end()),
        _ => {
            let command = one_line(&arguments.command.join(" "));
            Err(Failure::Usage(format!("there is no command `{command}`: `{} help` lists all", called::name())))
        }
    }
}
