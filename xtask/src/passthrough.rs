//! `cargo xtask bench` and `cargo xtask prove`: programs of the workspace that want release mode.

use crate::failure::Failure;
use crate::process;

/// Runs a benchmark: its name and its own arguments.
pub(crate) fn bench(args: &[String]) -> Result<(), Failure> {
    if args.first().is_some_and(|name| matches!(name.as_str(), "server" | "soak" | "ui")) {
        // What is measured is the binary that users have.
        process::run(&mut process::cargo(["build", "--release", "-p", "flowcore-cli"]))?;
    }
    Ok(process::run(process::cargo(["run", "--release", "-p", "flowcore-benches", "--"]).args(args))?)
}

/// Runs a long proof: its name and its own arguments, or `--list`.
pub(crate) fn prove(args: &[String]) -> Result<(), Failure> {
    Ok(process::run(process::cargo(["run", "--release", "-p", "flowcore-tests", "--bin", "prove", "--"]).args(args))?)
}
