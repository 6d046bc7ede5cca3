//! `cargo xtask bench` and `cargo xtask prove`: programs of the workspace that want release mode.

use std::process::Command;

use crate::failure::Failure;
use crate::process;

/// Runs a benchmark: its name and its own arguments.
///
/// The command is built with it, since some start it as a server: what they measure is the program that users have.
pub(crate) fn bench(args: &[String]) -> Result<(), Failure> {
    let build = ["build", "--release", "-p", "flowcore-cli", "-p", "flowcore-benches", "--bins"];
    process::run(&mut process::cargo(build))?;
    let program = process::target().join("release/flowcore-bench");
    Ok(process::run(Command::new(program).args(args).current_dir(process::root()))?)
}

/// Runs a long proof: its name and its own arguments, or `--list`.
pub(crate) fn prove(args: &[String]) -> Result<(), Failure> {
    Ok(process::run(process::cargo(["run", "--release", "-p", "flowcore-tests", "--bin", "prove", "--"]).args(args))?)
}
