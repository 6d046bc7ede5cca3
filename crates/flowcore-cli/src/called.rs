//! The name by which the program was called: its own, or Prefect's by a link.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

use clap::{Command, CommandFactory};

use crate::arguments::Arguments;

const OWN: &str = "flowcore";
const PREFECT: &str = "prefect";

/// Gives the name by which this program was called.
pub(crate) fn name() -> &'static str {
    name_in(std::env::args_os().next().as_deref())
}

fn name_in(called: Option<&OsStr>) -> &'static str {
    let stem = called.and_then(|called| Path::new(called).file_stem());
    if stem == Some(OsStr::new(PREFECT)) { PREFECT } else { OWN }
}

/// Puts the name by which this program was called into a sentence: wherever one of ours names a command, it is written as
/// `` `flowcore flow-run ls` ``.
pub(crate) fn as_called(sentence: &str) -> Cow<'_, str> {
    calling(sentence, name())
}

fn calling<'a>(sentence: &'a str, name: &str) -> Cow<'a, str> {
    let own = format!("`{OWN} ");
    if name == OWN || !sentence.contains(&own) {
        return Cow::Borrowed(sentence);
    }
    Cow::Owned(sentence.replace(&own, &format!("`{name} ")))
}

/// Gives the command line, whose help speaks of the program by that name.
pub(crate) fn command_line() -> Command {
    named(Arguments::command(), name())
}

fn named(command: Command, name: &'static str) -> Command {
    if name == OWN { command } else { renamed(command.name(name).bin_name(name), name) }
}

/// Puts another name into the texts of a command and of all below it.
fn renamed(command: Command, name: &str) -> Command {
    let text = |text: String| calling(&text, name).into_owned();
    let (about, long) =
        (command.get_about().map(ToString::to_string), command.get_long_about().map(ToString::to_string));
    let mut command = command;
    if let Some(about) = about {
        command = command.about(text(about));
    }
    if let Some(long) = long {
        command = command.long_about(text(long));
    }
    let command = command.mut_args(|arg| match arg.get_help().map(ToString::to_string) {
        Some(help) => arg.help(text(help)),
        None => arg,
    });
    command.mut_subcommands(|below| renamed(below, name))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_link_gives_another_name() {
        for (called, name) in
            [("/usr/local/bin/prefect", PREFECT), ("prefect.exe", PREFECT), ("target/flowcore", OWN), ("sh", OWN)]
        {
            assert_eq!(name_in(Some(OsStr::new(called))), name, "{called}");
        }
        assert_eq!(name_in(None), OWN);
    }

    #[test]
    fn sentences_name_commands_as_the_program_was_called() {
        let sentence = "flowcore has none: list them with `flowcore variable ls`";
        assert_eq!(calling(sentence, PREFECT), "flowcore has none: list them with `prefect variable ls`");
        assert_eq!(calling(sentence, OWN), sentence);
    }

    #[test]
    fn the_help_speaks_of_the_program_by_its_name() {
        let mut command = named(Arguments::command(), PREFECT);
        let help = command.render_long_help().to_string();
        assert!(help.contains("Usage: prefect ") && help.contains("`prefect config view`"), "{help}");
        assert!(!help.contains("`flowcore "), "{help}");
        command.build();
        let below = command.find_subcommand_mut("variable").unwrap().find_subcommand_mut("set").unwrap();
        let help = below.render_long_help().to_string();
        assert!(help.contains("Usage: prefect variable set") && help.contains("`prefect variable set owner"), "{help}");
    }
}
