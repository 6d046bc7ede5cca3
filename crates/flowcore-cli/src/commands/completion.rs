//! `flowcore completion`: what shells need to complete the command line.

use clap::{Args, ValueEnum};
use clap_complete::Shell as Generator;

use crate::called;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Completion {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    /// Put it into ~/.local/share/bash-completion/completions/flowcore.
    Bash,
    /// Put it into a file `_flowcore` in a folder of $fpath.
    Zsh,
    /// Put it into ~/.config/fish/completions/flowcore.fish.
    Fish,
}

pub(super) fn run(arguments: Completion, out: &mut Output) -> Result<(), Failure> {
    let generator = match arguments.shell {
        Shell::Bash => Generator::Bash,
        Shell::Zsh => Generator::Zsh,
        Shell::Fish => Generator::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut called::command_line(), called::name(), &mut script);
    out.bytes(&script)
}
