//! `cargo xtask test`: all tests, with the services that they need.

use crate::failure::Failure;
use crate::process;
use crate::services::Services;

/// Starts the services, runs `cargo test --workspace` to its end, and stops the services.
///
/// Tests whose service cannot run skip themselves. What was not tested for that reason is said before and after the
/// tests, and fails the run where `CI=true`.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let services = Services::start();
    eprint!("{}", services.warning());

    let mut command = process::cargo(["test", "--workspace", "--no-fail-fast"]);
    command.args(args).envs(services.variables());
    let tested = process::run(&mut command);

    let (warning, verdict) = (services.warning(), services.verdict());
    // The services stop before the last word is printed, so that the warning stays the last thing to be read.
    drop(services);
    eprint!("{warning}");
    tested.and(verdict).map_err(Failure::from)
}
