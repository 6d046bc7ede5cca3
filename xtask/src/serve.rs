//! `cargo xtask services`: the services of the tests, for running single tests by hand.

use std::io::{Write, stdin, stdout};

use crate::failure::Failure;
use crate::services::Services;

/// Starts the services, prints their variables as shell lines, and stops them at Enter or at the end of input.
pub(crate) fn run() -> Result<(), Failure> {
    let services = Services::start();
    eprint!("{}", services.warning());
    let variables = services.variables();
    if variables.is_empty() {
        return Err("no service can run".to_owned().into());
    }
    for (name, value) in variables {
        println!("export {name}='{}'", value.replace('\'', r"'\''"));
    }
    stdout().flush().map_err(|error| format!("cannot print the variables: {error}"))?;
    eprintln!("The services run until you press Enter.");
    stdin().read_line(&mut String::new()).map_err(|error| format!("cannot read from standard input: {error}"))?;
    Ok(services.verdict()?)
}
