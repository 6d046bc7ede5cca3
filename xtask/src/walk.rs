//! `cargo xtask walk`: the walk of `examples/dhis2-like`, with the services that it needs.

use crate::failure::Failure;
use crate::process;
use crate::services::Services;

/// What the walk needs beside Rust, by their variables.
const NEEDED: [&str; 2] = ["FLOWCORE_TEST_POSTGRES_URL", "FLOWCORE_TEST_PREFECT_PYTHON"];

/// Starts the services, walks, and stops the services.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let services = Services::start_for(&NEEDED);
    eprint!("{}", services.warning());
    let mut command = process::cargo(["run", "--quiet", "--bin", "dhis2-like", "--"]);
    Ok(process::run(command.args(args).envs(services.variables()))?)
}
