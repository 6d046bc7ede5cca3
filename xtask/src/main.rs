//! The chores of the workspace, run as `cargo xtask <command>` (Unix only).
//!
//! Each command is one file. What the tests need beside Rust is in [`services`].

mod ci;
mod compile;
mod failure;
mod passthrough;
mod process;
mod report;
mod serve;
mod services;
mod test;
mod tidy;
mod walk;

use std::process::ExitCode;

use failure::Failure;

const HELP: &str = "\
The chores of the workspace.

Usage: cargo xtask <command>

  test [-- ARGS]         run all tests, with the services that they need; ARGS go to `cargo test`
  tidy                   check layers, file lengths, forbidden words and the number of crates, without compiling
  ci                     run everything that CI runs
  bench NAME [ARGS]      run a benchmark (embedded, server, soak, ui) in release mode; ARGS are a part of it, and --json
  bench compile          measure what a user's hello-world costs to compile
  fill --database URL [--flow-runs N]
                         fill a database with a million flow runs, and five of task runs and of log lines
  prove NAME [ARGS]      run a long proof in release mode; `prove --list` names them
  walk [ARGS]            walk through the dhis2 stack of examples/dhis2-like, on a PostgreSQL and a Python of its own
  services               start the services of the tests, print their variables, stop at Enter or end of input
  help                   print this help
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            eprintln!("error: {message}\n\n{HELP}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(message)) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<(), Failure> {
    let Some((command, rest)) = args.split_first() else {
        return Err(Failure::usage("say which chore to run"));
    };
    match (command.as_str(), rest) {
        ("test", []) => test::run(&[]),
        ("test", [dashes, rest @ ..]) if dashes == "--" => test::run(rest),
        ("tidy", []) => tidy::run(),
        ("ci", []) => ci::run(),
        ("bench", [name]) if name == "compile" => compile::run(),
        ("bench", [_, ..]) => passthrough::bench(rest),
        ("fill", [_, ..]) => passthrough::bench(args),
        ("prove", [_, ..]) => passthrough::prove(rest),
        ("walk", _) => walk::run(rest),
        ("services", []) => serve::run(),
        // Not in the help: `services::keeper` starts it.
        (services::KEEP, [service]) => services::keep(service),
        ("help" | "--help" | "-h", []) => {
            print!("{HELP}");
            Ok(())
        }
        ("test" | "tidy" | "ci" | "bench" | "fill" | "prove" | "services", _) => {
            Err(Failure::usage(format!("`{command}` does not take these arguments: {rest:?}")))
        }
        _ => Err(Failure::usage(format!("there is no command `{command}`"))),
    }
}
