//! Schemathesis against a server: requests from its own OpenAPI document, good ones and bad ones.

use std::time::Duration;

use flowcore::{Error, Result};
use tokio::process::Command;

/// How much is tried.
#[derive(Clone, Copy, Debug)]
pub struct Fuzz {
    /// How many requests by chance there are of each operation, beside those for each border of its schema.
    pub examples: u32,
    /// How long it may take, in seconds.
    pub seconds: u64,
    /// Where chance begins.
    pub seed: u64,
}

/// A request that takes longer than this, in seconds, hangs.
const HANGS: u64 = 10;

/// Sends the requests to an API such as `http://127.0.0.1:4200/api`.
///
/// # Errors
///
/// The server failed (5xx) or did not answer in time: what Schemathesis says of it, with the requests to do it again.
pub async fn fuzz(python: &str, api: &str, plan: &Fuzz) -> Result<()> {
    let mut command = Command::new(python);
    command
        .args(["-m", "schemathesis.cli", "run"])
        .arg(format!("{api}/openapi.json"))
        .args(["--checks", "not_a_server_error", "--phases", "examples,coverage,fuzzing", "--no-color"])
        .args(["--suppress-health-check", "all", "--warnings", "off", "--generation-database", "none"])
        .args(["--max-examples", &plan.examples.to_string(), "--max-time", &plan.seconds.to_string()])
        .args(["--request-timeout", &HANGS.to_string(), "--seed", &plan.seed.to_string(), "--continue-on-failure"])
        .env("NO_PROXY", "127.0.0.1")
        .kill_on_drop(true);
    // Its budget is of requests; starting and reporting take their time as well.
    let patience = Duration::from_secs(plan.seconds + 120);
    let output = tokio::time::timeout(patience, command.output()).await;
    let output = output.map_err(|_| Error::msg("the fuzz does not come to its end"))??;
    let said = [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy).concat();
    if output.status.success() {
        // The last lines say how much was tried.
        println!(
            "{}",
            said.lines().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
        );
        return Ok(());
    }
    Err(Error::msg(format!("{said}\n{}", output.status)))
}
