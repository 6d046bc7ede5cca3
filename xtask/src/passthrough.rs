//! `cargo xtask bench` and `cargo xtask prove`: programs of the workspace that want release mode.

use crate::failure::Failure;
use crate::process;

/// Runs a benchmark by its name.
pub(crate) fn bench(name: &str, json: bool) -> Result<(), Failure> {
    let mut command = process::cargo(["run", "--release", "-p", "flowcore-benches", "--", name]);
    if json {
        command.arg("--json");
    }
    Ok(process::run(&mut command)?)
}

/// Runs a long proof: its name and its own arguments, or `--list`.
pub(crate) fn prove(args: &[String]) -> Result<(), Failure> {
    Ok(process::run(process::cargo(["run", "--release", "-p", "flowcore-tests", "--bin", "prove", "--"]).args(args))?)
}
